import { describe, expect, test } from "vitest";
import {
  type JobScenario,
  type Population,
  type Scenario,
  type SimulationResult,
  simulate,
} from "../index.ts";

const twoOfThree = { agree: 2, of: 3 } as const;
/** The operator's own, so that anybody can be proven. */
const own: Population = { name: "own", count: 1, trusted: true };
const honest: Population = { name: "honest", count: 8 };

const job = (changes: Partial<JobScenario> = {}): JobScenario => ({
  name: "fold",
  inputs: 300,
  workMs: 200,
  quorum: twoOfThree,
  ...changes,
});

function run(
  populations: readonly Population[],
  changes: Partial<JobScenario> = {},
  more: Partial<Scenario> = {},
): Required<Pick<SimulationResult, "trust">> & SimulationResult {
  const scenario: Scenario = {
    name: "strangers",
    durationMs: 24 * 3_600_000,
    jobs: [job(changes)],
    populations,
    mustFinish: true,
    ...more,
  };
  const result = simulate(scenario, { seed: 7, check: "tick" });
  expect(result.violations).toEqual([]);
  expect(result.jobs.map(({ state }) => state)).toEqual(["done"]);
  return { ...result, trust: result.trust! };
}

const nobody = { honest: 0, liar: 0, colluder: 0, sleeper: 0 };

describe("whoever lies from the start is never believed", () => {
  test.each<[string, Population]>([
    ["people with wrong answers of their own", { name: "liars", count: 4, conduct: "liar" }],
    ["people who agreed on a lie", { name: "ring", count: 4, conduct: "colluder" }],
    ["one person with four machines", { name: "crowd", count: 4, nodesPerPerson: 4, conduct: "colluder" }],
  ])("%s", (_, liars) => {
    const { trust, inputsFailed } = run([own, honest, liars]);
    expect(trust.wrong).toEqual(nobody);
    expect(inputsFailed).toBe(0);
    const { all, proven, suspect } = trust.people[liars.conduct!];
    expect({ all, proven, suspect }).toEqual({ all: liars.nodesPerPerson ? 1 : 4, proven: 0, suspect: all });
  });
});

test("without a quorum the first answer counts, right or wrong", () => {
  const scenario: Scenario = {
    name: "believers",
    durationMs: 3_600_000,
    jobs: [{ name: "fold", inputs: 300, workMs: 200 }],
    populations: [honest, { name: "liars", count: 4, conduct: "liar" }],
    mustFinish: true,
  };
  const { populations, violations, trust } = simulate(scenario, { seed: 7, check: "tick" });
  expect(violations).toEqual([]);
  expect(trust).toBeUndefined();
  expect(populations[1]!.corrupted).toBe(populations[1]!.inputsDone);
  expect(populations[1]!.corrupted).toBeGreaterThan(50);
});

test("sleepers are taken for proven, lie, and what stood on their word runs again", () => {
  const { trust } = run([own, honest, { name: "sleepers", count: 3, conduct: "sleeper", honestInputs: 25 }], {
    inputs: 600,
  });
  expect(trust.rerun).toBeGreaterThan(0);
  expect(trust.people.sleeper.suspect).toBe(3);
  expect(trust.wrong.sleeper).toBeLessThan(10);
});

test("a job without a trusted worker is believed by its canaries", () => {
  const { trust } = run([honest, { name: "ring", count: 4, conduct: "colluder" }], { canaries: 20 });
  expect(trust.accepted.trusted).toBe(0);
  expect(trust.people.honest.proven).toBe(8);
  expect(trust.wrong).toEqual(nobody);
});

test("memory that spoils answers is refuted wherever answers are compared", () => {
  const { trust } = run([own, { ...honest, corruptionRate: 0.05 }], {
    quorum: { ...twoOfThree, adaptive: false },
  });
  expect(trust.accepted.trust).toBe(0);
  expect(trust.wrong).toEqual(nobody);
});

test("where people never agree the job ends, and says that they do not", () => {
  // Each proves itself with canaries, which its engine computes as all others do.
  const populations = ["a", "b", "c"].map((engineClass) => ({ name: engineClass, count: 1, engineClass }));
  const quorum = { ...twoOfThree, deterministic: true, adaptive: false };
  const { trust, jobs } = run(populations, { quorum, canaries: 20, engineShare: 0.5, inputs: 40 });
  expect(jobs[0]!.failed).toBe(trust.disputed);
  expect(trust.disputed).toBeGreaterThan(0);
});

test("engines that differ in the last bits are compared with their like, and nobody is refuted", () => {
  const populations = [own, honest, { ...honest, name: "others", engineClass: "spidermonkey" }];
  const { trust } = run(populations, { engineShare: 0.5 });
  expect(trust.people.honest).toEqual({ all: 17, proven: expect.any(Number), suspect: 0 });
  expect(trust.disputed + trust.rerun).toBe(0);
});

test("a hub that is killed again and again still believes nobody who lies, and knows who is who", () => {
  const liars: Population[] = [
    { name: "ring", count: 3, conduct: "colluder" },
    { name: "sleepers", count: 2, conduct: "sleeper", honestInputs: 15 },
  ];
  const result = run(
    [own, honest, ...liars],
    {},
    {
      hub: { crashesAtMs: [2_000, 5_000, 9_000, 14_000], restartMs: 500, checkpointRecords: 20 },
      limits: { peopleSaveMs: 500 },
    },
  );
  expect(result.hubCrashes).toBe(4);
  expect(result.trust.wrong.colluder).toBe(0);
  expect(result.trust.people.colluder.suspect).toBe(3);
});

test("only values that count are credited, to everybody who gave them", () => {
  const { trust, populations, inputs } = run([own, honest, { name: "liars", count: 4, conduct: "liar" }]);
  const credited = new Map(populations.map((population) => [population.population, population.credited]));
  expect(credited.get("liars")).toBe(0);
  expect(trust.credited).toBeGreaterThanOrEqual(inputs);
  expect(trust.credited).toBeLessThanOrEqual(trust.answers);
});
