import { type FileRef, filesIn } from "../protocol/index.ts";
import { decodeBlobRef, isBlobRef } from "./blob-ref.ts";
import { isCid } from "./cid.ts";

/**
 * The first files that a record refers to, or the blob of a value that is too large for its record. What only
 * looks like a reference may be among them, so this is for advice, not for decisions.
 */
export function refsIn(record: Uint8Array, countMax: number): FileRef[] {
  if (isBlobRef(record)) return blobIn(record);
  const found: FileRef[] = [];
  for (const ref of filesIn(record)) {
    if (found.length === countMax) break;
    if (isCid(ref.cid)) found.push(ref);
  }
  return found;
}

function blobIn(record: Uint8Array): FileRef[] {
  try {
    return [decodeBlobRef(record)];
  } catch {
    // Whoever needs the value will say so.
    return [];
  }
}
