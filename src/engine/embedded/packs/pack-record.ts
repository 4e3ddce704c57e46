import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Codec } from "../../../data/index.ts";
import { viewOf } from "../frame.ts";
import type { BlobKey } from "./blob-index.ts";

/*
 * A pack file: 64 bytes that say what it is, then blobs, each behind a head of 64 bytes and filled up to a
 * multiple of 64; numbers little endian. There may be gaps of zeros, also of multiples of 64 bytes, between them.
 *
 *   0  magic      "MBlb"
 *   4  headCheck  CRC-32 of the head's bytes from 8 on
 *   8  zeros      in packs of before: CRC-32 of the blob
 *  12  length     of the blob
 *  16  codec      0 raw, 1 dag-pb; 15 bytes of zeros
 *  32  digest     SHA-256 of the blob
 *
 * What stands in a record names itself: wherever one is found whole, it is the blob that it says. So nothing is
 * lost or mixed up by records that a crash left, or that were copied to another pack. A blob has no other check than
 * its name: one more would cost half as much again with each blob that is stored, and tell less.
 */

export const PACK_HEAD_BYTES = 64;
export const RECORD_HEAD_BYTES = 64;
export const RECORD_ALIGN = 64;

const PACK_START = "musketeers pack 1\n";
const MAGIC = 0x62_6c_42_4d;
const CHECKED_FROM = 8;
const DIGEST_AT = 32;

/** What a pack begins with. */
export function encodePackHead(): Uint8Array {
  const head = new Uint8Array(PACK_HEAD_BYTES);
  head.set(Buffer.from(PACK_START, "latin1"));
  return head;
}

/** Bytes that a blob takes in a pack. */
export const recordBytes = (bytes: number): number =>
  Math.ceil((RECORD_HEAD_BYTES + bytes) / RECORD_ALIGN) * RECORD_ALIGN;

export interface RecordContent {
  readonly key: BlobKey;
  readonly bytes: Uint8Array;
}

/** Writes what stands before a blob. */
export function encodeRecordHead(target: Uint8Array, at: number, { key, bytes }: RecordContent): void {
  const head = target.subarray(at, at + RECORD_HEAD_BYTES);
  head.fill(0);
  const view = viewOf(head);
  view.setUint32(0, MAGIC, true);
  view.setUint32(12, bytes.length, true);
  head[16] = key.codec === "dag-pb" ? 1 : 0;
  head.set(key.digest, DIGEST_AT);
  view.setUint32(4, crc32(head.subarray(CHECKED_FROM)), true);
}

/** Writes a record, and zeros up to the next; gives what it takes. */
export function encodeRecord(target: Uint8Array, at: number, record: RecordContent): number {
  const { bytes } = record;
  const size = recordBytes(bytes.length);
  encodeRecordHead(target, at, record);
  target.set(bytes, at + RECORD_HEAD_BYTES);
  target.fill(0, at + RECORD_HEAD_BYTES + bytes.length, at + size);
  return size;
}

export interface RecordHead extends BlobKey {
  readonly bytes: number;
}

/** The head at an offset; undefined where there is none, or it is not as it was written. */
export function readRecordHead(bytes: Uint8Array, at: number): RecordHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEAD_BYTES);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  const head = bytes.subarray(at, at + RECORD_HEAD_BYTES);
  if (crc32(head.subarray(CHECKED_FROM)) !== view.getUint32(4, true)) return undefined;
  const codec: Codec = head[16] === 1 ? "dag-pb" : "raw";
  return {
    bytes: view.getUint32(12, true),
    codec,
    digest: head.slice(DIGEST_AT),
  };
}

/** The blob of a record, or undefined where it is another's or not as it was written. */
export function blobIn(record: Uint8Array, key: BlobKey): Uint8Array | undefined {
  const head = readRecordHead(record, 0);
  if (head === undefined || head.codec !== key.codec) return undefined;
  const blob = record.subarray(RECORD_HEAD_BYTES, RECORD_HEAD_BYTES + head.bytes);
  return blob.length === head.bytes && isBlobOf(key, blob) ? blob : undefined;
}

/** Whether bytes are the blob of this name: whether their SHA-256 is its digest. */
export const isBlobOf = ({ digest }: BlobKey, bytes: Uint8Array): boolean =>
  Buffer.compare(createHash("sha256").update(bytes).digest(), digest) === 0;
