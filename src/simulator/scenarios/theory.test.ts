import { expect, test } from "vitest";
import { dalyMs, erlangC, expectedMs, grahamFactor, makespanBound, meanWaitMs, youngMs } from "./theory.ts";

test("Erlang's C for one server is its load", () => {
  expect(erlangC(1, 0.7)).toBeCloseTo(0.7, 12);
  expect(meanWaitMs(1, 10, 7)).toBeCloseTo((0.7 * 7) / 0.3, 9);
});

test("Erlang's C for two servers is 2ρ²/(1+ρ)", () => {
  expect(erlangC(2, 1.5)).toBeCloseTo((2 * 0.75 ** 2) / 1.75, 12);
});

test("Erlang's C does not overflow for many servers", () => {
  expect(erlangC(1_000, 950)).toBeGreaterThan(0);
  expect(erlangC(1_000, 950)).toBeLessThan(1);
});

test("no schedule is shorter than its work shared, or than its longest piece", () => {
  expect(makespanBound([1, 2, 3], 2)).toBe(3);
  expect(makespanBound([2, 2, 2], 2)).toBe(3);
  expect(grahamFactor(4)).toBe(1.75);
});

test.each([
  [60, 3_600],
  [10, 86_400],
  [300, 7_200],
])(
  "Daly's interval for a cost of %d and an MTBF of %d is next to the least expectation",
  (costMs, mtbfMs) => {
    const at = (intervalMs: number) => expectedMs(1e6, { intervalMs, costMs, restartMs: 0 }, mtbfMs);
    let best = 1;
    for (let intervalMs = 1; intervalMs < mtbfMs * 2; intervalMs++)
      if (at(intervalMs) < at(best)) best = intervalMs;
    expect(at(dalyMs(costMs, mtbfMs)) / at(best)).toBeLessThan(1.0001);
    expect(Math.abs(dalyMs(costMs, mtbfMs) - best) / best).toBeLessThan(0.01);
    expect(youngMs(costMs, mtbfMs)).toBeGreaterThan(dalyMs(costMs, mtbfMs));
  },
);

test("where checkpoints cost more than they save, Daly says to make none within the MTBF", () => {
  expect(dalyMs(200, 100)).toBe(100);
});
