import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { sum } from "../../../../client/runtime.ts";
import { MemoryFiles } from "../../../../data/testing/memory-files.ts";
import { combinerOf, type MapReduceFunctions } from "./definition.ts";
import { PartitionFiles } from "./partition-files.ts";
import { CombineTable } from "./table.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is in use when all garbage is gone. */
function usedBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const map = () => {};
const keeping = { map, reduce: map } as unknown as MapReduceFunctions;
const folding = { map, reduce: sum } as unknown as MapReduceFunctions;
const combining = {
  map,
  combine: (_key: unknown, [first]: unknown[]) => first,
  reduce: map,
} as unknown as MapReduceFunctions;

const long = "a line that is far longer than each of its words ".repeat(2_000);
const lastWord = (at: number): string => `${long}${at} supercalifragilistic${at}`.split(" ").at(-1)!;

/* A sandbox is killed for what it takes, not for what it thinks that it takes. */
test.each<[string, MapReduceFunctions, number, (at: number) => unknown, (at: number) => unknown]>([
  ["sums of many words", folding, 60_000, (at) => `word ${at}`, () => 1],
  ["values of many words", keeping, 60_000, (at) => `word ${at}`, (at) => `v${at}`],
  ["many values of few words", keeping, 60_000, (at) => `word ${at % 50}`, (at) => `v${at}`],
  ["values of lists", keeping, 30_000, (at) => ["a", at], () => 1],
  ["small values of many words, to be combined", combining, 30_000, (at) => `word ${at}`, (at) => at / 3],
  [
    "objects to be combined",
    combining,
    30_000,
    (at) => `word ${at % 900}`,
    (at) => ({ at, text: "x".repeat(50) + at }),
  ],
  ["long texts to be combined", combining, 3_000, (at) => `word ${at % 90}`, (at) => "x".repeat(1_000) + at],
  ["words that were cut out of long lines", folding, 300, lastWord, () => 1],
])("a table of %s takes no more than it says", (_what, functions, count, keyAt, valueAt) => {
  const table = new CombineTable(combinerOf(functions), Number.POSITIVE_INFINITY, () => {});
  const before = usedBytes();
  for (let at = 0; at < count; at++) table.emit(keyAt(at) as string, valueAt(at));
  const taken = usedBytes() - before;
  expect(table.bytes).toBeGreaterThan(0);
  // What a garbage collection leaves behind by chance is little beside this.
  expect(taken).toBeLessThan(1.25 * table.bytes + 500_000);
  table.flush(new PartitionFiles(new MemoryFiles(), 2));
  expect(table.bytes).toBe(0);
});
