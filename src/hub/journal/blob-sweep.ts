import { cidOf, encodeBlobRef, isCid } from "../../data/index.ts";
import type { Blobs, Journal } from "../../engine/index.ts";
import type { JobEntry } from "../job-entry.ts";
import type { Jobs } from "../jobs.ts";

/** How each reference begins: tag, list of two, text of a CID's length. */
const REF_START_BYTES = 5;
const emptyCid = cidOf(new Uint8Array(0));
const REF_START = encodeBlobRef(emptyCid, 0).slice(0, REF_START_BYTES);

/** The CIDs of all references in some bytes; what only looks like one is among them, which does no harm. */
export function* blobRefsIn(bytes: Uint8Array): Generator<string, void, undefined> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf(REF_START); at >= 0; at = buffer.indexOf(REF_START, at + REF_START_BYTES)) {
    const cid = buffer.toString("latin1", at + REF_START_BYTES, at + REF_START_BYTES + emptyCid.length);
    if (isCid(cid)) yield cid;
  }
}

export interface SweepOptions {
  readonly jobs: Jobs;
  readonly blobs: Blobs;
  readonly journal: Journal;
  /** Blobs that were stored or touched at this time or later stay: somebody may be about to refer to them. */
  readonly unusedSinceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Deletes the blobs that no kept job refers to: mark and sweep, where the marking reads the blocks of the
 * kept jobs for references.
 * @returns how many bytes that freed
 */
export async function sweepBlobs({
  jobs,
  blobs,
  journal,
  unusedSinceMs,
  signal,
}: SweepOptions): Promise<number> {
  const unused = new Map<string, number>();
  for await (const { cid, bytes, usedAtMs } of blobs.list()) {
    if (usedAtMs < unusedSinceMs) unused.set(cid, bytes);
  }
  for (const entry of [...jobs]) {
    if (unused.size === 0) return 0;
    unused.delete(entry.spec.task.bundle);
    await keepReferred(entry, journal, unused, signal);
  }
  // What was submitted meanwhile refers to what was touched meanwhile.
  let freedBytes = 0;
  for (const [cid, bytes] of unused) {
    signal.throwIfAborted();
    await blobs.delete(cid, unusedSinceMs);
    if ((await blobs.stat(cid)) === undefined) freedBytes += bytes;
  }
  return freedBytes;
}

async function keepReferred(
  { inputBlocks, results, saved, unstored }: JobEntry,
  journal: Journal,
  unused: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const keep = (bytes: Uint8Array) => {
    for (const cid of blobRefsIn(bytes)) unused.delete(cid);
  };
  for (const { bytes } of unstored.values()) keep(bytes);
  for (const [, { position }] of [...saved.entries()]) keep(await journal.get(position));
  for (const [table, column] of [
    [inputBlocks, 2],
    [results.records, 0],
  ] as const) {
    for (let row = 0; row < table.rows; row++) {
      const position = table.at(row, column);
      if (position >= 0) keep(await journal.get(position));
      signal.throwIfAborted();
    }
  }
}
