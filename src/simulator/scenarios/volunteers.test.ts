import { expect, test } from "vitest";
import { seededRandom } from "../environment/random.ts";
import type { Availability } from "../types.ts";
import {
  alternating,
  churn,
  DAY_MS,
  diurnal,
  mortal,
  volunteer,
  volunteerOff,
  volunteerOn,
} from "./volunteers.ts";

const HOUR_MS = 3_600_000;

/** When a node is on, up to a time. */
function staysOf(
  availability: Availability,
  seed: number,
  untilMs: number,
): [fromMs: number, toMs: number][] {
  const random = seededRandom(seed);
  const stays: [number, number][] = [];
  let online = false;
  for (let turn = 0, nowMs = 0; nowMs < untilMs; turn++) {
    const presence = availability(random, { nowMs, online, turn, node: seed });
    expect(presence.forMs).toBeGreaterThan(0);
    online = presence.online;
    if (online) stays.push([nowMs, Math.min(untilMs, nowMs + presence.forMs)]);
    nowMs += presence.forMs;
  }
  return stays;
}

const isOnAt = (stays: [number, number][], atMs: number) =>
  stays.some(([from, to]) => from <= atMs && atMs < to);
const seeds = Array.from({ length: 2_000 }, (_, seed) => seed);

test("volunteers are there as much as their means say, from the start", () => {
  const share = volunteerOn.mean / (volunteerOn.mean + volunteerOff.mean);
  const many = seeds.map((seed) => staysOf(volunteer, seed, DAY_MS));
  const began = many.filter((stays) => isOnAt(stays, 0)).length / many.length;
  expect(Math.abs(began - share)).toBeLessThan(0.04);
});

test("stays of volunteers are heavy-tailed: half are under two hours, the mean is eight", () => {
  expect(volunteerOn.mean / HOUR_MS).toBeCloseTo(8, 6);
  expect(volunteerOn.quantile(0.5) / HOUR_MS).toBeLessThan(2);
});

test("alternating machines are on and off by turns", () => {
  const fixed = (value: number) => Object.assign(() => value, { mean: value, quantile: () => value });
  const stays = staysOf(alternating(fixed(2), fixed(1)), 3, 30);
  for (const [at, [from]] of stays.slice(1).entries()) expect(from - stays[at]![1]).toBe(1);
});

test("churning machines are on at the start", () => {
  for (const seed of seeds.slice(0, 20))
    expect(isOnAt(staysOf(churn(1_000, 1_000), seed, 10_000), 0)).toBe(true);
});

test("machines of an office are on at noon, not at midnight, every day", () => {
  const many = seeds.slice(0, 300).map((seed) => staysOf(diurnal(), seed, 4 * DAY_MS));
  const shareAt = (day: number, hour: number) =>
    many.filter((stays) => isOnAt(stays, day * DAY_MS + hour * HOUR_MS)).length / many.length;
  for (const day of [0, 1, 2, 3]) {
    expect(shareAt(day, 13)).toBeGreaterThan(0.9);
    expect(shareAt(day, 2)).toBeLessThan(0.05);
  }
});

test("machines that run past midnight are on the next day too", () => {
  const late = diurnal({ onHour: 12, offHour: 25, spreadHours: 0 });
  expect(staysOf(late, 1, 3 * DAY_MS).map(([from]) => from / HOUR_MS)).toEqual([12, 36, 60]);
});

test("who is switched on on some days only is on at so many noons", () => {
  const days = 40;
  const many = seeds
    .slice(0, 100)
    .map(
      (seed) => staysOf(diurnal({ weekdayShare: 0.5, spreadHours: 0 }), seed, days * DAY_MS).length / days,
    );
  const mean = many.reduce((total, share) => total + share, 0) / many.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
});

test("who leaves for ever does not come back", () => {
  const stays = staysOf(mortal(churn(100, 100), 1_000), 5, 100_000);
  expect(stays.length).toBeGreaterThan(0);
  expect(stays.at(-1)![1]).toBeLessThanOrEqual(1_000);
});
