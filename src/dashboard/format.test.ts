import { expect, test } from "vitest";
import { age, bytes, count, rate } from "./format.ts";

test("numbers as people read them", () => {
  expect([count(26_470), rate(12.4), rate(0.25)]).toEqual(["26,470", "12/s", "0.3/s"]);
  expect([bytes(0), bytes(1_536), bytes(24 * 1024 ** 3)]).toEqual(["0 B", "1.5 KB", "24 GB"]);
});

test.each([
  [-5, "0 s"],
  [59_400, "59 s"],
  [60_000, "1 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
])("%d ms", (ms, text) => expect(age(ms)).toBe(text));
