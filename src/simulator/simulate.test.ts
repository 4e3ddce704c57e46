import { expect, test } from "vitest";
import { purpose } from "./environment/purpose.ts";
import { runSwarm, type Scenario, seededRandom, simulate } from "./index.ts";
import { planJobs } from "./plan.ts";

/** One input a unit, no copies, nothing in advance: plain queueing. */
const plain: Scenario["limits"] = {
  unitInputsMax: 1,
  prefetchUnitsMax: 0,
  speculationAfterMs: 1e12,
  leaseTtlMs: 3_600_000,
  heartbeatIntervalMs: 600_000,
  receiptDelayMs: 0,
};

/** Mean waiting time in an M/M/c queue by Erlang's C formula, in units of the mean service time. */
function erlangWait(servers: number, load: number): number {
  let blocked = 1;
  for (let at = 1; at <= servers; at++) blocked = (load * blocked) / (at + load * blocked);
  const waits = blocked / (1 - (load / servers) * (1 - blocked));
  return waits / (servers - load);
}

const volunteers: Scenario = {
  name: "volunteers",
  durationMs: 3_600_000,
  jobs: [
    {
      name: "job",
      inputs: 300,
      workMs: (random) => random.exponential() * 500,
      flakyShare: 0.05,
      retries: 3,
    },
  ],
  populations: [
    { name: "pc", count: 2, slots: 2 },
    {
      name: "volunteer",
      count: 5,
      availability: (random, { turn }) => ({ online: turn % 2 === 0, forMs: random.exponential() * 10_000 }),
      departure: { drain: 1, crash: 1, freeze: 1 },
      network: { jitterMs: 20, lossRate: 0.02, breakRate: 0.01 },
    },
  ],
  hub: { crashesAtMs: [10_000], restartMs: 1_000 },
  mustFinish: true,
};

test("the same seed gives the same bytes, another seed others", () => {
  const run = (seed: number) => JSON.stringify(simulate(volunteers, { seed }));
  const first = run(1);
  expect(JSON.parse(first).violations).toEqual([]);
  expect(run(1)).toBe(first);
  expect(run(2)).not.toBe(first);
});

test("looking does not change what is seen", () => {
  expect(simulate(volunteers, { seed: 3, check: "tick" })).toEqual(
    simulate(volunteers, { seed: 3, check: "none" }),
  );
});

/** Mean wait of the first customers by the recursion of Kiefer and Wolfowitz (1955), first come first served. */
function meanWait(
  servers: number,
  customers: number,
  gapMs: () => number,
  workMs: (at: number) => number,
): number {
  const freeMs = Array.from({ length: servers }, () => 0);
  let nowMs = 0;
  let waitMs = 0;
  for (let at = 0; at < customers; at++) {
    if (at > 0) nowMs += gapMs();
    let first = 0;
    for (let server = 1; server < servers; server++) if (freeMs[server]! < freeMs[first]!) first = server;
    const startMs = Math.max(nowMs, freeMs[first]!);
    waitMs += startMs - nowMs;
    freeMs[first] = startMs + workMs(at);
  }
  return waitMs / customers;
}

test.each([
  [1, 0.7],
  [4, 3.2],
])("waiting times are those of M/M/%i at load %d", (servers, load) => {
  // A queue's mean settles slowly: some 20,000 customers of the simulator are held to what the recursion
  // says of the same draws, and 3,000,000 of the recursion to the formula.
  const scenario: Scenario = {
    name: "M/M/c",
    durationMs: 1e12,
    jobs: [
      {
        name: "queue",
        inputs: 20_000,
        workMs: (random) => random.exponential() * 1_000,
        feed: { inputsPerAppend: 1, everyMs: (random) => (random.exponential() * 1_000) / load },
      },
    ],
    populations: [{ name: "server", count: servers }],
    network: { latencyMs: 0 },
    hub: { appendMs: 0 },
    limits: plain,
  };
  const [plan] = planJobs(scenario, 1);
  const gaps = seededRandom(1, purpose.arrivals, -1, 0);
  const expectedMs = meanWait(servers, 20_000, () => (gaps.exponential() * 1_000) / load, plan!.workMs);
  const { meanWaitMs } = simulate(scenario, { seed: 1, check: "none" }).jobs[0]!;
  expect(Math.abs(meanWaitMs / expectedMs - 1)).toBeLessThan(0.01);
  const random = seededRandom(1, 1);
  const many = meanWait(
    servers,
    3_000_000,
    () => random.exponential() / load,
    () => random.exponential(),
  );
  expect(Math.abs(many / erlangWait(servers, load) - 1)).toBeLessThan(0.02);
});

test("no list is scheduled worse than Graham's bound", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed, 99);
    const slots = 2 + random.int(6);
    const works = Array.from({ length: slots * 3 + random.int(20) }, () => 10 + random.next() ** 4 * 2_000);
    let next = 0;
    const scenario: Scenario = {
      name: "list",
      durationMs: 1e9,
      jobs: works.map((workMs) => ({ name: `${next++}`, inputs: 1, workMs })),
      populations: [{ name: "machine", count: slots }],
      network: { latencyMs: 0 },
      hub: { appendMs: 0 },
      limits: plain,
    };
    const { makespanMs, violations } = simulate(scenario, { seed, check: "tick" });
    const total = works.reduce((sum, work) => sum + work, 0);
    const longest = Math.max(...works);
    expect(violations).toEqual([]);
    expect(makespanMs!).toBeGreaterThanOrEqual(Math.max(longest, total / slots) - 1e-6);
    // Graham, 1969: the optimum is at least as long as either term alone.
    expect(makespanMs!).toBeLessThanOrEqual(total / slots + (1 - 1 / slots) * longest + 10);
  }
});

test("a swarm of random scenarios finds nothing", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { violations } = runSwarm(seed);
    expect(violations, `seed ${seed}`).toEqual([]);
  }
});

test("a scenario that cannot end is told so", () => {
  const jobs = [{ name: "nobody's", inputs: 1, workMs: 1, labels: ["gpu"] }];
  const { violations } = simulate({ ...volunteers, jobs, durationMs: 60_000 }, { seed: 1 });
  expect(violations).toMatchObject([{ kind: "liveness", message: expect.stringContaining("1 jobs") }]);
});

test("a checkpoint saves what a crash would cost", () => {
  const waste = (checkpoint: Scenario["jobs"][number]["checkpoint"]) => {
    const scenario: Scenario = {
      name: "long",
      durationMs: 1e9,
      jobs: [
        {
          name: "long",
          inputs: 20,
          workMs: 100_000,
          maxAttempts: 100,
          ...(checkpoint ? { checkpoint } : {}),
        },
      ],
      populations: [
        {
          name: "volunteer",
          count: 4,
          availability: (random, { turn }) => ({
            online: turn % 2 === 0,
            forMs: turn % 2 === 0 ? random.exponential() * 80_000 : 1_000,
          }),
        },
      ],
      mustFinish: true,
    };
    const { slotTime, violations } = simulate(scenario, { seed: 1, check: "tick" });
    expect(violations).toEqual([]);
    return slotTime.crashed;
  };
  expect(waste({ intervalMs: 10_000, costMs: 100, restartMs: 100 })).toBeLessThan(waste(undefined) / 3);
});
