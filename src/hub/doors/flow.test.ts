import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { MusketeersError } from "../../protocol/index.ts";
import { Flow } from "./flow.ts";
import { TokenBucket } from "./token-bucket.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(limits = { framesPerSecondMax: 100, floodMs: 3000, refusalsPerMinuteMax: 60 }) {
  const told: string[] = [];
  const flow = new Flow({
    limits,
    pause: () => void told.push("pause"),
    resume: () => void told.push("resume"),
    fail: ({ code }: MusketeersError) => void told.push(code),
  });
  return { flow, told };
}

const frames = (flow: Flow, count: number) => {
  for (let frame = 0; frame < count; frame++) flow.frame();
};

test("who sends what is allowed is never paused, nor when it comes in bursts", () => {
  const { flow, told } = watched();
  for (let second = 0; second < 60; second++) {
    frames(flow, 100);
    vi.advanceTimersByTime(1000);
  }
  expect(told).toEqual([]);
});

test("who sends more is read again when half of a second's messages may come", () => {
  const { flow, told } = watched();
  frames(flow, 101);
  expect(told).toEqual(["pause"]);
  // What was under way when reading stopped counts, too.
  frames(flow, 49);
  vi.advanceTimersByTime(505);
  expect(told).toEqual(["pause"]);
  vi.advanceTimersByTime(10);
  expect(told).toEqual(["pause", "resume"]);
});

test("who slows down has not flooded; who does not has to go after floodMs", () => {
  const { flow, told } = watched();
  for (let burst = 0; burst < 5; burst++) {
    frames(flow, 150);
    vi.advanceTimersByTime(3000);
  }
  expect(told).not.toContain("TOO_MANY");
  for (let tick = 0; tick < 40; tick++) {
    if (told.at(-1) !== "pause") frames(flow, 60);
    vi.advanceTimersByTime(100);
  }
  expect(told.at(-1)).toBe("TOO_MANY");
});

test("a few refusals are forgiven, many in a minute are not", () => {
  const { flow, told } = watched();
  for (let refusal = 0; refusal < 200; refusal++) {
    flow.refused();
    vi.advanceTimersByTime(1000);
  }
  expect(told).toEqual([]);
  for (let refusal = 0; refusal < 61; refusal++) flow.refused();
  expect(told).toEqual(["TOO_MANY"]);
});

test("a bucket fills steadily, never over its size, and takes no token that is not there unless told to", () => {
  const bucket = new TokenBucket(10, 5, 0);
  expect(bucket.takeIf(6, 0)).toBe(false);
  expect(bucket.takeIf(5, 0)).toBe(true);
  expect(bucket.takeIf(1, 99)).toBe(false);
  expect(bucket.takeIf(1, 100)).toBe(true);
  expect(bucket.takeIf(6, 1_000_000)).toBe(false);
  expect(bucket.take(8, 1_000_000)).toBe(false);
  expect(bucket.msUntil(1, 1_000_000)).toBe(400);
  // A clock that goes back fills nothing.
  expect(bucket.msUntil(1, 999_000)).toBe(400);
});
