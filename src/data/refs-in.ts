import { decodeFirst } from "cborg";
import { type FileRef, parseFileRef, TAG_FILE } from "../protocol/index.ts";
import { decodeBlobRef, isBlobRef } from "./blob-ref.ts";
import { isCid } from "./cid.ts";

/** A tag of two bytes. */
const TAG_START = 0xd9;
const TAG_BYTES = 3;

/**
 * The first files, and the blob of a value that is too large for its record, that a record refers to, without
 * decoding it. What only looks like a reference may be among them, so this is for advice, not for decisions.
 */
export function refsIn(record: Uint8Array, countMax: number): FileRef[] {
  if (isBlobRef(record)) return [decodeBlobRef(record)];
  const found: FileRef[] = [];
  for (let at = record.indexOf(TAG_START); at >= 0; at = record.indexOf(TAG_START, at + 1)) {
    if (found.length === countMax) break;
    if (record[at + 1] !== TAG_FILE >> 8 || record[at + 2] !== (TAG_FILE & 0xff)) continue;
    const ref = refAt(record.subarray(at + TAG_BYTES));
    if (ref !== undefined && isCid(ref.cid)) found.push(ref);
  }
  return found;
}

function refAt(bytes: Uint8Array): FileRef | undefined {
  try {
    const [items] = decodeFirst(bytes, { allowIndefinite: false });
    return parseFileRef(items);
  } catch {
    // It only looked like one.
    return undefined;
  }
}
