import { crc32 } from "node:zlib";
import type { Position } from "../port.ts";
import { viewOf } from "./frame.ts";

/*
 * A segment is a file of frames behind 40 bytes of header. It is named by its base: the position of its
 * first byte, so that a position minus the base is an offset in the file.
 *
 *   0  magic   8 bytes
 *   8  salt    of the journal
 *  12  previous, check of the last frame of the segment before
 *  16  base    as a double
 *  24  records in all segments before, as a double
 *  32  reserved
 *  36  check   CRC-32 of the 36 bytes before
 */

export const SEGMENT_HEADER_BYTES = 40;
const CHECK_OFFSET = 36;
const olderMagic = "MSKTJRN1";
const magic = new TextEncoder().encode("MSKTJRN2");
const NAME_DIGITS = 16;
const namePattern = /^(\d{16})\.log$/;

export interface SegmentHeader {
  readonly salt: number;
  readonly previous: number;
  readonly base: Position;
  readonly recordsBefore: number;
}

export const segmentName = (base: Position): string => `${String(base).padStart(NAME_DIGITS, "0")}.log`;

/** The base in a segment's name, or undefined for any other file. */
export function baseOfName(name: string): Position | undefined {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(magic);
  view.setUint32(8, header.salt, true);
  view.setUint32(12, header.previous, true);
  view.setFloat64(16, header.base, true);
  view.setFloat64(24, header.recordsBefore, true);
  view.setUint32(CHECK_OFFSET, crc32(bytes.subarray(0, CHECK_OFFSET)), true);
  return bytes;
}

/** Whether a header is of a format that is read no more. */
export const isOlderSegment = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, magic.length)) === olderMagic;

/** The header, or undefined where it is cut or damaged. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (crc32(bytes.subarray(0, CHECK_OFFSET)) !== view.getUint32(CHECK_OFFSET, true)) return undefined;
  if (magic.some((byte, index) => bytes[index] !== byte)) return undefined;
  return {
    salt: view.getUint32(8, true),
    previous: view.getUint32(12, true),
    base: view.getFloat64(16, true),
    recordsBefore: view.getFloat64(24, true),
  };
}
