import { expect, test } from "vitest";
import { coresOf, measureSpeed, memoryOf } from "./machine.ts";

test("the speed of a core is that of its best round: what else had the core meanwhile is not its fault", () => {
  const rounds = [40, 7, 2, 30, 2, 2];
  let nowMs = 0;
  const clock = () => {
    const before = nowMs;
    nowMs += rounds.shift() ?? 2;
    return before;
  };
  // 100,000 steps in 2 ms.
  expect(measureSpeed(clock)).toBe(50);
});

test("a core that others have most of the time is given the rounds that it takes to show its speed", () => {
  const rounds = [70, 90, 120, 2];
  let nowMs = 0;
  const clock = () => {
    const before = nowMs;
    nowMs += rounds.shift() ?? 10;
    return before;
  };
  expect(measureSpeed(clock)).toBe(50);
});

test("a clock that stands still makes no speed of infinity", () => {
  let reads = 0;
  expect(measureSpeed(() => (reads++ < 5 ? 0 : 1000))).toBe(0.1);
});

test("a container's bounds are those of the worker in it", () => {
  expect(coresOf(8, 2)).toBe(2);
  // Two slots would have three quarters of a core each.
  expect(coresOf(8, 1.5)).toBe(1);
  expect(coresOf(8, 0.25)).toBe(1);
  expect(coresOf(2, 64)).toBe(2);
  expect(coresOf(4, Number.POSITIVE_INFINITY)).toBe(4);
  expect(memoryOf(8e9, 1_610_612_736)).toBe(1_610_612_736);
  expect(memoryOf(8e9, 2 ** 63)).toBe(8e9);
  expect(memoryOf(8e9, 0)).toBe(8e9);
  expect(memoryOf(8e9, undefined)).toBe(8e9);
});
