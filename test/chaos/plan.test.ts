import { expect, test } from "vitest";
import { faultKinds, planRound } from "./plan.ts";
import { nextSeed } from "./random.ts";

test("a seed is a plan, and another seed another", () => {
  expect(planRound(7)).toEqual(planRound(7));
  expect(planRound(7)).not.toEqual(planRound(8));
  expect(nextSeed(7)).toBe(nextSeed(7));
});

test("a run plans every kind of fault many times, in the order of their times", () => {
  const times = new Map<string, number>();
  for (let round = 0, seed = 7; round < 50; round++, seed = nextSeed(seed)) {
    const { faults } = planRound(seed);
    expect(faults.map(({ at }) => at)).toEqual(faults.map(({ at }) => at).toSorted((a, b) => a - b));
    for (const { kind } of faults) times.set(kind, (times.get(kind) ?? 0) + 1);
  }
  for (const kind of faultKinds) expect(times.get(kind), kind).toBeGreaterThan(5);
});
