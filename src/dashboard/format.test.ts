import { afterAll, beforeAll, expect, test } from "vitest";
import { about, age, bytes, count, duration, lately, list, percent, rate, useLocale } from "./format.ts";

beforeAll(() => useLocale("en"));
afterAll(() => useLocale());

test("numbers as people read them", () => {
  expect([count(26_470), rate(12.4), rate(0.25)]).toEqual(["26,470", "12/s", "0.3/s"]);
  expect([bytes(0), bytes(1_536), bytes(24 * 1024 ** 3)]).toEqual(["0 B", "1.5 KB", "24 GB"]);
  expect([about(9_999), about(26_470), percent(0.999), percent(0.001), list(["a", "b"])]).toEqual([
    "9,999",
    "26.5K",
    "99 %",
    "< 1 %",
    "a and b",
  ]);
});

test("numbers as other people read them", () => {
  useLocale("de");
  expect([count(26_470), bytes(1_536)]).toEqual(["26.470", "1,5 KB"]);
  useLocale("en");
});

test.each([
  [-5, "0 s"],
  [59_400, "59 s"],
  [60_000, "1 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
])("%d ms", (ms, text) => expect(age(ms)).toBe(text));

test.each([
  [4_000, "4 s"],
  [80_000, "1 min 20 s"],
  [1_200_000, "20 min"],
  [5_400_000, "1 h 30 min"],
  [400_000_000, "4 d"],
])("a span of %d ms", (ms, text) => expect(duration(ms)).toBe(text));

test.each([
  [0, "no result yet"],
  [59_000, "since the first result"],
  [61_000, "the last minute"],
  [240_000, "the last 4 minutes"],
])("a timeline of %d ms", (ms, text) => expect(lately(ms)).toBe(text));
