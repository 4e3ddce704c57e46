import { type Codec, cidOfDigest, isCid } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import {
  decodeFailure,
  type FailureMark,
  MISSING_MAX,
  OUTPUT_BYTES,
  outputAt,
  pushRange,
  type Range,
  type Ranges,
  sliceRanges,
} from "../../protocol/index.ts";
import { blocksBelow } from "../datasets/tree-survey.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { IndexedBlock } from "../journal/block.ts";
import type { Columns } from "./columns.ts";

/** What a reducer said that it cannot find. */
export interface Complaint {
  readonly partition: number;
  readonly cids: readonly string[];
}

/**
 * What a block of results complains of: its failures of the kind `missing`.
 * @param ranges the partitions of the unit
 * @param from the position of the block's first record
 */
export function complaintsIn(
  ranges: Ranges,
  from: number,
  failures: readonly FailureMark[],
  block: IndexedBlock,
): Complaint[] {
  const complaints: Complaint[] = [];
  for (const { at, kind } of failures) {
    const [[partition] = [-1]] = sliceRanges(ranges, from + at, from + at + 1);
    if (kind !== "missing" || partition < 0) continue;
    const { missing } = decodeFailure(recordOf(block, at)).props ?? {};
    if (!Array.isArray(missing)) continue;
    const cids = missing.slice(0, MISSING_MAX).filter(isCid);
    if (cids.length > 0) complaints.push({ partition, cids });
  }
  return complaints;
}

/** A record without its length. */
function recordOf(block: IndexedBlock, at: number): Uint8Array {
  const packed = block.slice(at, at + 1);
  const start = packed.findIndex((byte) => byte < 0x80) + 1;
  return packed.subarray(start);
}

export interface LossesOptions {
  readonly columns: Pick<Columns, "entries">;
  readonly blobs: Blobs;
  /** Whether some worker keeps an output, which the hub then need not. */
  readonly isHeld: (cid: string) => boolean;
}

/** The segments whose outputs in a partition are really nowhere, of those that a reducer complains of. */
export async function lostSegments(
  entry: JobEntry,
  { partition, cids }: Complaint,
  { columns, blobs, isHeld }: LossesOptions,
): Promise<Range[]> {
  const gone = new Set<string>();
  for (const cid of new Set(cids)) if (!isHeld(cid) && !(await isThere(cid, blobs))) gone.add(cid);
  const entries = gone.size === 0 ? undefined : await columns.entries(entry, partition);
  const lost: Range[] = [];
  if (entries === undefined) return lost;
  for (let segment = 0; segment < entries.length / OUTPUT_BYTES; segment++) {
    const output = outputAt(entries, segment);
    if (output === undefined) continue;
    const codec: Codec = output.codec;
    if (gone.has(cidOfDigest(output.digest, codec))) pushRange(lost, segment, segment + 1);
  }
  return lost;
}

/** Whether a file is there with all of its blocks; one that is damaged, or no file, nobody can read. */
async function isThere(cid: string, blobs: Blobs): Promise<boolean> {
  for await (const block of blocksBelow([cid], blobs, never)) {
    if ((await blobs.stat(block)) === undefined) return false;
  }
  return true;
}

const never = new AbortController().signal;
