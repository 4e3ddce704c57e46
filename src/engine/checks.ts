import { cidOf, codecOf } from "../data/index.ts";
import { MusketeersError } from "../protocol/index.ts";
import type { EngineLimits } from "./options.ts";
import type { NamedBlock, Position } from "./port.ts";

/** What every adapter refuses, in the same words. */

export function checkRecords(records: readonly Uint8Array[], limits: EngineLimits): void {
  for (const record of records) {
    if (record.length > limits.recordBytesMax) {
      throw new MusketeersError(
        "LIMIT_EXCEEDED",
        `A record of ${record.length} bytes is over recordBytesMax`,
      );
    }
  }
}

const KEY_CHARACTERS_MAX = 512;

export function checkRegistryEntry(key: string, value: Uint8Array, limits: EngineLimits): void {
  if (key === "" || key.length > KEY_CHARACTERS_MAX) {
    throw new MusketeersError("BAD_ARGUMENT", `A registry key has 1 to ${KEY_CHARACTERS_MAX} characters`);
  }
  if (value.length > limits.registryValueBytesMax) {
    throw new MusketeersError(
      "LIMIT_EXCEEDED",
      `A value of ${value.length} bytes is over registryValueBytesMax`,
    );
  }
}

export const journalClosed = (): MusketeersError =>
  new MusketeersError("STORAGE", "The journal is closed", { hint: "The hub is going down; start it again." });

export const noRecord = (position: Position): MusketeersError =>
  new MusketeersError("NOT_FOUND", `No record at position ${position} of the journal`);

export const noBlob = (cid: string): MusketeersError =>
  new MusketeersError("NOT_FOUND", `No blob ${String(cid).slice(0, 80)}`, {
    hint: "It was never stored here, or it was removed since.",
  });

export const blobDamaged = (cid: string): MusketeersError =>
  new MusketeersError("BLOB_MISMATCH", `What is stored as ${cid} is damaged; it was put aside`, {
    hint: "Store it again: submit the job anew, or restore the data directory.",
  });

export const blobTooLarge = (bytesMax: number): MusketeersError =>
  new MusketeersError("LIMIT_EXCEEDED", `A blob may have up to ${bytesMax} bytes (blobBytesMax)`);

export const blobMismatch = (expected: string, actual: string): MusketeersError =>
  new MusketeersError("BLOB_MISMATCH", `These bytes are ${actual}, not ${String(expected).slice(0, 80)}`);

/** @throws MusketeersError `LIMIT_EXCEEDED`, `BLOB_MISMATCH` */
export function checkBlock({ cid, bytes, isVerified = false }: NamedBlock, bytesMax: number): void {
  if (bytes.length > bytesMax) throw blobTooLarge(bytesMax);
  if (isVerified) return;
  const actual = cidOf(bytes, codecOf(cid));
  if (actual !== cid) throw blobMismatch(cid, actual);
}

/** The part of a blob of `bytes` that a range names: cut at the end, as HTTP does. */
export function clampRange(
  range: { readonly start: number; readonly end: number } | undefined,
  bytes: number,
): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: bytes };
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new MusketeersError("BAD_ARGUMENT", `No range of bytes: [${start}, ${end})`);
  }
  return { start: Math.min(start, bytes), end: Math.min(end, bytes) };
}
