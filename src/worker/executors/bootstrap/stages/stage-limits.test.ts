import { expect, test } from "vitest";
import type { FileStore } from "../../../../data/index.ts";
import { runsIn } from "../../../../data/pairs/index.ts";
import { MemoryFiles } from "../../../../data/testing/memory-files.ts";
import { defaultLimits, OUTPUT_BYTES, outputAt, setOutput } from "../../../../protocol/index.ts";
import type { TaskFunction } from "../entry.ts";
import type { Emit, MapReduceFunctions } from "./definition.ts";
import { mapSegment } from "./map-stage.ts";
import { reduceColumn } from "./reduce-stage.ts";
import { stageFunction } from "./stage.ts";

/* What a stage of a map-reduce gathers, merges and fetches at once. */

const one = (key: string, emit: Emit) => emit(key, 1);
const addUp = (_key: unknown, values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);
const plain = { map: one, reduce: addUp } as unknown as MapReduceFunctions;

/** `addUp`, and how many values it was given at a time. */
function counting() {
  const counts: number[] = [];
  const combine = (key: unknown, values: number[]) => {
    counts.push(values.length);
    return addUp(key, values);
  };
  return { counts, functions: { map: one, combine, reduce: addUp } as unknown as MapReduceFunctions };
}

/** The column of one partition that maps of these records make, each with an output of its own. */
async function columnOf(files: FileStore, segments: readonly (readonly string[])[]): Promise<Uint8Array> {
  const column = new Uint8Array(segments.length * OUTPUT_BYTES);
  for (const [at, records] of segments.entries()) {
    const row = await mapSegment({ records }, plain, files, { partitions: 1, tableBytesMax: 1 << 20 });
    setOutput(column, at, outputAt(row, 0));
  }
  return column;
}

/** Files of which it is counted how many are read at once, each in as many turns as its reader likes. */
function watched(files: MemoryFiles) {
  const seen = { open: 0, most: 0, written: 0 };
  const store: FileStore = {
    async *readFile(ref, options) {
      seen.open++;
      seen.most = Math.max(seen.most, seen.open);
      try {
        await new Promise((resolve) => setImmediate(resolve));
        yield* files.readFile(ref, options);
      } finally {
        seen.open--;
      }
    },
    writeFile(options) {
      seen.written++;
      return files.writeFile(options);
    },
  };
  return { seen, store };
}

test("combineValuesMax: a map gathers so many values of a key before it combines them", async () => {
  const { counts, functions } = counting();
  const max = defaultLimits.combineValuesMax;
  const records = new Array<string>(3 * max).fill("a");
  await mapSegment({ records }, functions, new MemoryFiles(), { partitions: 1, tableBytesMax: 1 << 20 });
  expect(counts[0]).toBe(max);
  expect(Math.max(...counts)).toBe(max);
});

test("reduceValuesMax: a reduce gathers so many values of a key before it combines them", async () => {
  const files = new MemoryFiles();
  const max = defaultLimits.reduceValuesMax;
  const column = await columnOf(files, [new Array<string>(2 * max).fill("a")]);
  const { counts, functions } = counting();
  await reduceColumn(column, functions, files, { tableBytesMax: 1 << 20 });
  expect(counts[0]).toBe(max);
  expect(Math.max(...counts)).toBe(max);
});

test("mergeRunsMax: so many runs are merged at once, in several passes where they are more", async () => {
  const files = new MemoryFiles();
  const max = defaultLimits.mergeRunsMax;
  const column = await columnOf(
    files,
    Array.from({ length: max + 3 }, (_, at) => [`b${at}`]),
  );
  const { seen, store } = watched(files);
  const { pairs } = await reduceColumn(column, plain, store, { tableBytesMax: 1 });
  expect([pairs, seen.most]).toEqual([max + 3, max]);
  // The merges of the first pass, and the result.
  expect(seen.written).toBe(3);
});

test("outputFetchesMax: so many outputs are fetched at once where they fit into memory", async () => {
  const files = new MemoryFiles();
  const max = defaultLimits.outputFetchesMax;
  const column = await columnOf(
    files,
    Array.from({ length: 2 * max }, (_, at) => [`a${at}`]),
  );
  const { seen, store } = watched(files);
  await reduceColumn(column, plain, store, { tableBytesMax: 1 << 20 });
  expect(seen.most).toBe(max);
});

test("stageTableShare: a map writes what it has gathered when it takes this share of its task's memory", async () => {
  const memoryBytes = 100_000;
  const share = memoryBytes * defaultLimits.stageTableShare;
  const entry = Object.assign(() => {}, { [Symbol.for("musketeers.stages")]: plain });
  const runsOf = async (words: number) => {
    const files = new MemoryFiles();
    const stage = { kind: "map", partitions: 1 } as const;
    const run = stageFunction(entry as unknown as TaskFunction, stage, files, memoryBytes);
    await run({ records: Array.from({ length: words }, (_, at) => `word ${at}`) });
    return runsIn([...files.contents.values()][0]!).length;
  };
  // A word takes some hundred bytes there.
  expect(await runsOf(Math.floor(share / 1_000))).toBe(1);
  expect(await runsOf(Math.ceil(share / 10))).toBeGreaterThan(2);
});
