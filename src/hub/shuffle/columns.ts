import { setImmediate } from "node:timers/promises";
import { ByteLru, encodeBlobRef } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import {
  type Limits,
  OUTPUT_BYTES,
  openOutputs,
  type Ranges,
  RecordReader,
  RecordWriter,
  wrapOutputs,
} from "../../protocol/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Blocks } from "../journal/blocks.ts";

export interface ColumnsOptions {
  readonly blocks: Pick<Blocks, "results">;
  /** Where columns are put that are too large to travel in a frame. */
  readonly blobs: Pick<Blobs, "put">;
  readonly limits: Pick<Limits, "columnBytesMax" | "inlineValueBytesMax">;
}

/** Columns of neighbouring partitions, made in one pass over the rows. */
interface Batch {
  /** Which state of the map stage's results they show. */
  readonly generation: number;
  readonly columns: readonly Uint8Array[];
}

/** What is made at once may take this share of what is kept. */
const BATCH_SHARE = 1 / 2;
/** Outputs that are looked at between two turns of the event loop. */
const OUTPUTS_PER_TURN = 65_536;

const sizeOf = ({ columns }: Batch): number => columns.reduce((sum, { length }) => sum + length, 1024);

/**
 * The inputs of reduce stages: a partition's column is what all rows of the map stage say of it, in the order of
 * their segments. Rows stand in the journal; a pass over them makes as many columns as a share of `columnBytesMax`
 * holds, because the next partitions will be asked for soon.
 */
export class Columns {
  readonly #options: ColumnsOptions;
  readonly #batches: ByteLru<string, Batch>;
  readonly #making = new Map<string, Promise<Batch | undefined>>();
  /** Columns that are blobs, by job. */
  readonly #stored = new WeakMap<JobEntry, Set<string>>();

  constructor(options: ColumnsOptions) {
    this.#options = options;
    this.#batches = new ByteLru(options.limits.columnBytesMax, sizeOf, { keepsNewest: true });
  }

  /**
   * Packed input records of partitions, one for each; undefined while the map stage is not whole. Where a column
   * is too large for a frame, a reference to a blob stands for it.
   */
  async inputs(entry: JobEntry, ranges: Ranges): Promise<Uint8Array | undefined> {
    const writer = new RecordWriter();
    for (const [start, end] of ranges) {
      for (let partition = start; partition < end; partition++) {
        const column = await this.entries(entry, partition);
        if (column === undefined) return undefined;
        writer.push(await this.#inlineOrBlob(entry, wrapOutputs(column)));
      }
    }
    return writer.take();
  }

  /** The entries of one partition, segment by segment; undefined while the map stage is not whole. */
  async entries({ map }: JobEntry, partition: number): Promise<Uint8Array | undefined> {
    if (map === undefined) return undefined;
    const perBatch = this.#columnsPerBatch(map);
    const first = partition - (partition % perBatch);
    const batch = await this.#batch(map, first, perBatch);
    return batch?.columns[partition - first];
  }

  #columnsPerBatch({ size }: JobEntry): number {
    const bytes = this.#options.limits.columnBytesMax * BATCH_SHARE;
    return Math.max(1, Math.floor(bytes / Math.max(1, size * OUTPUT_BYTES)));
  }

  async #batch(map: JobEntry, first: number, count: number): Promise<Batch | undefined> {
    const key = `${map.spec.job} ${first}`;
    for (;;) {
      const { generation } = map;
      if (!isWhole(map)) return undefined;
      const known = this.#batches.get(key);
      if (known?.generation === generation) return known;
      const making = this.#making.get(key) ?? this.#make(key, map, first, count);
      const made = await making;
      // Outputs were lost, or came back, in the meantime.
      if (made?.generation === map.generation) return made;
    }
  }

  #make(key: string, map: JobEntry, first: number, count: number): Promise<Batch | undefined> {
    const making = this.#transpose(map, first, count)
      .then((batch) => {
        if (batch !== undefined) this.#batches.set(key, batch);
        return batch;
      })
      .finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #transpose(map: JobEntry, first: number, count: number): Promise<Batch | undefined> {
    const { generation, size, results } = map;
    const partitions = map.spec.task.stage?.partitions ?? 0;
    const width = Math.min(count, partitions - first);
    const columns = Array.from({ length: width }, () => new Uint8Array(size * OUTPUT_BYTES));
    let sinceTurn = 0;
    // In the order in which they came: of a segment that was run again, its latest row counts.
    for (let at = 0; at < results.spans.rows; at++) {
      if (map.generation !== generation) return undefined;
      const { start, end, record, offset } = results.span(at);
      const stored = await this.#options.blocks.results(results.records.at(record, 0));
      const rows = new RecordReader(stored.block().slice(offset, offset + (end - start)));
      for (let segment = start; segment < end; segment++) {
        const entries = openOutputs(rows.read() ?? new Uint8Array(0), partitions);
        for (const [index, column] of columns.entries()) {
          const from = (first + index) * OUTPUT_BYTES;
          column.set(entries.subarray(from, from + OUTPUT_BYTES), segment * OUTPUT_BYTES);
        }
      }
      sinceTurn += (end - start) * partitions;
      if (sinceTurn < OUTPUTS_PER_TURN) continue;
      sinceTurn = 0;
      await setImmediate();
    }
    return { generation, columns };
  }

  /** Blobs that were made of a job's columns since the hub started. */
  storedFor(entry: JobEntry): Iterable<string> {
    return this.#stored.get(entry) ?? [];
  }

  async #inlineOrBlob(entry: JobEntry, record: Uint8Array): Promise<Uint8Array> {
    if (record.length <= this.#options.limits.inlineValueBytesMax) return record;
    const { cid, bytes } = await this.#options.blobs.put(record);
    const stored = this.#stored.get(entry) ?? new Set();
    this.#stored.set(entry, stored.add(cid));
    return encodeBlobRef(cid, bytes);
  }
}

/** Whether the journal holds a row of each segment. */
const isWhole = ({ storedSealed, storedSize, size, done }: JobEntry): boolean =>
  storedSealed && storedSize === size && done === size;
