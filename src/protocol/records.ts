import { MusketeersError } from "./errors.ts";

/*
 * Packed record blocks: records one after the other, each behind its length as an unsigned LEB128
 * number. The hub finds and cuts records by these lengths and never looks inside one.
 */

const LENGTH_BYTES_MAX = 5;

/** A block of this size is handed over and not copied. */
const LARGE_BYTES = 4 * 1024 * 1024;

const malformed = (what: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `Malformed record block: ${what}`);

/** How many bytes the length prefix of a record of `length` bytes takes. */
export function prefixBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Builds a block record by record, in one growing buffer. */
export class RecordWriter {
  #buffer: Uint8Array;
  #length = 0;
  #count = 0;

  constructor(capacityBytes = 1024) {
    this.#buffer = new Uint8Array(capacityBytes);
  }

  get byteLength(): number {
    return this.#length;
  }

  get count(): number {
    return this.#count;
  }

  push(record: Uint8Array): void {
    this.#reserve(record.length + LENGTH_BYTES_MAX);
    let rest = record.length;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
    this.#buffer.set(record, this.#length);
    this.#length += record.length;
    this.#count++;
  }

  /** Appends records that are packed already; `count` is how many they are. */
  pushPacked(block: Uint8Array, count: number): void {
    this.#reserve(block.length);
    this.#buffer.set(block, this.#length);
    this.#length += block.length;
    this.#count += count;
  }

  /** The block so far, and starts the next one. The bytes belong to the caller. */
  take(): Uint8Array {
    const isLarge = this.#length >= LARGE_BYTES;
    const block = isLarge ? this.#buffer.subarray(0, this.#length) : this.#buffer.slice(0, this.#length);
    if (isLarge) this.#buffer = new Uint8Array(0);
    this.#length = 0;
    this.#count = 0;
    return block;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Walks a block; `read` gives the next record as a view, or undefined at the end. */
export class RecordReader {
  readonly #block: Uint8Array;
  #offset = 0;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  /** Where the next record's prefix begins. */
  get offset(): number {
    return this.#offset;
  }

  read(): Uint8Array | undefined {
    if (this.#offset >= this.#block.length) return undefined;
    const length = this.#length();
    const start = this.#offset;
    this.#offset += length;
    return this.#block.subarray(start, this.#offset);
  }

  /** Steps over up to `count` records without looking at them; says how many there were. */
  skip(count: number): number {
    let skipped = 0;
    while (skipped < count && this.#offset < this.#block.length) {
      // Not in one expression: reading the length moves the offset.
      const length = this.#length();
      this.#offset += length;
      skipped++;
    }
    return skipped;
  }

  /** Reads a prefix and checks that its record is whole; leaves the offset behind the prefix. */
  #length(): number {
    const block = this.#block;
    let offset = this.#offset;
    let length = 0;
    let factor = 1;
    for (let read = 0; ; read++) {
      const byte = block[offset++];
      if (byte === undefined) throw malformed("cut in a length");
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      if (read === LENGTH_BYTES_MAX - 1) throw malformed("a length of more than 5 bytes");
      factor *= 0x80;
    }
    if (offset + length > block.length) throw malformed("cut in a record");
    this.#offset = offset;
    return length;
  }
}

/**
 * Counts the records of a block and thereby checks that it is well formed.
 * @throws MusketeersError `PROTOCOL`
 */
export const countRecords = (block: Uint8Array): number =>
  new RecordReader(block).skip(Number.POSITIVE_INFINITY);

/**
 * The records `[from, to)` of a block, packed: a view, nothing is copied.
 * @throws MusketeersError `PROTOCOL` where the block has fewer.
 */
export function sliceRecords(block: Uint8Array, from: number, to: number): Uint8Array {
  const reader = new RecordReader(block);
  if (reader.skip(from) < from) throw malformed(`fewer than ${from} records`);
  const start = reader.offset;
  if (reader.skip(to - from) < to - from) throw malformed(`fewer than ${to} records`);
  return block.subarray(start, reader.offset);
}

/** All records of a block, as views. */
export function* eachRecord(block: Uint8Array): Generator<Uint8Array, void, undefined> {
  const reader = new RecordReader(block);
  for (let record = reader.read(); record !== undefined; record = reader.read()) yield record;
}

/** Packs records into one block. */
export function packRecords(records: Iterable<Uint8Array>): Uint8Array {
  const writer = new RecordWriter();
  for (const record of records) writer.push(record);
  return writer.take();
}
