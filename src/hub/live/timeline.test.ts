import { expect, test } from "vitest";
import { Timeline } from "./timeline.ts";

test("counts stand in their seconds, empty ones included", () => {
  const timeline = new Timeline();
  timeline.add(3, 1, 10_500);
  timeline.add(2, 0, 12_100);
  expect(timeline.view(13_000)).toEqual({
    startMs: 10_000,
    stepMs: 1000,
    done: [3, 0, 2, 0],
    failed: [1, 0, 0, 0],
  });
  expect(timeline.rate(2_000, 13_000)).toBe(1);
});

test("a long course has longer steps and loses no count", () => {
  const timeline = new Timeline();
  for (let second = 0; second < 5_000; second++) timeline.add(2, 1, second * 1000);
  const { done, failed, stepMs } = timeline.view(5_000_000);
  expect(done.length).toBeLessThanOrEqual(240);
  expect(stepMs).toBe(32_000);
  expect(done.reduce((sum, count) => sum + count)).toBe(10_000);
  expect(failed.reduce((sum, count) => sum + count)).toBe(5_000);
  expect(timeline.rate(60_000, 5_000_000)).toBeCloseTo(2);
  expect(Timeline.unpack(timeline.pack()).view(5_000_000)).toEqual(timeline.view(5_000_000));
});

test("a timeline that rolls forgets the oldest", () => {
  const timeline = new Timeline({ rolls: true });
  for (let second = 0; second < 1_000; second++) timeline.add(second, 0, second * 1000);
  const { done, startMs, stepMs } = timeline.view(1_000_000);
  expect([done.length, startMs, stepMs, done.at(-2)]).toEqual([240, 761_000, 1000, 999]);
  timeline.add(1, 0, 10_000_000);
  expect(timeline.view(10_000_000).done.filter((count) => count > 0)).toEqual([1]);
});
