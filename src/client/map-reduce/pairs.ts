import { compareBytes, decodeKey, type FileReader, type Key, Merge, RunCursor } from "../../data/index.ts";
import { decodeValue, type FileRef } from "../../protocol/index.ts";
import type { PutOptions } from "../datasets/cluster-data.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { SourceFile } from "../datasets/put-source.ts";
import { compareValues } from "../runtime.ts";
import { savedFiles } from "./saved-pairs.ts";

/** A partition of a result: a file of pairs in the order of their keys, or nothing. */
export interface Partition {
  readonly pairs: number;
  readonly file: FileRef | undefined;
}

/** Puts files as a dataset. */
export type PutFolder = (
  files: Iterable<SourceFile>,
  options: PutOptions & { readonly name: string },
) => Promise<Dataset>;

/** Something to loop over, or to have as a list. */
export interface Listing<T> extends AsyncIterable<T> {
  toArray(): Promise<T[]>;
}

const listing = <T>(iterate: () => AsyncIterable<T>): Listing<T> => ({
  [Symbol.asyncIterator]: () => iterate()[Symbol.asyncIterator](),
  async toArray() {
    const items: T[] = [];
    for await (const item of iterate()) items.push(item);
    return items;
  },
});

interface Ranked {
  readonly key: Uint8Array;
  readonly value: unknown;
}

/** The greater value first; equal ones in the order of their keys. */
const before = (a: Ranked, b: Ranked): boolean => {
  const order = compareValues(a.value, b.value);
  return order > 0 || (order === 0 && compareBytes(a.key, b.key) < 0);
};

/**
 * What a map-reduce gave: pairs of keys and values, which stay on the cluster until they are read. A loop
 * over it gives all of them, partition by partition, in each in the order of their keys.
 */
export class Pairs<K extends Key = Key, V = unknown> implements AsyncIterable<readonly [K, V]> {
  /** The job that made it. */
  readonly job: string;
  readonly partitions: readonly Partition[];
  readonly #files: FileReader;
  readonly #put: PutFolder;

  constructor(job: string, partitions: readonly Partition[], files: FileReader, put: PutFolder) {
    this.job = job;
    this.partitions = partitions;
    this.#files = files;
    this.#put = put;
  }

  /** How many pairs there are. */
  get size(): number {
    return this.partitions.reduce((sum, { pairs }) => sum + pairs, 0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly [K, V], void, undefined> {
    for (let index = 0; index < this.partitions.length; index++) yield* this.partition(index);
  }

  /** The pairs of one partition. */
  partition(index: number): Listing<readonly [K, V]> {
    return listing(() => this.#decoded(new Merge(this.#cursors([this.partitions[index]!]))));
  }

  /** All pairs, in the order of their keys: by type, numbers by size, texts by their UTF-8, lists by element. */
  sorted(): Listing<readonly [K, V]> {
    return listing(() => this.#decoded(new Merge(this.#cursors(this.partitions))));
  }

  /** The `n` pairs with the greatest values, the greatest first; those of equal values in the order of their keys. */
  top(n: number): Listing<readonly [K, V]> {
    return listing(() => this.#top(n));
  }

  /** Everything as a `Map`, in the order of the keys. Keys that are objects are found only by looping. */
  async toMap(): Promise<Map<K, V>> {
    const map = new Map<K, V>();
    for await (const [key, value] of this.sorted()) map.set(key, value);
    return map;
  }

  /**
   * Saves everything as a dataset: a file of JSON lines `[key, value]` for each partition, in the order of their
   * keys. A later map-reduce reads it as `format: "jsonl"`.
   * @throws MusketeersError `UNSERIALIZABLE` for what JSON does not have; as `Cluster.put`
   */
  save(name: string, options: Omit<PutOptions, "name"> = {}): Promise<Dataset> {
    const files = savedFiles(this.partitions.map((_, index) => this.partition(index)));
    return this.#put(files, { ...options, name });
  }

  #cursors(partitions: readonly Partition[]): RunCursor[] {
    return partitions.flatMap(({ file }) =>
      file === undefined ? [] : [new RunCursor(this.#files.readFile(file))],
    );
  }

  async *#decoded(merge: Merge): AsyncGenerator<readonly [K, V], void, undefined> {
    try {
      for (let has = merge.next(); ; has = merge.next()) {
        if (!(typeof has === "boolean" ? has : await has)) return;
        yield [decodeKey(merge.key) as K, decodeValue(merge.value) as V];
      }
    } finally {
      await merge.close();
    }
  }

  async *#top(n: number): AsyncGenerator<readonly [K, V], void, undefined> {
    const best: Ranked[] = [];
    const merge = new Merge(this.#cursors(this.partitions));
    for (let has = merge.next(); ; has = merge.next()) {
      if (!(typeof has === "boolean" ? has : await has)) break;
      const item = { key: merge.key, value: decodeValue(merge.value) };
      if (best.length >= n && !(n > 0 && before(item, best[n - 1]!))) continue;
      best.splice(placeOf(item, best), 0, { ...item, key: item.key.slice() });
      if (best.length > n) best.pop();
    }
    for (const { key, value } of best) yield [decodeKey(key) as K, value as V];
  }
}

/** Where an item belongs in a list that is in order. */
function placeOf(item: Ranked, list: readonly Ranked[]): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(item, list[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
