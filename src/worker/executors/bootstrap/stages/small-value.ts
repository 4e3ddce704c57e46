import type { Arena } from "../../../../data/pairs/index.ts";
import { decodeValue, encodeValue } from "../../../../protocol/index.ts";

/*
 * Values are encoded as everywhere; whole numbers from 0 up, which counts are, have a short way that gives
 * the same bytes.
 */

const UINT_MAX = 0xffff_ffff;

/** Appends a value behind its length. @throws MusketeersError `UNSERIALIZABLE` */
export function pushValue(arena: Arena, value: unknown): void {
  if (
    typeof value !== "number" ||
    !(value >= 0 && value <= UINT_MAX) ||
    !Number.isInteger(value) ||
    Object.is(value, -0)
  ) {
    pushRecord(arena, encodeValue(value));
    return;
  }
  const bytes = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x1_0000 ? 2 : 4;
  arena.reserve(2 + bytes);
  arena.bytes[arena.length++] = 1 + bytes;
  arena.bytes[arena.length++] = bytes === 0 ? value : bytes === 1 ? 24 : bytes === 2 ? 25 : 26;
  for (let shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    arena.bytes[arena.length++] = (value >>> shift) & 0xff;
  }
}

/** Appends a value's bytes behind their length. */
export function pushRecord(arena: Arena, record: Uint8Array): void {
  arena.pushVarint(record.length);
  arena.push(record);
}

/** @throws MusketeersError `PROTOCOL` */
export function readValue(record: Uint8Array): unknown {
  const head = record[0]!;
  if (record.length === 1 && head < 24) return head;
  if (record.length === 2 && head === 24) return record[1];
  if (record.length === 3 && head === 25) return record[1]! * 256 + record[2]!;
  return decodeValue(record);
}
