import type { Ranges } from "../../protocol/index.ts";
import { type ClassSet, isFresh } from "../inputs/pending.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import type { Job, Nearness, Scheduler, Worker } from "../state/state.ts";
import type { EventOf, JobId, Range } from "../types.ts";

/*
 * Inputs go to workers that already have what they refer to. All of this is advice: a worker that has
 * nothing of its own near takes what nobody has, then what others have, and none waits for another. Advice
 * is used up as its inputs are leased, is not journalled, and goes with the worker or the job.
 */

export const noNearness = (): Nearness => ({ of: new Map(), any: new RangeSet() });

/** A worker has the data of these inputs, or has it no more. */
export function workerHolds(state: Scheduler, event: EventOf<"WorkerHolds">): void {
  const worker = state.workers.get(event.worker);
  const job = jobOfInputs(state, event.job);
  if (worker === undefined || job === undefined) return;
  // Advice on inputs may come before they do, so that the first of them are leased by it.
  const ranges = saneRanges(event.ranges, state.config.jobInputsMax);
  const { of, any } = job.near;
  if (event.kept) {
    const own = of.get(worker) ?? new RangeSet();
    of.set(worker, own);
    worker.nearTo.add(job);
    own.addAll(ranges);
    any.addAll(ranges);
    return;
  }
  of.get(worker)?.removeAll(ranges);
  any.removeAll(ranges);
  for (const own of of.values()) any.addAll(own.intersect(ranges));
}

function saneRanges(ranges: Ranges, size: number): Range[] {
  return ranges.flatMap(([start, end]): Range[] => {
    const last = Math.min(end, size);
    return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < last
      ? [[start, last]]
      : [];
  });
}

/** What a submission's inputs belong to: of a shuffle the map stage. */
function jobOfInputs(state: Scheduler, id: JobId): Job | undefined {
  const job = state.jobs.get(id);
  return job?.upstream ?? job;
}

/** Takes inputs of a class for a worker: those near it, else those near nobody, else the first. */
export function takeNearest(
  job: Job,
  worker: Worker,
  from: ClassSet,
  countMax: number,
  rangesMax: number,
): Range[] {
  const { pending, near } = job;
  if (!isFresh(from) || near.of.size === 0) return pending.take(from, countMax, rangesMax);
  const own = near.of.get(worker);
  if (own !== undefined) {
    const taken = pending.takeAdvised(from, own, countMax, rangesMax);
    if (taken.length > 0) return taken;
  }
  const free = pending.takeUnlike(from, near.any, countMax, rangesMax);
  return free.length > 0 ? free : pending.take(from, countMax, rangesMax);
}

/** After a worker left: nobody has what only it had. */
export function forgetWorker(worker: Worker): void {
  for (const { near } of worker.nearTo) {
    near.of.delete(worker);
    near.any.clear();
    for (const own of near.of.values()) near.any.addAll([...own.ranges()]);
  }
  worker.nearTo.clear();
}

/** After a job left. */
export function forgetJob(job: Job): void {
  for (const worker of job.near.of.keys()) worker.nearTo.delete(job);
  job.near.of.clear();
}
