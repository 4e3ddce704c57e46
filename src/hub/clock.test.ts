import { afterEach, expect, test, vi } from "vitest";
import { SchedulerTimer } from "./clock.ts";

afterEach(() => {
  vi.useRealTimers();
});

function timerAt(atMs: number) {
  vi.useFakeTimers();
  let nowMs = 0;
  const ticks: number[] = [];
  const timer = new SchedulerTimer({ nowMs: () => nowMs, wallMs: () => nowMs }, () => ticks.push(nowMs));
  timer.set(atMs);
  /** The loop runs: time passes and timers fire at theirs. */
  const run = (ms: number) => {
    for (const end = nowMs + ms; nowMs < end; vi.advanceTimersByTime(50)) nowMs += 50;
  };
  /** The loop stands still: time passes, and what is due fires only then. */
  const stall = (ms: number) => {
    nowMs += ms;
    vi.advanceTimersByTime(ms);
  };
  return { timer, ticks, run, stall };
}

test("a tick comes when it was asked for", () => {
  const { timer, ticks, run } = timerAt(5_000);
  run(4_950);
  expect(ticks).toEqual([]);
  run(100);
  expect(ticks).toEqual([5_000]);
  timer.cancel();
});

test("after a stall the sockets are read before anyone is looked for, also where the tick itself is not late", () => {
  for (const atMs of [2_000, 14_900, 15_000]) {
    const { timer, ticks, run, stall } = timerAt(atMs);
    run(1_000);
    stall(14_000);
    expect(ticks).toEqual([]);
    run(500);
    expect(ticks).toEqual([15_250]);
    timer.cancel();
  }
});

test("nothing comes after the end", () => {
  const { timer, ticks, run } = timerAt(100);
  timer.cancel();
  run(1_000);
  expect(ticks).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
