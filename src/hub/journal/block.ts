import { MusketeersError, RecordReader } from "../../protocol/index.ts";

/** One offset is kept for so many records; finding a record walks over fewer than these. */
const STRIDE = 128;

/** A packed block of records with sparse offsets, so that small units are cut out of large blocks cheaply. */
export class IndexedBlock {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly #offsets: Uint32Array;

  /** @throws MusketeersError `PROTOCOL` where the block does not hold exactly `count` records. */
  constructor(bytes: Uint8Array, count: number) {
    this.bytes = bytes;
    this.count = count;
    this.#offsets = new Uint32Array(Math.floor(count / STRIDE) + 1);
    const reader = new RecordReader(bytes);
    let seen = 0;
    for (let slot = 1; slot < this.#offsets.length; slot++) {
      seen += reader.skip(STRIDE);
      this.#offsets[slot] = reader.offset;
    }
    seen += reader.skip(Number.POSITIVE_INFINITY);
    if (seen !== count) {
      throw new MusketeersError("PROTOCOL", `A block of ${seen} records that was said to hold ${count}`);
    }
  }

  /** The records `[from, to)`, packed, as a view. */
  slice(from: number, to: number): Uint8Array {
    if (from === 0 && to === this.count) return this.bytes;
    const start = this.#offsetOf(from);
    return this.bytes.subarray(start, this.#offsetOf(to));
  }

  #offsetOf(record: number): number {
    if (record >= this.count) return this.bytes.length;
    const slot = Math.floor(record / STRIDE);
    const start = this.#offsets[slot]!;
    const reader = new RecordReader(this.bytes.subarray(start));
    reader.skip(record - slot * STRIDE);
    return start + reader.offset;
  }
}

/** Packed blocks one after the other. */
export function joinBlocks(blocks: readonly Uint8Array[]): Uint8Array {
  if (blocks.length === 1) return blocks[0]!;
  let length = 0;
  for (const block of blocks) length += block.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const block of blocks) {
    joined.set(block, offset);
    offset += block.length;
  }
  return joined;
}
