import { countOf } from "../../protocol/index.ts";
import { Tally } from "../ballots/tally.ts";
import { mayBeStale } from "../jobs/stages.ts";
import { giveBack, isShared, release, revokeIfServed, revokeServed } from "../leases/leases.ts";
import { Acceptance, isBlock, isUnit, type ResultBlock, waitFor } from "../leases/results.ts";
import { offer, refuse } from "../matching/demand.ts";
import { charge, requeue } from "../matching/fairness.ts";
import { learn } from "../matching/sizing.ts";
import { type Job, type Lease, type Scheduler, unreportedOf, type Worker, wakeBy } from "../state/state.ts";
import type { EventOf, LeaseDescriptor, LeaseNo, WorkerId } from "../types.ts";
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
  if (
    lease === undefined ||
    !isBlock(event) ||
    !isJudgeable(lease.job, event) ||
    event.from > lease.reported ||
    end > lease.count
  )
    return;
  const { job, worker, keep, reported } = lease;
  const isOwner = !isShared(lease);
  state.touched.add(worker);
  if (end > reported) {
    const costMs = correctCharge(state, lease, end - reported, event);
    lease.reported = end;
    lease.lastProgressMs = state.nowMs;
    const acceptance = acceptanceOf(state, job, worker, lease.descriptor, event);
    const owned = isOwner ? Math.max(reported, Math.min(end, keep)) : reported;
    acceptance.take(reported, owned, lease.own ?? true);
    // What was trimmed, but had begun, or is a copy.
    acceptance.take(owned, end, false);
    if (acceptance.refused) refuse(worker, job);
    else learn(lease, end - reported, costMs);
    acceptance.record(worker.id);
    // The other one decides; if it fails, too, that counts.
    if (!isOwner && !acceptance.refused && acceptance.ranges.length === 0) lease.sibling!.copiesLeft = 0;
    if (end > keep || !isOwner || lease.own !== undefined)
      revokeServed(state, job, acceptance.ranges, SOMEBODY_FASTER);
  }
  // These results may have ended it already: of what is left nothing was its own.
  if (!state.leases.has(lease.no)) return;
  if (!event.done && lease.reported < lease.count) {
    revokeIfServed(state, lease, SOMEBODY_FASTER);
    return;
  }
  // Whoever says that it is done without having done it is not asked again.
  if (giveBack(state, lease) > 0 && !lease.adopted) refuse(worker, job);
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
  if (event.reason === "missing") {
    waitFor(state, job, lease.descriptor, release(state, lease));
    // A newcomer that holds less may take others.
    requeue(state, job);
  } else {
    giveBack(state, lease);
  }
}

/** What takes the results in: where votes are asked for each is one, else the first is the result. */
function acceptanceOf(
  state: Scheduler,
  job: Job,
  worker: Worker | undefined,
  unit: LeaseDescriptor,
  block: ResultBlock,
): Acceptance | Tally {
  const { trust } = job;
  return trust === undefined || worker === undefined
    ? new Acceptance(state, job, unit, block)
    : new Tally(state, job, trust, worker, unit, block);
}

/** Whether a block has what its job's way of accepting results asks for. */
const isJudgeable = ({ trust }: Job, { digests, count }: ResultBlock): boolean =>
  trust === undefined || digests?.length === count;

export function lateResults(state: Scheduler, event: EventOf<"LateResults">): void {
  hear(state, event.worker);
  const { descriptor, from, count } = event;
  const job = state.jobs.get(descriptor.job);
  if (job === undefined || !isBlock(event) || !isUnit(descriptor.ranges, job.size)) return;
  if (from + count > countOf(descriptor.ranges) || !isJudgeable(job, event)) return;
  const worker = state.workers.get(event.worker);
  if (job.trust !== undefined && (worker === undefined || mayBeStale(job))) return;
  const acceptance = acceptanceOf(state, job, worker, descriptor, event);
  acceptance.take(from, from + count, false);
  acceptance.record(event.worker);
  revokeServed(state, job, acceptance.ranges, SOMEBODY_FASTER);
}
