import type { Ranges } from "../../protocol/index.ts";
import { type JobId, type JobSnapshot, mapStageId, RangeSet } from "../../scheduler/index.ts";
import { eachInput } from "../checks/records.ts";
import type { Stored } from "../checks/stored.ts";

const RETRY_RANGES = 512;

type Submitted = Extract<Stored, { type: "submitted" }>;
type Saved = Extract<Stored, { type: "saved" }>;
type Adjusted = Extract<Stored, { type: "adjusted" }>;

interface Kept {
  /** Of a map stage nothing: its submission makes it. */
  readonly submitted: Submitted | undefined;
  size: number;
  sealed: boolean;
  failed: number;
  adjusted: Adjusted | undefined;
  /** Inputs with a result. */
  readonly done: RangeSet;
  readonly saved: Map<number, Saved>;
  /** Of a map stage: the disk of each segment. */
  readonly disks: Map<number, number>;
}

/**
 * The records that say the same as these, in short. What is stored of each job is read from them, as the hub's
 * catalogue knows it; the rest are the scheduler's own snapshots. So `src/hub/journal/checkpoint.ts` does it.
 */
export function compacted(records: readonly Stored[], snapshots: ReadonlyMap<JobId, JobSnapshot>): Stored[] {
  const jobs = new Map<JobId, Kept>();
  for (const record of records) enter(jobs, record);
  const compact: Stored[] = [];
  for (const [job, { submitted, size, sealed, failed, adjusted, done, saved, disks }] of jobs) {
    const snapshot = snapshots.get(job);
    if (submitted !== undefined) compact.push(submitted);
    if (adjusted !== undefined) compact.push(adjusted);
    if (size > 0) compact.push({ type: "inputs", job, count: size, bytes: snapshot?.bytes ?? 0 });
    compact.push({ type: "results", job, ranges: [...done.ranges()], failed, retries: [] });
    for (const retry of snapshot?.retries(RETRY_RANGES) ?? []) {
      compact.push({ type: "results", job, ranges: [], failed: 0, retries: [retry] });
    }
    if (snapshot !== undefined) compact.push({ type: "carve", job, mark: snapshot.carveMark });
    if (sealed) compact.push({ type: "sealed", job });
    compact.push(...saved.values());
    if (disks.size > 0) compact.push({ type: "rows", job, rows: [...disks] });
  }
  return compact;
}

function enter(jobs: Map<JobId, Kept>, record: Stored): void {
  const id = record.type === "submitted" ? record.spec.job : record.job;
  const isIntake = record.type === "inputs" || record.type === "sealed";
  // The inputs of a shuffle are those of its map stage.
  const job = (isIntake ? jobs.get(mapStageId(id)) : undefined) ?? jobs.get(id);
  switch (record.type) {
    case "submitted":
      jobs.set(id, keptOf(record));
      if (record.spec.shuffle !== undefined) jobs.set(mapStageId(id), keptOf(undefined));
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
      job.done.addAll(record.ranges);
      if (job.saved.size > 0) forgetSaved(job.saved, record.ranges);
      break;
    case "rows":
      for (const [segment, disk] of record.rows) job?.disks.set(segment, disk);
      break;
    case "saved":
      job?.saved.set(record.index, record);
      break;
    case "lost":
      job?.done.removeAll(record.ranges);
      for (const index of eachInput(record.ranges)) job?.disks.delete(index);
      break;
    case "ended":
      jobs.delete(id);
      jobs.delete(mapStageId(id));
      break;
    case "adjusted":
      if (job !== undefined) job.adjusted = record;
      break;
    case "carve":
      break;
  }
}

const keptOf = (submitted: Submitted | undefined): Kept => ({
  submitted,
  size: 0,
  sealed: false,
  failed: 0,
  adjusted: undefined,
  done: new RangeSet(),
  saved: new Map(),
  disks: new Map(),
});

function forgetSaved(saved: Map<number, Saved>, done: Ranges): void {
  for (const index of saved.keys()) {
    if (done.some(([start, end]) => index >= start && index < end)) saved.delete(index);
  }
}
