import { cidOfDigest, codecOf, isCid } from "../../data/index.ts";
import type { Blobs, Journal } from "../../engine/index.ts";
import { decodeOutputs, eachRecord, toMusketeersError } from "../../protocol/index.ts";
import { blocksBelow } from "../datasets/tree-survey.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { decodeLedgerRecord } from "./ledger-record.ts";

const CID_LENGTH = 59;
/** How each CID begins where it is a text of a record: its length, and version and hash. */
const CID_START = Buffer.from([0x78, CID_LENGTH, ...Buffer.from("baf")]);
const TEXT_HEADER_BYTES = 2;

/** The CIDs of all references in some bytes; what only looks like one is among them, which does no harm. */
export function* blobRefsIn(bytes: Uint8Array): Generator<string, void, undefined> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf(CID_START); at >= 0; at = buffer.indexOf(CID_START, at + CID_START.length)) {
    const start = at + TEXT_HEADER_BYTES;
    const cid = buffer.toString("latin1", start, start + CID_LENGTH);
    if (isCid(cid)) yield cid;
  }
}

/** As `blobRefsIn`, of a stored blob; of one that is gone or damaged there are none. */
async function* blobRefsBelow(cid: string, blobs: Blobs, signal: AbortSignal): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array(0);
  try {
    for await (const part of blobs.read(cid)) {
      signal.throwIfAborted();
      const bytes = Buffer.concat([rest, part]);
      yield* blobRefsIn(bytes);
      // Of one that the end cuts, a byte at least is still to come.
      rest = bytes.subarray(Math.max(0, bytes.length - (TEXT_HEADER_BYTES + CID_LENGTH - 1)));
    }
  } catch (error) {
    const { code } = toMusketeersError(error);
    if (code !== "NOT_FOUND" && code !== "BLOB_MISMATCH") throw error;
  }
}

export interface SweepOptions {
  readonly jobs: Jobs;
  /** Trees that are kept whatever refers to them, such as datasets. */
  readonly roots: Iterable<string>;
  /** Packed records that may become results, of which the journal knows nothing. */
  readonly candidates?: Iterable<Uint8Array>;
  /** Looks at these only, instead of at all. */
  readonly among?: Iterable<string>;
  /** Is told what the hub has not got any more, or never had, and nobody needs. */
  readonly onGone?: (cid: string) => void;
  readonly blobs: Blobs;
  readonly journal: Journal;
  /** Blobs that were stored or touched at this time or later stay: somebody may be about to refer to them. */
  readonly unusedSinceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Deletes the blobs that no dataset and no kept job refers to: mark and sweep, where the marking reads the
 * blocks of the kept jobs for references, the values that stand in blobs of their own because they are large,
 * and the nodes of files and folders for what is below them.
 * @returns how many bytes that freed
 */
export async function sweepBlobs({
  jobs,
  roots,
  blobs,
  journal,
  unusedSinceMs,
  signal,
  candidates = [],
  among,
  onGone,
}: SweepOptions): Promise<number> {
  const unused = among === undefined ? await unusedSince(unusedSinceMs, blobs) : await sizesOf(among, blobs);
  const trees = new Set(roots);
  const values = new Set<string>();
  const marks = { unused, trees, values };
  // Before the jobs: what is accepted meanwhile is found here or there.
  for (const records of candidates) {
    keepRefs(records, marks);
    for (const cid of outputsOf(records)) keepOne(cid, marks);
  }
  for (const entry of [...jobs]) {
    if (unused.size === 0) return 0;
    unused.delete(entry.spec.task.bundle);
    await keepReferred(entry, journal, marks, signal);
  }
  for (const value of values) {
    for await (const cid of blobRefsBelow(value, blobs, signal)) {
      unused.delete(cid);
      if (codecOf(cid) === "dag-pb") trees.add(cid);
    }
  }
  for await (const cid of blocksBelow(trees, blobs, signal)) unused.delete(cid);
  // What was submitted meanwhile refers to what was touched meanwhile.
  let freedBytes = 0;
  for (const [cid, bytes] of unused) {
    signal.throwIfAborted();
    await blobs.delete(cid, unusedSinceMs);
    if ((await blobs.stat(cid)) !== undefined) continue;
    freedBytes += bytes;
    onGone?.(cid);
  }
  return freedBytes;
}

async function unusedSince(unusedSinceMs: number, blobs: Blobs): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { cid, bytes, usedAtMs } of blobs.list()) {
    if (usedAtMs < unusedSinceMs) sizes.set(cid, bytes);
  }
  return sizes;
}

async function sizesOf(cids: Iterable<string>, blobs: Blobs): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const cid of cids) sizes.set(cid, (await blobs.stat(cid))?.bytes ?? 0);
  return sizes;
}

/** The CIDs of all outputs that stored results of a map stage name. */
export function* outputsIn(stored: Uint8Array): Generator<string, void, undefined> {
  const { record, body } = decodeLedgerRecord(stored);
  yield* outputsOf(record.type === "moved" ? decodeLedgerRecord(body).body : body);
}

/** The same of packed records. */
function* outputsOf(rows: Uint8Array): Generator<string, void, undefined> {
  for (const row of eachRecord(rows)) {
    let outputs: ReturnType<typeof decodeOutputs>;
    try {
      outputs = decodeOutputs(row);
    } catch {
      // A failure or no row, which names none.
      continue;
    }
    for (const output of outputs) {
      if (output !== undefined) yield cidOfDigest(output.digest, output.codec);
    }
  }
}

interface Marks {
  readonly unused: Map<string, number>;
  /** Files and folders that are kept. */
  readonly trees: Set<string>;
  /** Kept blobs that are no nodes of such: a value each, as far as is known. */
  readonly values: Set<string>;
}

function keepOne(cid: string, { unused, trees }: Marks): void {
  unused.delete(cid);
  if (codecOf(cid) === "dag-pb") trees.add(cid);
}

function keepRefs(bytes: Uint8Array, marks: Marks): void {
  for (const cid of blobRefsIn(bytes)) {
    keepOne(cid, marks);
    if (codecOf(cid) === "raw") marks.values.add(cid);
  }
}

async function keepReferred(
  { spec, inputBlocks, results, saved, unstored }: JobEntry,
  journal: Journal,
  marks: Marks,
  signal: AbortSignal,
): Promise<void> {
  const keep = (bytes: Uint8Array) => keepRefs(bytes, marks);
  const isMap = spec.task.stage?.kind === "map";
  for (const { bytes } of unstored.values()) keep(bytes);
  for (const [, { position }] of [...saved.entries()]) keep(await journal.get(position));
  for (const [table, column] of [
    [inputBlocks, 2],
    [results.records, 0],
  ] as const) {
    for (let row = 0; row < table.rows; row++) {
      const position = table.at(row, column);
      if (position >= 0) {
        const record = await journal.get(position);
        keep(record);
        if (isMap && table === results.records) for (const cid of outputsIn(record)) keepOne(cid, marks);
      }
      signal.throwIfAborted();
    }
  }
}
