import { lookLater } from "../leases/tail.ts";
import { requeue } from "../matching/fairness.ts";
import { type Job, type Scheduler, unreportedOf } from "../state/state.ts";
import type { EventOf } from "../types.ts";

/** Share of a job among others: twice as much for each step of its priority. */
export const weightOf = (priority: number): number => 2 ** priority;

/** Somebody paused a job, let it go on, or changed its priority: both stages of a shuffle. */
export function jobAdjusted(state: Scheduler, event: EventOf<"JobAdjusted">): void {
  const job = state.jobs.get(event.job);
  if (job === undefined) return;
  const { paused = job.paused, priority = job.priority } = event;
  if (paused === job.paused && priority === job.priority) return;
  adjust(job, paused, priority);
  state.effects.push({ type: "RecordAdjustment", job: job.id, paused, priority });
  for (const stage of stagesOf(job)) {
    requeue(state, stage);
    if (stage.leases.size > 0) lookLater(state, stage);
  }
}

/** What a job is set to, without what follows from it. */
export function adjust(job: Job, paused: boolean, priority: number): void {
  for (const stage of stagesOf(job)) {
    stage.paused = paused;
    stage.priority = priority;
    reweigh(stage, weightOf(priority));
  }
}

const stagesOf = (job: Job): Job[] => (job.upstream === undefined ? [job] : [job.upstream, job]);

/**
 * What is under lease has been charged in advance, and is corrected when it is known: it counts as if it had been
 * charged at the new weight, so that the corrections neither give nor take anything.
 */
function reweigh(job: Job, weight: number): void {
  let chargedMs = 0;
  for (const lease of job.leases) chargedMs += unreportedOf(lease) * lease.chargedMs;
  job.vtimeMs += chargedMs / weight - chargedMs / job.weight;
  job.weight = weight;
  if (job.queueAt >= 0) job.demand.queue.update(job);
}
