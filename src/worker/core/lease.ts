import {
  encodeResumed,
  packRecords,
  RecordReader,
  type ReturnReason,
  type TaskSpec,
} from "../../protocol/index.ts";
import { taskKey } from "./task-key.ts";
import type { Results } from "./types.ts";

interface Part {
  readonly from: number;
  readonly count: number;
  readonly block: Uint8Array;
}

/** Results that the hub has not acknowledged. */
export interface Unacked {
  readonly results: Results;
  readonly from: number;
  readonly done: boolean;
}

/** One unit as the worker holds it. `acked <= reported <= handed <= received`, and `handed <= end`. */
export interface Lease {
  readonly id: string;
  readonly task: TaskSpec;
  readonly taskKey: string;
  /** Records that are to be run; trimming lowers it. */
  end: number;
  received: number;
  handed: number;
  reported: number;
  acked: number;
  /** Up to this position records are run carefully. */
  carefulTo: number;
  slot: number | undefined;
  parts: Part[];
  unacked: Unacked[];
  /** The latest state of the first record without a result. */
  saved: { readonly position: number; readonly state: Uint8Array } | undefined;
  /** Set once the rest was given back. */
  returned: { readonly reason: ReturnReason; readonly message: string } | undefined;
  /** Where the next record to be handed stands; undefined: to be found. */
  cursor: { part: Part; at: number; reader: RecordReader } | undefined;
}

export const newLease = (id: string, task: TaskSpec, count: number): Lease => ({
  id,
  task,
  taskKey: taskKey(task),
  end: count,
  received: 0,
  handed: 0,
  reported: 0,
  acked: 0,
  carefulTo: 0,
  slot: undefined,
  parts: [],
  unacked: [],
  saved: undefined,
  returned: undefined,
  cursor: undefined,
});

/** Nothing is left to run, here at least. */
export const isOver = (lease: Lease): boolean => lease.returned !== undefined || lease.reported >= lease.end;

/** Records that are here and were not handed to a sandbox. */
export const waiting = (lease: Lease): number =>
  lease.returned === undefined ? Math.min(lease.received, lease.end) - lease.handed : 0;

function cursorOf(lease: Lease): NonNullable<Lease["cursor"]> | undefined {
  const { cursor, handed } = lease;
  if (cursor !== undefined && cursor.at < cursor.part.from + cursor.part.count) return cursor;
  const part = lease.parts.find(({ from, count }) => handed >= from && handed < from + count);
  if (part === undefined) return undefined;
  const reader = new RecordReader(part.block);
  reader.skip(handed - part.from);
  lease.cursor = { part, at: handed, reader };
  return lease.cursor;
}

/**
 * Hands out the next records: up to `countMax` of them and, but for the first, `bytesMax` bytes. They are
 * a view of the part that they came in.
 */
export function takeRecords(lease: Lease, countMax: number, bytesMax: number) {
  const cursor = cursorOf(lease);
  if (cursor === undefined) return undefined;
  const { part, reader } = cursor;
  // It died here before, and goes on where it was.
  if (lease.saved?.position === lease.handed) {
    const input = reader.read()!;
    lease.handed++;
    cursor.at++;
    return { count: 1, block: packRecords([encodeResumed(input, lease.saved.state)]) };
  }
  const allowed = Math.min(countMax, part.from + part.count - lease.handed, lease.end - lease.handed);
  const start = reader.offset;
  let count = 0;
  while (count < allowed && (count === 0 || reader.offset - start < bytesMax)) {
    reader.skip(1);
    count++;
  }
  lease.handed += count;
  cursor.at += count;
  if (cursor.at === part.from + part.count) lease.cursor = undefined;
  const isWhole = start === 0 && reader.offset === part.block.length;
  return { count, block: isWhole ? part.block : part.block.subarray(start, reader.offset) };
}

/** What was handed but has no result goes back, to be handed again. */
export function rewind(lease: Lease): void {
  lease.handed = lease.reported;
  lease.cursor = undefined;
}

/** Lets go of parts that no rewind can need. */
export function dropParts(lease: Lease): void {
  while (lease.parts.length > 0) {
    const { from, count } = lease.parts[0]!;
    if (from + count > lease.reported && lease.returned === undefined) break;
    lease.parts.shift();
  }
}
