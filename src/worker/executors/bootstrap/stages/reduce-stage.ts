import { Arena, compareBytes, decodeKey, type Merge } from "../../../../data/pairs/index.ts";
import type { FileStore, FileWriter } from "../../../../data/readers/index.ts";
import { asFileValue, defaultLimits, type FileRef, type FileValue } from "../../../../protocol/index.ts";
import { filesOf, openColumn } from "./column.ts";
import {
  combinerOf,
  type Fold,
  foldOf,
  isLifted,
  type MapReduceFunctions,
  type Reducer,
} from "./definition.ts";
import type { StageOptions } from "./map-stage.ts";
import { pushRecord, pushValue, readValue } from "./small-value.ts";
import { Values } from "./values.ts";

/** What a reduce gives: a file of one run. */
export interface ReducedPartition {
  readonly pairs: number;
  /** Nothing where there are no pairs. */
  readonly file: FileValue | null;
}

const PIECE_BYTES = 256 * 1024;

/** The run that a reduce writes. */
class Output {
  pairs = 0;
  readonly #files: FileStore;
  readonly #arena = new Arena(PIECE_BYTES);
  #writer: FileWriter | undefined;

  constructor(files: FileStore) {
    this.#files = files;
  }

  push(key: Uint8Array, value: unknown): void {
    if (value === undefined) return;
    pushRecord(this.#arena, key);
    pushValue(this.#arena, value);
    this.pairs++;
  }

  get isFull(): boolean {
    return this.#arena.length >= PIECE_BYTES;
  }

  async write(): Promise<void> {
    this.#writer ??= this.#files.writeFile();
    await this.#writer.write(this.#arena.take());
  }

  async end(): Promise<FileRef | undefined> {
    if (this.pairs === 0) return undefined;
    await this.write();
    return await this.#writer!.end();
  }

  abort(): void {
    this.#writer?.abort();
  }
}

/** The pairs of a partition, key by key. */
class Groups {
  readonly #merge: Merge;
  readonly #out: Output;
  #has = false;

  constructor(merge: Merge, out: Output) {
    this.#merge = merge;
    this.#out = out;
  }

  async begin(): Promise<void> {
    this.#has = await this.#merge.next();
  }

  /** Reduces by a fold, which needs no more than one value at a time. */
  async fold({ lift, merge, finish }: Fold, lifted: boolean): Promise<void> {
    const pairs = this.#merge;
    const read = lifted ? readValue : (record: Uint8Array) => lift(readValue(record));
    while (this.#has) {
      const { key } = pairs;
      let held = read(pairs.value);
      for (;;) {
        const has = pairs.next();
        this.#has = typeof has === "boolean" ? has : await has;
        if (!this.#has || compareBytes(pairs.key, key) !== 0) break;
        held = merge(held, read(pairs.value));
      }
      this.#out.push(key, finish === undefined ? held : finish(held));
      if (this.#out.isFull) await this.#out.write();
    }
  }

  /** Reduces by the user's function. */
  async reduce(
    reduce: Reducer,
    combine: ((key: never, values: unknown[]) => unknown) | undefined,
    bytesMax: number,
  ): Promise<void> {
    const pairs = this.#merge;
    while (this.#has) {
      const { key: encoded } = pairs;
      const key = decodeKey(encoded);
      let values: unknown[] = [];
      let bytes = 0;
      let isWhole = false;
      while (bytes <= bytesMax) {
        const value = readValue(pairs.value);
        values.push(value);
        bytes += weightOf(value, pairs.value.length);
        const same = this.#step(encoded);
        isWhole = !(typeof same === "boolean" ? same : await same);
        if (isWhole) break;
        if (combine !== undefined && values.length >= defaultLimits.reduceValuesMax) {
          values = [combine(key as never, values)];
          bytes = 16;
        }
      }
      const more = isWhole ? undefined : () => this.#rest(encoded);
      const value = reduce(key, new Values(key, values, more), (emitted) => this.#out.push(encoded, emitted));
      this.#out.push(encoded, isThenable(value) ? await value : value);
      if (!isWhole) await this.#skip(encoded);
      if (this.#out.isFull) await this.#out.write();
    }
  }

  /** Steps on; whether the key is still the same. */
  #step(key: Uint8Array): boolean | Promise<boolean> {
    const has = this.#merge.next();
    if (typeof has !== "boolean") return has.then((later) => this.#isSame(later, key));
    return this.#isSame(has, key);
  }

  #isSame(has: boolean, key: Uint8Array): boolean {
    this.#has = has;
    return has && compareBytes(this.#merge.key, key) === 0;
  }

  async *#rest(key: Uint8Array): AsyncGenerator<unknown> {
    while (this.#isSame(this.#has, key)) {
      const value = readValue(this.#merge.value);
      await this.#step(key);
      yield value;
    }
  }

  async #skip(key: Uint8Array): Promise<void> {
    while (this.#isSame(this.#has, key)) await this.#step(key);
  }
}

/** What a value takes in a list, about; objects take several times what they take encoded. */
function weightOf(value: unknown, encodedBytes: number): number {
  if (typeof value === "string") return 24 + 2 * encodedBytes;
  if (value instanceof Uint8Array) return 200 + encodedBytes;
  return typeof value === "object" ? 48 + 6 * encodedBytes : 16 + encodedBytes;
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function";

/**
 * Reduces one partition: reads the files that its column names, gives a file of pairs in the order of their
 * keys. The same column gives the same file.
 * @throws what the user's function throws; `MissingOutputs`; `UNSERIALIZABLE`, `PROTOCOL`; what files throw
 */
export async function reduceColumn(
  input: unknown,
  functions: MapReduceFunctions,
  files: FileStore,
  { tableBytesMax }: Pick<StageOptions, "tableBytesMax">,
): Promise<ReducedPartition> {
  const merge = await openColumn(filesOf(input as Uint8Array), files, tableBytesMax);
  const out = new Output(files);
  const groups = new Groups(merge, out);
  const fold = foldOf(functions.reduce);
  const { combine } = combinerOf(functions);
  try {
    await groups.begin();
    if (fold !== undefined) await groups.fold(fold, isLifted(functions));
    else {
      const combineAll = combine && ((key: never, values: unknown[]) => combine(key, values, () => {}));
      await groups.reduce(functions.reduce, combineAll, tableBytesMax / 2);
    }
    const file = await out.end();
    return {
      pairs: out.pairs,
      file: file === undefined ? null : asFileValue({ cid: file.cid, bytes: file.bytes }),
    };
  } catch (error) {
    out.abort();
    throw error;
  } finally {
    await merge.close();
  }
}
