import { crc32 } from "node:zlib";
import { viewOf } from "../frame.ts";
import type { BlobKey } from "./blob-index.ts";

/*
 * What a pack's index file holds, numbers little endian: 32 bytes of head (magic, version, how many bytes of the
 * pack it covers, how many rows), a row of 56 bytes for each blob that is not deleted (digest, offset, length,
 * codec, 7 zeros, when it was used last), a CRC-32 of everything. It is written when what it covers is synced.
 */

const MAGIC = 0x78_64_49_4d;
const VERSION = 1;
const HEAD_BYTES = 32;
const ROW_BYTES = 56;
const CHECK_BYTES = 4;

export interface IndexRow extends BlobKey {
  readonly offset: number;
  readonly bytes: number;
  readonly usedAtMs: number;
}

export interface PackIndex {
  /** Bytes of the pack that it knows. */
  readonly covered: number;
  readonly rows: readonly IndexRow[];
}

export function encodePackIndex({ covered, rows }: PackIndex): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + rows.length * ROW_BYTES + CHECK_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setFloat64(8, covered, true);
  view.setUint32(16, rows.length, true);
  let at = HEAD_BYTES;
  for (const row of rows) {
    bytes.set(row.digest, at);
    view.setUint32(at + 32, row.offset, true);
    view.setUint32(at + 36, row.bytes, true);
    view.setUint8(at + 40, row.codec === "dag-pb" ? 1 : 0);
    view.setFloat64(at + 48, row.usedAtMs, true);
    at += ROW_BYTES;
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)), true);
  return bytes;
}

/** What such a file holds; undefined where it is not as it was written. */
export function decodePackIndex(bytes: Uint8Array): PackIndex | undefined {
  if (bytes.length < HEAD_BYTES + CHECK_BYTES) return undefined;
  const view = viewOf(bytes);
  const count = view.getUint32(16, true);
  const end = HEAD_BYTES + count * ROW_BYTES;
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return undefined;
  if (bytes.length !== end + CHECK_BYTES) return undefined;
  if (crc32(bytes.subarray(0, end)) !== view.getUint32(end, true)) return undefined;
  const rows: IndexRow[] = [];
  for (let at = HEAD_BYTES; at < end; at += ROW_BYTES) {
    rows.push({
      digest: bytes.slice(at, at + 32),
      offset: view.getUint32(at + 32, true),
      bytes: view.getUint32(at + 36, true),
      codec: view.getUint8(at + 40) === 1 ? "dag-pb" : "raw",
      usedAtMs: view.getFloat64(at + 48, true),
    });
  }
  return { covered: view.getFloat64(8, true), rows };
}
