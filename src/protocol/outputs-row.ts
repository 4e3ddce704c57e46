import { MusketeersError } from "./errors.ts";

/*
 * What a map leaves behind, in two forms that are read alike. The *row* of a segment has an entry for each
 * partition; the *column* of a partition has one for each segment, in their order. An entry is 40 bytes: the
 * SHA-256 digest of the output's block (32), its codec (1: 0 raw, 1 dag-pb) and its size (7, little endian).
 * Size 0 means that there is nothing. As a record, the entries stand in one CBOR byte string, so that no
 * digest can be taken for anything else.
 */

/** One partition's output of one segment. */
export interface Output {
  /** SHA-256 of its (root) block. */
  readonly digest: Uint8Array;
  readonly codec: "raw" | "dag-pb";
  /** Size of the file, at least 1. */
  readonly bytes: number;
}

/** Bytes of one entry. */
export const OUTPUT_BYTES = 40;
const DIGEST_BYTES = 32;
const SIZE_AT = 33;
const codecs = ["raw", "dag-pb"] as const;

const MAJOR_BYTES = 0x40;

const wrong = (what: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `No list of outputs: ${what}`);

/** How CBOR's shortest form says that so many bytes follow. */
function headOf(bytes: number): Uint8Array {
  if (bytes < 24) return Uint8Array.of(MAJOR_BYTES + bytes);
  if (bytes < 0x100) return Uint8Array.of(MAJOR_BYTES + 24, bytes);
  if (bytes < 0x1_0000) return Uint8Array.of(MAJOR_BYTES + 25, bytes >>> 8, bytes & 0xff);
  const head = new Uint8Array(5);
  head[0] = MAJOR_BYTES + 26;
  new DataView(head.buffer).setUint32(1, bytes);
  return head;
}

/** Puts entries into the record that a row or column travels as; `entries` is a multiple of `OUTPUT_BYTES` long. */
export function wrapOutputs(entries: Uint8Array): Uint8Array {
  const head = headOf(entries.length);
  const record = new Uint8Array(head.length + entries.length);
  record.set(head);
  record.set(entries, head.length);
  return record;
}

/**
 * The entries of a record, as a view, each of them checked.
 * @param count how many there must be; any number where it is not given
 * @throws MusketeersError `PROTOCOL`
 */
export function openOutputs(record: Uint8Array, count?: number): Uint8Array {
  const bytes = count === undefined ? bytesIn(record) : count * OUTPUT_BYTES;
  const head = headOf(bytes);
  if (record.length !== head.length + bytes || bytes % OUTPUT_BYTES !== 0) {
    throw wrong(`${record.length} bytes${count === undefined ? "" : ` for ${count} outputs`}`);
  }
  if (head.some((byte, at) => record[at] !== byte)) throw wrong("it does not begin like one");
  const entries = record.subarray(head.length);
  for (let at = 0; at < entries.length; at += OUTPUT_BYTES) {
    if (entries[at + DIGEST_BYTES]! >= codecs.length) throw wrong("a codec that is none");
    // The topmost 3 bits of 56 are beyond what a number holds exactly.
    if (entries[at + OUTPUT_BYTES - 1]! >= 0x20) throw wrong("a size beyond all bounds");
  }
  return entries;
}

/** What a record's length leaves for its entries. */
function bytesIn({ length }: Uint8Array): number {
  for (const head of [1, 2, 3, 5])
    if (headOf(Math.max(0, length - head)).length === head) return length - head;
  throw wrong("it is empty");
}

/** The entry with an index; undefined for one that says that there is nothing. */
export function outputAt(entries: Uint8Array, index: number): Output | undefined {
  const start = index * OUTPUT_BYTES;
  let bytes = 0;
  for (let at = OUTPUT_BYTES - 1; at >= SIZE_AT; at--) bytes = bytes * 256 + entries[start + at]!;
  if (bytes === 0) return undefined;
  const digest = entries.subarray(start, start + DIGEST_BYTES);
  return { digest, codec: codecs[entries[start + DIGEST_BYTES]!] ?? "raw", bytes };
}

/** Writes an entry; what is undefined is written as nothing. */
export function setOutput(entries: Uint8Array, index: number, output: Output | undefined): void {
  const start = index * OUTPUT_BYTES;
  entries.fill(0, start, start + OUTPUT_BYTES);
  if (output === undefined || output.bytes === 0) return;
  entries.set(output.digest, start);
  entries[start + DIGEST_BYTES] = codecs.indexOf(output.codec);
  let { bytes } = output;
  for (let at = SIZE_AT; bytes > 0; at++) {
    entries[start + at] = bytes % 256;
    bytes = Math.floor(bytes / 256);
  }
}

/** The record of a row or a column. */
export function encodeOutputs(outputs: readonly (Output | undefined)[]): Uint8Array {
  const entries = new Uint8Array(outputs.length * OUTPUT_BYTES);
  for (const [index, output] of outputs.entries()) setOutput(entries, index, output);
  return wrapOutputs(entries);
}

/**
 * The other way.
 * @throws MusketeersError `PROTOCOL`
 */
export function decodeOutputs(record: Uint8Array, count?: number): (Output | undefined)[] {
  const entries = openOutputs(record, count);
  return Array.from({ length: entries.length / OUTPUT_BYTES }, (_, index) => outputAt(entries, index));
}
