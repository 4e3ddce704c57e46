import { afterEach, expect, test, vi } from "vitest";
import { SchedulerTimer } from "./clock.ts";

afterEach(() => {
  vi.useRealTimers();
});

function timerAt(atMs: number) {
  vi.useFakeTimers();
  let nowMs = 0;
  let looks = 0;
  const ticks: number[] = [];
  const look = () => {
    looks++;
    return nowMs;
  };
  const timer = new SchedulerTimer({ nowMs: look, wallMs: look }, () => ticks.push(nowMs));
  timer.set(atMs);
  /** The loop runs: time passes and timers fire at theirs. */
  const run = (ms: number) => {
    for (const end = nowMs + ms; nowMs < end; vi.advanceTimersByTime(50)) nowMs += 50;
  };
  /** The loop stands still: time passes, and what is due fires only then, behind what else comes `first`. */
  const stall = (ms: number, first = () => {}) => {
    nowMs += ms;
    first();
    vi.advanceTimersByTime(ms);
  };
  return { timer, ticks, run, stall, looks: () => looks };
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

test("a hub sleeps until a second before its tick", () => {
  const { timer, ticks, run, looks } = timerAt(40_000);
  run(40_100);
  expect(ticks).toEqual([40_000]);
  expect(looks()).toBeLessThan(20);
  timer.cancel();
});

test("a stall is found, also by what sets the tick anew right behind it", () => {
  const { timer, ticks, run, stall } = timerAt(5_000);
  run(3_900);
  stall(1_050, () => timer.set(5_000));
  run(1_000);
  expect(ticks).toEqual([5_200]);
  timer.cancel();
});

test("nothing comes after the end", () => {
  const { timer, ticks, run } = timerAt(100);
  timer.cancel();
  run(1_000);
  expect(ticks).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
