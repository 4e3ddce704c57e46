import { expect, onTestFinished, test } from "vitest";
import { defaultLimits } from "../../../protocol/index.ts";
import { isLean } from "../../machine/machine.ts";
import { startTest } from "../executor.contract.ts";
import { createDenoExecutor, createNodeExecutor } from "../index.ts";
import { heapFlags } from "./heap-flags.ts";

const MiB = 2 ** 20;

test("leanMachineBytesMax: on a machine with no more memory than this the young heap of sandboxes stays small", () => {
  const { leanMachineBytesMax } = defaultLimits;
  expect(isLean(leanMachineBytesMax, defaultLimits)).toBe(true);
  expect(isLean(leanMachineBytesMax + 1, defaultLimits)).toBe(false);
  expect(heapFlags(64 * MiB, false)).toEqual(["--max-old-space-size=64"]);
  expect(heapFlags(64 * MiB, true)).toEqual(["--max-old-space-size=64", "--max-semi-space-size=4"]);
  expect(heapFlags(1, false)).toEqual(["--max-old-space-size=16"]);
});

test.each([
  ["deno", () => createDenoExecutor({ isLean: true })],
  ["node", () => createNodeExecutor({ isLean: true })],
])("a task that leaves garbage is done in a small heap, too: %s", async (_kind, create) => {
  const executor = await create();
  onTestFinished(() => executor.close());
  const code = `export const main = (rounds) => {
    let length = 0;
    for (let round = 0; round < rounds; round++) length += Array.from({ length: 1000 }, (_, i) => ({ i })).length;
    return length;
  }`;
  const { sandbox, call } = startTest(executor, code, { memoryBytes: 64 * MiB });
  expect(await call(1000)).toBe(1_000_000);
  await sandbox.kill();
});
