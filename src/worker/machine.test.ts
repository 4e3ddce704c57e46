import { expect, test } from "vitest";
import { measureSpeed } from "./machine.ts";

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

test("a clock that stands still makes no speed of infinity", () => {
  let reads = 0;
  expect(measureSpeed(() => (reads++ < 5 ? 0 : 1000))).toBe(0.1);
});
