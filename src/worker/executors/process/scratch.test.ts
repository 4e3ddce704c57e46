import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
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

test.skipIf(process.platform === "win32")(
  "what a killed process left is removed by the next one, folders that shut their owner out among it",
  async () => {
    const gone = await new Promise<number>((resolve) => {
      const child = spawn("true");
      child.once("exit", () => resolve(child.pid!));
    });
    const mine = makeScratch(() => {});
    const left = mine.path.replace(`-${process.pid}-`, `-${gone}-`);
    mkdirSync(join(left, "musketeers-1-one", "0", "out", "shut"), { recursive: true });
    chmodSync(join(left, "musketeers-1-one", "0", "out", "shut"), 0);
    const next = makeScratch(() => {});
    expect([existsSync(left), existsSync(mine.path)]).toEqual([false, true]);
    await Promise.all([mine.remove(), next.remove()]);
  },
);
