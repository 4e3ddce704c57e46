import { ByteLru } from "../../data/index.ts";
import type { Journal } from "../../engine/index.ts";
import {
  CANARY_BASE,
  countOf,
  encodeResumed,
  MusketeersError,
  type Range,
  type Ranges,
  RecordReader,
  RecordWriter,
  sliceRecords,
} from "../../protocol/index.ts";
import { hubFailures } from "../jobs/hub-failure.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import { IndexedBlock, joinBlocks } from "./block.ts";
import { decodeLedgerRecord, type LedgerRecord } from "./ledger-record.ts";

export type StoredResults = Extract<LedgerRecord, { type: "results" }>;

export interface CachedResults {
  readonly record: StoredResults;
  readonly body: Uint8Array;
  /** The same with its offsets, for whoever wants parts of it. */
  block(): IndexedBlock;
}

function cachedResults(record: StoredResults, body: Uint8Array): CachedResults {
  let indexed: IndexedBlock | undefined;
  const block = () => {
    indexed ??= new IndexedBlock(body, countOf(record.ranges));
    return indexed;
  };
  return { record, body, block };
}

/** The record of a canary; they stand in a unit one by one. */
const canaryOf = ({ spec }: JobEntry, input: number): Uint8Array =>
  sliceRecords(spec.canaries!.inputs, input - CANARY_BASE, input - CANARY_BASE + 1);

/** Offsets, headers and map entries around a cached block, roughly. */
const ENTRY_OVERHEAD_BYTES = 512;
/** Whoever read a block is about to use it, however large it is. */
const keepsNewest = { keepsNewest: true };

/**
 * Inputs and results by where they stand in the journal. What was used lately is at hand at once, the
 * rest is read; both are views, never decoded.
 */
export class Blocks {
  readonly #journal: Journal;
  readonly #inputs: ByteLru<number, IndexedBlock>;
  readonly #results: ByteLru<number, CachedResults>;

  constructor(journal: Journal, cacheBytesMax: number) {
    this.#journal = journal;
    const half = cacheBytesMax / 2;
    this.#inputs = new ByteLru(half, (block) => block.bytes.length + ENTRY_OVERHEAD_BYTES, keepsNewest);
    this.#results = new ByteLru(half, ({ body }) => body.length + ENTRY_OVERHEAD_BYTES, keepsNewest);
  }

  keepInputs(position: number, block: IndexedBlock): void {
    this.#inputs.set(position, block);
  }

  keepResults(position: number, record: StoredResults, body: Uint8Array): void {
    this.#results.set(position, cachedResults(record, body));
  }

  /** The inputs of a unit, packed, in its order; at once where all of them are at hand. */
  inputs(entry: JobEntry, ranges: Ranges): Uint8Array | Promise<Uint8Array> {
    if (entry.saved.inputsIn(ranges).length > 0) return this.#resumed(entry, ranges);
    return this.#plainInputs(entry, ranges);
  }

  #plainInputs(entry: JobEntry, ranges: Ranges): Uint8Array | Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (const range of ranges) {
      if (!this.#collect(entry, range, parts)) return this.#readInputs(entry, ranges);
    }
    return joinBlocks(parts);
  }

  /** A results record; at once where it is at hand. */
  results(position: number): CachedResults | Promise<CachedResults> {
    return this.#results.get(position) ?? this.#readResults(position);
  }

  /** The inputs, with the state that earlier attempts saved of some. */
  async #resumed(entry: JobEntry, ranges: Ranges): Promise<Uint8Array> {
    const states = new Map<number, Uint8Array>();
    for (const input of entry.saved.inputsIn(ranges)) {
      const saved = entry.saved.get(input);
      if (saved === undefined) continue;
      const { body } = await this.#read(saved.position);
      const state = new RecordReader(body).read();
      if (state !== undefined) states.set(input, state);
    }
    const reader = new RecordReader(await this.#plainInputs(entry, ranges));
    const writer = new RecordWriter();
    for (const [start, end] of ranges) {
      for (let input = start; input < end; input++) {
        const record = reader.read()!;
        const state = states.get(input);
        writer.push(state === undefined ? record : encodeResumed(record, state));
      }
    }
    return writer.take();
  }

  /** Appends the slices of a range to `parts`; false where a block has to be read first. */
  #collect(entry: JobEntry, [start, end]: Range, parts: Uint8Array[]): boolean {
    if (start >= CANARY_BASE) {
      parts.push(canaryOf(entry, start));
      return true;
    }
    const table = entry.inputBlocks;
    let at = start;
    for (let row = table.lastAtMost(start); at < end; row++) {
      const first = table.at(row, 0);
      const block = entry.unstored.get(first) ?? this.#inputs.get(table.at(row, 2));
      if (block === undefined) return false;
      const to = Math.min(end, first + block.count);
      parts.push(block.slice(at - first, to - first));
      at = to;
    }
    return true;
  }

  async #readInputs(entry: JobEntry, ranges: Ranges): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const table = entry.inputBlocks;
    for (const [start, end] of ranges) {
      if (start >= CANARY_BASE) {
        parts.push(canaryOf(entry, start));
        continue;
      }
      let at = start;
      for (let row = table.lastAtMost(start); at < end; row++) {
        const first = table.at(row, 0);
        const block =
          entry.unstored.get(first) ?? (await this.#readBlock(table.at(row, 2), table.at(row, 1)));
        const to = Math.min(end, first + block.count);
        parts.push(block.slice(at - first, to - first));
        at = to;
      }
    }
    return joinBlocks(parts);
  }

  async #readBlock(position: number, count: number): Promise<IndexedBlock> {
    const known = this.#inputs.get(position);
    if (known !== undefined) return known;
    const { body } = await this.#read(position);
    const block = new IndexedBlock(body, count);
    this.#inputs.set(position, block);
    return block;
  }

  async #readResults(position: number): Promise<CachedResults> {
    const { record, body } = await this.#read(position);
    let results: CachedResults;
    if (record.type === "results") {
      results = cachedResults(record, body);
    } else if (record.type === "failed") {
      const { job, ranges, kind, reason } = record;
      const made = hubFailures(ranges, kind, reason);
      const stored = {
        type: "results",
        job,
        worker: "",
        ranges,
        failures: made.failures,
        retries: [],
      } as const;
      results = cachedResults(stored, made.body);
    } else {
      throw new MusketeersError("JOURNAL_CORRUPT", `No results at ${position}`);
    }
    this.#results.set(position, results);
    return results;
  }

  /** What stands at a position, wherever it was moved from. */
  async #read(position: number): Promise<{ record: LedgerRecord; body: Uint8Array }> {
    const read = decodeLedgerRecord(await this.#journal.get(position));
    return read.record.type === "moved" ? decodeLedgerRecord(read.body) : read;
  }
}
