import { pushRange, type Range, type Ranges } from "../protocol/index.ts";
import type { JobId, JobSnapshot } from "../scheduler/index.ts";
import type { Stored } from "./journal.ts";

const RETRY_RANGES = 512;

type Submitted = Extract<Stored, { type: "submitted" }>;
type Saved = Extract<Stored, { type: "saved" }>;

interface Kept {
  readonly submitted: Submitted;
  size: number;
  sealed: boolean;
  failed: number;
  /** Inputs with a result, as they came. */
  readonly done: Range[];
  readonly saved: Map<number, Saved>;
}

/**
 * The records that say the same as these, in short. What is stored of each job is read from them, as the hub's
 * catalogue knows it; the rest are the scheduler's own snapshots. So `src/hub/journal/checkpoint.ts` does it.
 */
export function compacted(records: readonly Stored[], snapshots: ReadonlyMap<JobId, JobSnapshot>): Stored[] {
  const jobs = new Map<JobId, Kept>();
  for (const record of records) enter(jobs, record);
  const compact: Stored[] = [];
  for (const [job, { submitted, size, sealed, failed, done, saved }] of jobs) {
    const snapshot = snapshots.get(job);
    compact.push(submitted);
    if (size > 0) compact.push({ type: "inputs", job, count: size, bytes: snapshot?.bytes ?? 0 });
    compact.push({ type: "results", job, ranges: merged(done), failed, retries: [] });
    for (const retry of snapshot?.retries(RETRY_RANGES) ?? []) {
      compact.push({ type: "results", job, ranges: [], failed: 0, retries: [retry] });
    }
    if (snapshot !== undefined) compact.push({ type: "carve", job, mark: snapshot.carveMark });
    if (sealed) compact.push({ type: "sealed", job });
    compact.push(...saved.values());
  }
  return compact;
}

function enter(jobs: Map<JobId, Kept>, record: Stored): void {
  const job = jobs.get(record.type === "submitted" ? record.spec.job : record.job);
  switch (record.type) {
    case "submitted":
      jobs.set(record.spec.job, keptOf(record));
      break;
    case "inputs":
      if (job !== undefined) job.size += record.count;
      break;
    case "sealed":
      if (job !== undefined) job.sealed = true;
      break;
    case "results":
      if (job === undefined) return;
      job.failed += record.failed;
      job.done.push(...record.ranges);
      if (job.saved.size > 0) forgetSaved(job.saved, record.ranges);
      break;
    case "saved":
      job?.saved.set(record.index, record);
      break;
    case "ended":
      jobs.delete(record.job);
      break;
    case "carve":
      break;
  }
}

const keptOf = (submitted: Submitted): Kept => ({
  submitted,
  size: 0,
  sealed: false,
  failed: 0,
  done: [],
  saved: new Map(),
});

function forgetSaved(saved: Map<number, Saved>, done: Ranges): void {
  for (const index of saved.keys()) {
    if (done.some(([start, end]) => index >= start && index < end)) saved.delete(index);
  }
}

function merged(ranges: readonly Range[]): Range[] {
  const list: Range[] = [];
  for (const [start, end] of ranges.toSorted(([a], [b]) => a - b)) pushRange(list, start, end);
  return list;
}
