import { countOf, type Range, type Ranges, sliceRanges } from "../../protocol/index.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { charge, requeue } from "../matching/fairness.ts";
import { expectedMs } from "../matching/sizing.ts";
import { withoutCanaries } from "../state/canary.ts";
import { type Job, type Lease, type Scheduler, unreportedOf, type Worker } from "../state/state.ts";
import { hold, letGo } from "../trust/job-trust.ts";
import type { InputClass, LeaseDescriptor } from "../types.ts";
import { countLease, discountLease } from "./quota.ts";
import { lookAgain, lookLater, lookMs } from "./tail.ts";
import { strikesMax } from "./verdict.ts";

/** How a lease begins, where it is no plain new one. */
interface LeaseStart {
  /** The lease of which this one is a copy. */
  readonly copyOf?: Lease;
  /** It goes on from this position, as its worker has it already. */
  readonly adoptFrom?: number;
  /** The inputs that are its to do, where these are not all. */
  readonly own?: RangeSet;
}

/** Gives a worker the right to a unit. Its inputs must have been taken out of `pending`. */
export function grant(
  state: Scheduler,
  job: Job,
  worker: Worker,
  unit: InputClass & { readonly ranges: Ranges },
  { copyOf, adoptFrom, own }: LeaseStart = {},
): Lease {
  const { failures, strikes, ranges } = unit;
  const descriptor: LeaseDescriptor = { job: job.id, worker: worker.id, failures, strikes, ranges };
  const count = countOf(ranges);
  // Copies run where nobody else wants the slot.
  const chargedMs = copyOf === undefined ? (expectedMs(job, worker) ?? state.config.unitTargetMs) : 0;
  const lease: Lease = {
    no: state.nextLeaseNo++,
    job,
    worker,
    descriptor,
    count,
    keep: count,
    reported: adoptFrom ?? 0,
    speculative: copyOf !== undefined,
    adopted: adoptFrom !== undefined,
    own,
    sibling: copyOf,
    copiesLeft: (copyOf?.copiesLeft ?? strikesMax(job, state.config)) - (copyOf === undefined ? 0 : 1),
    startedMs: state.nowMs,
    lastProgressMs: state.nowMs,
    chargedMs,
  };
  if (copyOf !== undefined) {
    copyOf.sibling = lease;
    copyOf.copiesLeft = lease.copiesLeft;
  }
  state.leases.set(lease.no, lease);
  job.leases.add(lease);
  if (job.trust !== undefined) hold(job.trust, lease);
  worker.leases.add(lease);
  countLease(state, job);
  state.vtimeMs = job.vtimeMs;
  charge(job, unreportedOf(lease) * chargedMs);
  job.tail.lookAtMs = Math.min(job.tail.lookAtMs, lookMs(state, lease));
  lookLater(state, job);
  state.effects.push(
    adoptFrom === undefined
      ? { type: "LeaseUnit", lease: lease.no, descriptor, speculative: lease.speculative }
      : { type: "AdoptLease", lease: lease.no, descriptor, from: adoptFrom },
  );
  return lease;
}

/**
 * Ends a lease. Gives the inputs that now belong to nobody: what it owed, but for what is done and what
 * its sibling runs.
 */
export function release(state: Scheduler, lease: Lease): Range[] {
  const { job, worker, sibling } = lease;
  const owed = isShared(lease) ? [] : owedBy(lease);
  state.leases.delete(lease.no);
  job.leases.delete(lease);
  worker.leases.delete(lease);
  discountLease(state, job);
  state.touched.add(worker);
  charge(job, -unreportedOf(lease) * lease.chargedMs);
  if (job.trust !== undefined) {
    letGo(job.trust, lease);
    job.trust.pending.grew = true;
  }
  if (sibling !== undefined) {
    sibling.sibling = undefined;
    // It runs alone again, and may be worth another copy.
    lookAgain(state, sibling);
  }
  return owed;
}

/** Whether another lease runs what this one owes, so that it is not for this one to send it back. */
export const isShared = ({ sibling }: Lease): boolean => sibling !== undefined && unreportedOf(sibling) > 0;

/** The inputs of a lease that nobody has given and it has yet to report. */
const unfinishedOf = (lease: Lease): Range[] =>
  lease.job.done.missing(withoutCanaries(sliceRanges(lease.descriptor.ranges, lease.reported, lease.keep)));

/** Those of some inputs of a lease that are its to do. */
export const ownedOf = ({ own }: Lease, inputs: Range[]): Range[] =>
  own === undefined ? inputs : own.intersect(inputs);

/** The inputs that a lease owes and nobody else has given. */
export const owedBy = (lease: Lease): Range[] => ownedOf(lease, unfinishedOf(lease));

/** Ends a lease; what it owed is as ready as it was. Says how many inputs that is. */
export function giveBack(state: Scheduler, lease: Lease): number {
  const ranges = release(state, lease);
  lease.job.pending.add(lease.descriptor, ranges);
  requeue(state, lease.job);
  return countOf(ranges);
}

/** Ends a lease and tells its worker to forget it. */
export function revoke(state: Scheduler, lease: Lease, reason: string): void {
  giveBack(state, lease);
  state.effects.push({ type: "RevokeLease", worker: lease.worker.id, lease: lease.no, reason });
}

/** Revokes a lease of which nothing is left to do: others have done what it owes, or have it. Says whether it did. */
export function revokeIfServed(state: Scheduler, lease: Lease, reason: string): boolean {
  // It may be over already: others have what it owes, of which its worker has just told, too.
  if (!state.leases.has(lease.no) || unreportedOf(lease) === 0 || owedBy(lease).length > 0) return false;
  revoke(state, lease, reason);
  return true;
}

/** The same for all leases of a job that have some of the inputs, which were just done elsewhere. */
export function revokeServed(state: Scheduler, job: Job, ranges: Ranges, reason: string): void {
  if (ranges.length === 0 || job.leases.size === 0) return;
  const set = new RangeSet(ranges);
  for (const lease of [...job.leases]) {
    const isTouched = lease.descriptor.ranges.some(([start, end]) => set.nextIn(start) < end);
    if (isTouched) revokeIfServed(state, lease, reason);
  }
}
