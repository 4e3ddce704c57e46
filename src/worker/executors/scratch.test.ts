import { existsSync } from "node:fs";
import process from "node:process";
import { expect, test } from "vitest";
import { makeScratch } from "./scratch.ts";

test("many in one process are directories of their own, and one listener", async () => {
  const before = process.listenerCount("exit");
  const scratches = Array.from({ length: 12 }, () => makeScratch(() => {}));
  expect(new Set(scratches.map(({ path }) => path)).size).toBe(12);
  expect(scratches.every(({ path }) => existsSync(path))).toBe(true);
  expect(process.listenerCount("exit")).toBe(before);
  await Promise.all(scratches.map((scratch) => scratch.remove()));
  expect(scratches.some(({ path }) => existsSync(path))).toBe(false);
});
