import { expect, test } from "vitest";
import { CpuBank } from "./cpu-bank.ts";

/** A system that says these times, one after the other. */
const bankOf = (...times: readonly (number | undefined)[]) => {
  let at = 0;
  return new CpuBank({ take: () => times[at++] });
};

test("results cost what their process used, and never more than they took", () => {
  const bank = bankOf(30, 10, 500, 0);
  expect(bank.take(1, 100, 0)).toBe(30);
  // It waited for something.
  expect(bank.take(1, 1_000, 1)).toBe(10);
  // On several processors at once; the rest goes with what comes soon.
  expect(bank.take(1, 300, 2)).toBe(300);
  expect(bank.take(1, 150, 3)).toBe(150);
});

test("what was used to start counts as far as the first results took so long, and what comes between two looks is not lost", () => {
  const bank = bankOf(80, undefined, 20, undefined);
  expect(bank.take(1, 5, 0)).toBe(5);
  expect(bank.take(1, 10, 1)).toBe(0);
  expect(bank.take(1, 10, 2)).toBe(10);
  expect(bank.take(1, 10, 3)).toBe(10);
});

test("where the system says nothing, nothing is said, and nobody saves up for ever", () => {
  expect(bankOf(undefined).take(undefined, 10, 0)).toBeUndefined();
  const bank = bankOf(1, 5_000, 0);
  bank.take(1, 1, 0);
  bank.take(1, 1, 1);
  expect(bank.take(1, 9_000, 2)).toBe(1_000);
});
