import { crc32 } from "node:zlib";
import type { Position } from "../port.ts";

/*
 * A record on disk, a frame: 20 bytes of head and the record, numbers little endian.
 *
 *   0  check      CRC-32 of the head's last 12 bytes and the record, seeded with the journal's salt and
 *                 the frame's position
 *   4  headCheck  that of the head's last 12 bytes alone
 *   8  word       length of the record; the highest bit says that a batch ends here
 *  12  previous   check of the frame before
 *  16  behind     how far before this frame everything was synced when it was written
 *
 * The seed binds a frame to its place and `previous` to its predecessor: what is moved, swapped or missing
 * shows. `headCheck` vouches for the length, so that a record that a crash cut off is told from a damaged
 * length, and so that looking for frames behind damage takes a few bytes for each place. `behind` tells a
 * torn end, which a power cut may leave, from damage to what was synced.
 */

export const HEAD_BYTES = 20;
const FIELDS_OFFSET = 8;
const BATCH_END = 0x8000_0000;
const UINT32 = 0x1_0000_0000;

export interface FrameHead {
  readonly check: number;
  readonly headCheck: number;
  readonly length: number;
  readonly batchEnd: boolean;
  readonly previous: number;
  readonly behind: number;
}

const seedOf = (salt: number, position: Position): number => (salt + (position % UINT32)) % UINT32;

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads the head at an offset. */
export function readHead(view: DataView, offset: number): FrameHead {
  const word = view.getUint32(offset + 8, true);
  return {
    check: view.getUint32(offset, true),
    headCheck: view.getUint32(offset + 4, true),
    length: word % BATCH_END,
    batchEnd: word >= BATCH_END,
    previous: view.getUint32(offset + 12, true),
    behind: view.getUint32(offset + 16, true),
  };
}

/** Whether the head at an offset is as it was written, so that its length can be believed. */
export function isHeadIntact(
  bytes: Uint8Array,
  offset: number,
  head: FrameHead,
  salt: number,
  position: Position,
): boolean {
  const fields = bytes.subarray(offset + FIELDS_OFFSET, offset + HEAD_BYTES);
  return crc32(fields, seedOf(salt, position)) === head.headCheck;
}

/** Whether the record behind an intact head, all of whose bytes are there, is as it was written. */
export function isRecordIntact(bytes: Uint8Array, offset: number, head: FrameHead): boolean {
  const start = offset + HEAD_BYTES;
  return checkOf(bytes.subarray(start, start + head.length), head.headCheck) === head.check;
}

/** Of no bytes at all zlib's CRC is 0, whatever it goes on from. */
const checkOf = (record: Uint8Array, headCheck: number): number =>
  record.length === 0 ? headCheck : crc32(record, headCheck);

export interface EncodedGroup {
  /** What to write, in order. */
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  /** Positions of all records, batch after batch. */
  readonly positions: readonly Position[];
  /** Check of the last frame. */
  readonly check: number;
}

/** Up to this size a group is copied into one piece, which is written at once. */
const COPY_BYTES = 256 * 1024;

export interface EncodeOptions {
  readonly salt: number;
  /** Of the first frame. */
  readonly position: Position;
  /** Everything before it is synced. */
  readonly synced: Position;
  /** Check of the frame before. */
  readonly previous: number;
  /** A buffer to use again, for groups that fit. */
  readonly scratch: Uint8Array;
}

export const scratchBuffer = (): Uint8Array => new Uint8Array(COPY_BYTES);

/** Frames batches of records. */
export function encodeGroup(
  batches: readonly (readonly Uint8Array[])[],
  options: EncodeOptions,
): EncodedGroup {
  const { salt, synced, scratch } = options;
  let records = 0;
  let bytes = 0;
  for (const batch of batches) {
    records += batch.length;
    for (const record of batch) bytes += HEAD_BYTES + record.length;
  }
  const copied = bytes <= scratch.length;
  const target = copied ? scratch : new Uint8Array(records * HEAD_BYTES);
  const view = viewOf(target);
  const positions: Position[] = [];
  const pieces: Uint8Array[] = copied ? [scratch.subarray(0, bytes)] : [];
  let { position, previous } = options;
  let at = 0;
  for (const batch of batches) {
    for (let index = 0; index < batch.length; index++) {
      const record = batch[index] as Uint8Array;
      const end = index === batch.length - 1 ? BATCH_END : 0;
      view.setUint32(at + 8, record.length + end, true);
      view.setUint32(at + 12, previous, true);
      view.setUint32(at + 16, Math.min(position - synced, UINT32 - 1), true);
      const headCheck = crc32(target.subarray(at + FIELDS_OFFSET, at + HEAD_BYTES), seedOf(salt, position));
      const check = checkOf(record, headCheck);
      view.setUint32(at, check, true);
      view.setUint32(at + 4, headCheck, true);
      if (copied) target.set(record, at + HEAD_BYTES);
      else pieces.push(target.subarray(at, at + HEAD_BYTES), record);
      positions.push(position);
      previous = check;
      position += HEAD_BYTES + record.length;
      at += copied ? HEAD_BYTES + record.length : HEAD_BYTES;
    }
  }
  return { pieces, bytes, positions, check: previous };
}
