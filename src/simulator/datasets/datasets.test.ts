import { describe, expect, test } from "vitest";
import { type Population, type Scenario, type SimulationResult, simulate, uniform } from "../index.ts";

const keeper: Population = { name: "stays", count: 1, slots: 1, trusted: true };

const scenario: Scenario = {
  name: "datasets",
  durationMs: 600_000,
  datasets: [
    { name: "books", bytes: 60_000, blocks: 6, replicas: 2, putMs: 500 },
    { name: "drafts", bytes: 10_000, blocks: 2, replicas: 1, removeAfterMs: 4_000 },
  ],
  jobs: [{ name: "words", inputs: 12, workMs: 200, retries: 1_000, reads: { dataset: "books" } }],
  populations: [keeper, { ...keeper, name: "leaves", count: 2 }],
  network: { latencyMs: 5, bytesPerSecond: 50_000 },
  limits: { unitTargetMs: 300, replicaGraceMs: 1_000, replicaRetryMs: 500, recoveryIntervalMs: 100 },
  mustFinish: true,
};

function expectWhole({ violations, jobs }: SimulationResult): void {
  expect(violations).toEqual([]);
  expect(jobs).toMatchObject([{ name: "words", state: "done", inputs: 12, done: 12, failed: 0 }]);
}

const points = Array.from({ length: 50 }, (_, at) => 100 + at * 100);

/** Two of three keepers leave at a time, and are back later or never, with their disks or without. */
const leaving = (atMs: number, backAfterMs: number, diskLostShare: number): Scenario => ({
  ...scenario,
  populations: [
    keeper,
    {
      ...keeper,
      name: "leaves",
      count: 2,
      diskLostShare,
      availability: (_, { turn }) => ({
        online: turn !== 1,
        forMs: turn === 0 ? atMs : turn === 1 ? backAfterMs : Number.POSITIVE_INFINITY,
      }),
    },
  ],
});

test("datasets are put, kept on as many machines as they want, read and removed", () => {
  expectWhole(simulate(scenario, { seed: 1, check: "tick" }));
});

describe("keepers that leave at every point", () => {
  test.each([
    ["for good", Number.POSITIVE_INFINITY, 0],
    ["for longer than a replica's grace", 3_000, 0],
    ["for a moment", 300, 0],
    ["and have lost their disks when they are back", 300, 1],
  ])("%s: no dataset is lost, and each is repaired", (_, backAfterMs, diskLostShare) => {
    for (const atMs of points) {
      expectWhole(simulate(leaving(atMs, backAfterMs, diskLostShare), { seed: 1, check: "tick" }));
    }
  });
});

describe("a hub that loses its disk at every point", () => {
  test.each([
    ["while its keepers are there", 0],
    ["while all but one of its keepers lose theirs", 1],
  ])("%s: what a keeper lives to tell of is back, and no input counts twice", (_, diskLostShare) => {
    for (const atMs of points) {
      const other = leaving(atMs, 300, diskLostShare);
      const hub = { diskLostAtMs: [atMs], restartMs: 700 };
      const jobs = scenario.jobs.map((job) => ({ ...job, retries: 3 }));
      const { violations } = simulate({ ...other, jobs, hub }, { seed: 1, check: "tick" });
      expect(violations, `at ${atMs} ms`).toEqual([]);
    }
  });

  test("a hub that is killed just after a dataset was put gives its keepers word of it", () => {
    for (const afterMs of [1, 50, 99, 101]) {
      const hub = { crashesAtMs: [500 + afterMs], diskLostAtMs: [8_000], restartMs: 300 };
      const jobs = scenario.jobs.map((job) => ({ ...job, retries: 3 }));
      expect(simulate({ ...scenario, jobs, hub }, { seed: 1, check: "tick" }).violations).toEqual([]);
    }
  });
});

test("a dataset that is lost for good keeps no other from its replicas, nor the catalogue from its keepers", () => {
  for (const atMs of points) {
    const hub = { diskLostAtMs: [atMs], damagedAtMs: [atMs + 2_000], restartMs: 700, lostRemoved: false };
    const lost = { name: "lost", bytes: 30_000, blocks: 3, replicas: 0 };
    const late = { name: "late", bytes: 10_000, blocks: 2, replicas: 2, putMs: 9_000 };
    const datasets = [...scenario.datasets!, lost, late];
    const jobs = scenario.jobs.map((job) => ({ ...job, retries: 3 }));
    const { violations } = simulate({ ...scenario, datasets, jobs, hub }, { seed: 1, check: "tick" });
    expect(violations, `at ${atMs} ms`).toEqual([]);
  }
});

test("what only the cache of a machine has that is not trusted counts as lost", () => {
  const labels = ["reads"];
  const populations = [keeper, { ...keeper, name: "reader", trusted: false, labels }];
  const datasets = [{ name: "books", bytes: 60_000, blocks: 6, replicas: 0 }];
  const jobs = scenario.jobs.map((job) => ({ ...job, labels, retries: 3 }));
  for (const lostRemoved of [true, false]) {
    const hub = { diskLostAtMs: [20_000], lostRemoved };
    const lost = { ...scenario, populations, datasets, jobs, hub };
    expect(simulate(lost, { seed: 1, check: "tick" }).violations).toEqual([]);
  }
});

describe("units go to machines that have their blocks", () => {
  const workMs = uniform(20, 200);
  const reading = (nearInputsMax: number): Scenario => ({
    ...scenario,
    datasets: [{ name: "books", bytes: 1_000_000, blocks: 50, replicas: 0 }],
    jobs: [
      { name: "first pass", inputs: 50, workMs, reads: { dataset: "books" } },
      { name: "second pass", inputs: 50, workMs, reads: { dataset: "books" }, arrivalMs: 60_000 },
    ],
    populations: [{ name: "pc", count: 5 }],
    hub: { bytesPerSecond: 100_000 },
    limits: { unitInputsMax: 1, nearInputsMax },
  });

  test("so that a second pass over a dataset transfers next to nothing", () => {
    const [near, far] = [100_000, 0].map((inputs) => simulate(reading(inputs), { seed: 1, check: "tick" }));
    expect([near?.violations, far?.violations]).toEqual([[], []]);
    expect(near!.hubBytesSent).toBeLessThan(1_100_000);
    expect(far!.hubBytesSent).toBeGreaterThan(1_400_000);
    expect(near!.jobs[1]!.makespanMs!).toBeLessThan(far!.jobs[1]!.makespanMs! / 2);
  });
});
