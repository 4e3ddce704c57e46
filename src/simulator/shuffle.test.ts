import { describe, expect, test } from "vitest";
import { type Population, type Scenario, type SimulationResult, simulate } from "./index.ts";

const shuffle: Scenario = {
  name: "shuffle",
  durationMs: 3_600_000,
  jobs: [
    {
      name: "words",
      inputs: 40,
      workMs: (random) => 200 + random.exponential() * 300,
      shuffle: { partitions: 8, reduceMs: 400 },
    },
  ],
  populations: [{ name: "pc", count: 2, slots: 2 }],
  limits: { unitTargetMs: 500 },
  mustFinish: true,
};

/** Nothing is wrong, and each partition has its one result, made of every segment once. */
function expectWhole({ violations, jobs }: SimulationResult): void {
  expect(violations).toEqual([]);
  expect(jobs).toMatchObject([{ name: "words", state: "done", inputs: 8, done: 8, failed: 0 }]);
}

test("a shuffle ends with a result for each partition", () => {
  expectWhole(simulate(shuffle, { seed: 1, check: "tick" }));
});

test("a shuffle of no segments is reduced, too", () => {
  const [job] = shuffle.jobs;
  expectWhole(simulate({ ...shuffle, jobs: [{ ...job!, inputs: 0 }] }, { seed: 1, check: "tick" }));
});

describe("a machine that leaves with the outputs that it holds, at every point of a shuffle", () => {
  const { makespanMs } = simulate(shuffle, { seed: 1 }).jobs[0]!;
  const points = Array.from({ length: 60 }, (_, at) => ((at + 0.5) / 60) * makespanMs!);

  /** One of two machines leaves at a time, for good or for a while. */
  const leaving = (atMs: number, backAfterMs: number, rest: Partial<Population>): Scenario => ({
    ...shuffle,
    populations: [
      { name: "stays", count: 1, slots: 2 },
      {
        name: "leaves",
        count: 1,
        slots: 2,
        availability: (_, { turn }) => {
          if (turn === 1) return { online: false, forMs: backAfterMs };
          return { online: true, forMs: turn === 0 ? atMs : Number.POSITIVE_INFINITY };
        },
        ...rest,
      },
    ],
  });

  test.each([
    ["crashes and is gone", Number.POSITIVE_INFINITY, { departure: { crash: 1 } }],
    ["drains and is gone", Number.POSITIVE_INFINITY, { departure: { drain: 1 } }],
    ["freezes for longer than its lease", 60_000, { departure: { freeze: 1 } }],
    ["is back soon, with its outputs", 1_000, { departure: { crash: 1 }, keepsOutputs: true }],
    ["is back soon, without them", 1_000, { departure: { crash: 1 } }],
    ["is back late, with its outputs", 30_000, { departure: { crash: 1 }, keepsOutputs: true }],
  ] satisfies [string, number, Partial<Population>][])("%s", (_, backAfterMs, rest) => {
    for (const atMs of points)
      expectWhole(simulate(leaving(atMs, backAfterMs, rest), { seed: 1, check: "tick" }));
  });
});

test("volunteers come and go, and the hub is killed in between: no segment is lost, none counted twice", () => {
  const storm: Scenario = {
    ...shuffle,
    populations: [
      { name: "stays", count: 1 },
      {
        name: "volunteers",
        count: 6,
        availability: (random, { turn }) => ({
          online: turn % 2 === 0,
          forMs: random.exponential() * (turn % 2 === 0 ? 4_000 : 2_000),
        }),
        departure: { drain: 1, crash: 2, freeze: 1 },
        network: { jitterMs: 30, lossRate: 0.02, breakRate: 0.02, halfOpenShare: 0.3 },
      },
    ],
    hub: { crashesAtMs: [2_000, 5_000, 9_000], restartMs: 500, checkpointRecords: 20, unsyncedMs: 1_000 },
    limits: { ...shuffle.limits, leaseTtlMs: 4_000, adoptionWindowMs: 1_000 },
  };
  let outputsLost = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const result = simulate(storm, { seed, check: "tick" });
    expectWhole(result);
    outputsLost += result.outputsLost;
  }
  expect(outputsLost).toBeGreaterThan(40);
});

test("what strangers map and reduce is right, although some lie and all but one come and go", () => {
  const [job] = shuffle.jobs;
  const comesAndGoes: Population["availability"] = (random, { turn }) => ({
    online: turn % 2 === 0,
    forMs: random.exponential() * (turn % 2 === 0 ? 20_000 : 3_000),
  });
  const anybody = { availability: comesAndGoes, departure: { drain: 1, crash: 1 } };
  const strangers: Scenario = {
    ...shuffle,
    jobs: [{ ...job!, quorum: { agree: 2, of: 3 }, engineShare: 0.3 }],
    populations: [
      { name: "notary", count: 1, trusted: true, speed: 0.3 },
      { ...anybody, name: "honest", count: 5 },
      { ...anybody, name: "others", count: 3, engineClass: "spidermonkey" },
      { ...anybody, name: "liars", count: 1, conduct: "liar" },
      { ...anybody, name: "colluders", count: 3, conduct: "colluder" },
    ],
    hub: { crashesAtMs: [8_000], restartMs: 500, checkpointRecords: 20 },
    limits: { ...shuffle.limits, provenStreakMin: 3, leaseTtlMs: 4_000, adoptionWindowMs: 1_000 },
  };
  const believed = { quorum: 0, trust: 0, trusted: 0 };
  let outputsLost = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const result = simulate(strangers, { seed, check: "tick" });
    expectWhole(result);
    const { wrong, accepted } = result.trust!;
    expect(wrong).toEqual({ honest: 0, liar: 0, colluder: 0, sleeper: 0 });
    // Those of rows and of partitions, however often they were lost.
    expect(accepted.quorum + accepted.trust + accepted.trusted).toBe(48);
    for (const way of ["quorum", "trust", "trusted"] as const) believed[way] += accepted[way];
    outputsLost += result.outputsLost;
  }
  for (const count of [...Object.values(believed), outputsLost]) expect(count).toBeGreaterThan(10);
}, 120_000);
