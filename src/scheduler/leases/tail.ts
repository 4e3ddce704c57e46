import { isHeld } from "../matching/fairness.ts";
import { expectedMs, isQueued } from "../matching/sizing.ts";
import { type Job, type Lease, type Scheduler, unreportedOf, wakeBy } from "../state/state.ts";

/*
 * The end of a job, when nothing is ready any more but workers are idle: which leases have work to spare.
 * Two remedies: the part of a unit that has not begun goes to somebody else (`trim.ts`), and an input that
 * runs alone for suspiciously long is run a second time (`speculate.ts`).
 */

/** How long nothing was heard of a lease's results. */
const silentMs = (state: Scheduler, lease: Lease): number => state.nowMs - lease.lastProgressMs;

/** How many of the inputs that a lease owes may be taken from it: about half, but never what may be running. */
export function spareInputs(lease: Lease): number {
  const unreported = unreportedOf(lease);
  return isQueued(lease) ? Math.ceil(unreported / 2) : Math.floor(unreported / 2);
}

/**
 * What taking over a part of a lease is worth: the time that its inputs will take. An input that has been
 * running for longer than expected says that the others may too.
 */
function worthMs(state: Scheduler, lease: Lease): number {
  const expected = expectedMs(lease.job, lease.worker) ?? 0;
  const silent = silentMs(state, lease);
  const msPerInput = silent >= state.config.prefetchMs ? Math.max(expected, silent) : expected;
  return unreportedOf(lease) * msPerInput;
}

export const isWorthTrimming = (state: Scheduler, lease: Lease): boolean =>
  lease.job.trust === undefined &&
  lease.sibling === undefined &&
  spareInputs(lease) > 0 &&
  worthMs(state, lease) >= state.config.prefetchMs;

/** How long a single input may run before a copy is started. */
function patienceMs({ config }: Scheduler, lease: Lease): number {
  const expected = expectedMs(lease.job, lease.worker) ?? config.speculationAfterMs;
  return Math.max(config.speculationAfterMs, config.speculationFactor * expected);
}

/**
 * Whether a copy of a lease may ever be started; what is suspected of killing sandboxes is not spread, and
 * what is in part somebody else's may run there already.
 */
const mayBeCopied = (lease: Lease): boolean =>
  lease.job.trust === undefined &&
  lease.sibling === undefined &&
  lease.own === undefined &&
  unreportedOf(lease) === 1 &&
  lease.copiesLeft > 0 &&
  lease.descriptor.strikes === 0;

export const isWorthCopying = (state: Scheduler, lease: Lease): boolean =>
  mayBeCopied(lease) && silentMs(state, lease) >= patienceMs(state, lease);

/** When a lease may become worth something to an idle worker. */
export function lookMs(state: Scheduler, lease: Lease): number {
  // Where votes are asked for each is a person's own, and nothing is taken over.
  if (lease.sibling !== undefined || lease.job.trust !== undefined) return Number.POSITIVE_INFINITY;
  if (isWorthTrimming(state, lease)) return state.nowMs;
  if (spareInputs(lease) > 0) return state.nowMs + state.config.prefetchMs;
  if (!mayBeCopied(lease)) return Number.POSITIVE_INFINITY;
  const atMs = lease.lastProgressMs + patienceMs(state, lease);
  return atMs > state.nowMs ? atMs : Number.POSITIVE_INFINITY;
}

/**
 * Goes through a job's leases, if it is time to, and notes which are worth something. While there are
 * some, another look comes as soon as they are used up; else when one may have become worth something.
 */
export function lookAtLeases(state: Scheduler, job: Job): void {
  const { tail } = job;
  if (tail.trims.length > 0 || state.nowMs < tail.lookAtMs) return;
  tail.copies = [];
  tail.lookAtMs = Number.POSITIVE_INFINITY;
  const worth = new Map<Lease, number>();
  for (const lease of job.leases) {
    if (isWorthTrimming(state, lease)) {
      worth.set(lease, worthMs(state, lease));
      tail.trims.push(lease);
    } else if (isWorthCopying(state, lease)) {
      tail.copies.push(lease);
    } else {
      tail.lookAtMs = Math.min(tail.lookAtMs, lookMs(state, lease));
    }
  }
  tail.trims.sort((a, b) => worth.get(a)! - worth.get(b)! || b.no - a.no);
  if (tail.trims.length > 0) tail.lookAtMs = state.nowMs;
}

/** A lease may be worth something to an idle worker that was not. */
export function lookAgain(state: Scheduler, lease: Lease): void {
  const { job } = lease;
  const atMs = isWorthCopying(state, lease) ? state.nowMs : lookMs(state, lease);
  job.tail.lookAtMs = Math.min(job.tail.lookAtMs, atMs);
  lookLater(state, job);
}

/** Remembers to look at a job whose inputs are all under lease, if there is anybody to take some over. */
export function lookLater(state: Scheduler, job: Job): void {
  // What a copy or the rest of a unit would be made of may not be there.
  if (state.idle.size === 0 || job.queueAt >= 0 || job.paused || isHeld(job)) return;
  if (job.tail.lookAtMs <= state.nowMs) state.due.add(job);
  else wakeBy(state, job.tail.lookAtMs);
}
