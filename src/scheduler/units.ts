import { countOf, sliceRanges } from "../protocol/index.ts";
import { offer, refuse } from "./demand.ts";
import { charge, requeue } from "./fairness.ts";
import { giveBack, grant, isShared, revokeIfServed, revokeServed } from "./leases.ts";
import { Acceptance, isBlock } from "./results.ts";
import { learn, unreportedOf } from "./sizing.ts";
import { type Job, type Lease, type Scheduler, type Worker, wakeBy } from "./state.ts";
import type { EventOf, LeaseDescriptor, LeaseNo, Ranges, WorkerId } from "./types.ts";
import { hear } from "./workers.ts";

/*
 * What workers report of units.
 */

const SOMEBODY_FASTER = "somebody else was faster";

/** A lease of a worker's, after it was heard. */
function leaseOf(state: Scheduler, no: LeaseNo, worker: WorkerId): Lease | undefined {
  hear(state, worker);
  const lease = state.leases.get(no);
  return lease?.worker.id === worker ? lease : undefined;
}

export function unitProgressed(state: Scheduler, event: EventOf<"UnitProgressed">): void {
  const lease = leaseOf(state, event.lease, event.worker);
  const end = event.from + event.count;
  if (lease === undefined || !isBlock(event) || event.from > lease.reported || end > lease.count) return;
  const { job, worker, keep, reported } = lease;
  const isOwner = !isShared(lease);
  state.touched.add(worker);
  if (end > reported) {
    const costMs = correctCharge(state, lease, end - reported, event);
    lease.reported = end;
    lease.lastProgressMs = state.nowMs;
    const acceptance = new Acceptance(state, job, lease.descriptor, event);
    if (reported < keep) acceptance.take(reported, Math.min(end, keep), isOwner);
    // What was trimmed, but had begun.
    if (end > keep) acceptance.take(Math.max(reported, keep), end, false);
    if (acceptance.refused) refuse(worker, job);
    else learn(lease, end - reported, costMs);
    acceptance.record(worker.id);
    if (end > keep || !isOwner) revokeServed(state, job, acceptance.ranges, SOMEBODY_FASTER);
  }
  if (!event.done && lease.reported < lease.count) {
    revokeIfServed(state, lease, SOMEBODY_FASTER);
    return;
  }
  // Whoever says that it is done without having done it is not asked again.
  if (state.leases.has(lease.no) && giveBack(state, lease) > 0 && !lease.adopted) refuse(worker, job);
}

/** Charges what `count` results took, instead of what was charged for them in advance; gives the former. */
function correctCharge(
  state: Scheduler,
  lease: Lease,
  count: number,
  event: EventOf<"UnitProgressed">,
): number {
  // A worker's word, but it cannot have taken longer than there was.
  const passedMs = state.nowMs - lease.startedMs;
  const elapsedMs = Number.isFinite(event.elapsedMs) ? Math.min(Math.max(event.elapsedMs, 0), passedMs) : 0;
  const costMs = (elapsedMs * count) / event.count;
  charge(lease.job, costMs - Math.min(count, unreportedOf(lease)) * lease.chargedMs);
  return costMs;
}

export function unitReturned(state: Scheduler, event: EventOf<"UnitReturned">): void {
  const lease = leaseOf(state, event.lease, event.worker);
  if (lease === undefined) return;
  const { job, worker } = lease;
  if (event.reason === "refused") refuse(worker, job);
  if (event.reason === "drain") offer(state, worker, worker.slots, true);
  if (event.reason === "overload") {
    worker.pausedUntilMs = state.nowMs + state.config.heartbeatIntervalMs;
    state.paused.add(worker);
    wakeBy(state, worker.pausedUntilMs);
  }
  giveBack(state, lease);
}

export function lateResults(state: Scheduler, event: EventOf<"LateResults">): void {
  hear(state, event.worker);
  const { descriptor, from, count } = event;
  const job = state.jobs.get(descriptor.job);
  if (job === undefined || !isBlock(event) || !isUnit(descriptor.ranges, job.size)) return;
  if (from + count > countOf(descriptor.ranges)) return;
  const acceptance = new Acceptance(state, job, descriptor, event);
  acceptance.take(from, from + count, false);
  acceptance.record(event.worker);
  revokeServed(state, job, acceptance.ranges, SOMEBODY_FASTER);
}

/** A worker came back with a lease that it has from before. It goes on if nobody else has its inputs. */
export function leasePresented(state: Scheduler, event: EventOf<"LeasePresented">): void {
  const worker = hear(state, event.worker);
  if (worker === undefined) return;
  const { from } = event;
  const descriptor = { ...event.descriptor, worker: worker.id };
  const job = state.jobs.get(descriptor.job);
  if (job === undefined || !adopt(state, job, worker, descriptor, from)) {
    state.effects.push({ type: "RefuseLease", worker: worker.id, descriptor });
  }
}

function adopt(
  state: Scheduler,
  job: Job,
  worker: Worker,
  descriptor: LeaseDescriptor,
  from: number,
): boolean {
  const { ranges } = descriptor;
  if (!isUnit(ranges, job.size) || !Number.isSafeInteger(from) || from < 0) return false;
  const owed = job.done.missing(sliceRanges(ranges, from, countOf(ranges)));
  if (owed.length === 0 || !job.pending.claim(descriptor, owed)) return false;
  requeue(state, job);
  state.touched.add(worker);
  grant(state, job, worker, descriptor, { adoptFrom: from });
  return true;
}

/** Whether ranges can be those of a unit of a job of so many inputs: each input once, all of them there. */
function isUnit(ranges: Ranges, size: number): boolean {
  const sorted = ranges.toSorted(([a], [b]) => a - b);
  let last = 0;
  for (const [start, end] of sorted) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return false;
    if (start < last || end <= start || end > size) return false;
    last = end;
  }
  return true;
}
