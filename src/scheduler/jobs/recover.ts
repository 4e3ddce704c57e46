import type { Ranges } from "../../protocol/index.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { requeue } from "../matching/fairness.ts";
import { createScheduler, type Job, type Scheduler, type SchedulerConfig } from "../state/state.ts";
import type { PersonRecord, Retry, SchedulerRecord } from "../types.ts";
import { adjust } from "./adjust.ts";
import { inputsAppended, jobSubmitted, removeJob } from "./jobs.ts";
import { forgetResults } from "./stages.ts";

type RecordOf<T extends SchedulerRecord["type"]> = Extract<SchedulerRecord, { type: T }>;

/**
 * Rebuilds the state from what the journal holds.
 * @param nowMs the monotonic clock; the adoption window begins here.
 */
export function recover(
  records: Iterable<SchedulerRecord>,
  config: SchedulerConfig,
  nowMs: number,
): Scheduler {
  const state = createScheduler(config);
  for (const record of records) recoverRecord(state, record);
  return finishRecovery(state, nowMs);
}

/** Takes one record in, in the order of the journal. For journals that are read bit by bit. */
export function recoverRecord(state: Scheduler, record: SchedulerRecord | PersonRecord): void {
  if (record.type === "submitted") {
    jobSubmitted(state, { type: "JobSubmitted", nowMs: 0, spec: record.spec });
    return;
  }
  if (record.type === "person") {
    const { person: id, streak, valid, bad, accusations = [] } = record;
    state.people.set(id, { id, streak, valid, bad, accusations: [...accusations] });
    return;
  }
  const job = state.jobs.get(record.job);
  if (job === undefined) return;
  if (record.type === "inputs") {
    inputsAppended(state, { ...record, type: "InputsAppended", nowMs: 0 });
  } else if (record.type === "results") {
    recoverResults(job, record);
  } else if (record.type === "lost") {
    if (job.downstream !== undefined) forgetResults(job, job.done.intersect(record.ranges));
  } else if (record.type === "carve") {
    job.carveMark = Math.max(job.carveMark, record.mark);
  } else if (record.type === "adjusted") {
    adjust(job, record.paused, record.priority);
  } else if (record.type === "sealed") {
    (job.upstream ?? job).sealed = true;
  } else {
    removeJob(state, job);
  }
}

function recoverResults(job: Job, record: RecordOf<"results">): void {
  const accepted = inside(record.ranges, job.size);
  job.pending.remove(accepted);
  job.done.addAll(accepted);
  job.failed += record.failed;
  for (const retry of record.retries) recoverRetry(job, retry);
}

function recoverRetry(job: Job, retry: Retry): void {
  const ranges = job.done.missing(inside(retry.ranges, job.size));
  job.pending.remove(ranges);
  job.pending.add(retry, ranges);
}

/** What of the ranges is there at all. */
const inside = (ranges: Ranges, size: number): Ranges =>
  ranges.every(([, end]) => end <= size) ? ranges : new RangeSet([[0, size]]).intersect(ranges);

/**
 * After the last record: holds back what workers may still have until `adoptionWindowMs` passed. The shell
 * sends a `Tick` next, because jobs may have ended but for the record of it.
 */
export function finishRecovery(state: Scheduler, nowMs: number): Scheduler {
  state.nowMs = nowMs;
  state.woken.clear();
  for (const job of state.jobs.values()) {
    job.pending.holdFresh(job.carveMark, nowMs + state.config.adoptionWindowMs);
    // A checkpoint does not say what was lost before it.
    if (job.downstream !== undefined) job.isRemade = true;
    requeue(state, job);
    state.changed.add(job);
  }
  return state;
}
