import { before } from "../state/run-queue.ts";
import type { Job, Scheduler, Worker } from "../state/state.ts";
import { reopen } from "../trust/job-trust.ts";

/*
 * Weighted fair queueing with start tags (Goyal, Vin, Cheng, "Start-time Fair Queueing", 1996): every job
 * has a virtual time, the slot time it got divided by its weight, and whoever has the least is served next.
 * Cost is charged when a unit is leased, at what it is expected to take, and corrected when it is known.
 */

/** The least virtual time of all jobs with something ready, or where the last one was served. */
function leastVtime(state: Scheduler): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { queue } of state.demands.values()) {
    const first = queue.least();
    if (first !== undefined && first.vtimeMs < least) least = first.vtimeMs;
  }
  return least === Number.POSITIVE_INFINITY ? state.vtimeMs : least;
}

/** Whether a job has to wait until the stage before it is whole. */
export const isHeld = ({ upstream }: Job): boolean => upstream !== undefined && !isWhole(upstream);

/** Whether a job has to wait until its project gives a lease back. */
export const isFull = ({ quota }: Job): boolean => quota.leases >= quota.leasesMax;

/** Whether a job gets no lease for now, whatever it has ready. */
export const isStopped = (job: Job): boolean => job.paused || isHeld(job) || isFull(job);

/** Whether all that a job is to give is there. */
export const isWhole = (job: Job): boolean => job.sealed && job.done.count === job.size;

/**
 * Puts a job into its queue or takes it out, as it has something ready or not. It comes in at the least
 * virtual time of the others: what it did not use while it had nothing to do is not saved up.
 */
export function requeue(state: Scheduler, job: Job): void {
  const { trust } = job;
  if (trust?.pending.grew) {
    trust.pending.grew = false;
    reopen(state, job, trust);
  }
  const isReady = job.pending.readyCount > 0 && !isStopped(job);
  if (isReady === job.queueAt >= 0) return;
  if (isReady) {
    job.vtimeMs = Math.max(job.vtimeMs, leastVtime(state));
    job.demand.queue.add(job);
    state.woken.add(job);
  } else {
    job.demand.queue.remove(job);
    state.woken.delete(job);
  }
}

/** Charges a job for slot time, or gives some back. */
export function charge(job: Job, slotMs: number): void {
  job.vtimeMs += slotMs / job.weight;
  if (job.queueAt >= 0) job.demand.queue.update(job);
}

/** Jobs that a worker will not run, or has nothing to do for. */
export const excludedFor = ({ refused, shut }: Worker): ReadonlySet<Job> =>
  shut.size === 0 ? refused : new Set([...refused, ...shut]);

/**
 * The job that a worker is to serve next, or undefined where nothing is ready that it can run.
 * A job far behind its rival, because few workers can run it, is brought up to `fairnessLagMs`: else it
 * would shut the rival out of a worker that both can use until it caught up.
 */
export function chooseJob(state: Scheduler, worker: Worker): Job | undefined {
  const excluded = excludedFor(worker);
  let leader: Job | undefined;
  let rival: Job | undefined;
  for (const { queue } of worker.demands) {
    const first = queue.least(excluded);
    if (first === undefined) continue;
    if (before(leader, first) === first) {
      rival = leader;
      leader = first;
    } else {
      rival = before(rival, first);
    }
  }
  if (leader === undefined) return undefined;
  rival = before(rival, leader.demand.queue.runnerUp(leader, excluded));
  if (rival !== undefined) {
    const lagMs = state.config.fairnessLagMs / Math.min(leader.weight, rival.weight);
    if (leader.vtimeMs < rival.vtimeMs - lagMs) {
      leader.vtimeMs = rival.vtimeMs - lagMs;
      leader.demand.queue.update(leader);
    }
  }
  return leader;
}
