import { sliceRanges } from "../../protocol/index.ts";
import { charge, requeue } from "../matching/fairness.ts";
import type { Job, Scheduler } from "../state/state.ts";
import { ownedOf, revokeIfServed } from "./leases.ts";
import { isWorthTrimming, spareInputs } from "./tail.ts";

/**
 * Takes the part that has not begun from the lease of a job where that is worth most, and makes it ready
 * again. Says whether there was one. What the worker has begun beyond the cut it finishes: its result
 * counts if it is the first.
 */
export function trimOne(state: Scheduler, job: Job): boolean {
  for (;;) {
    const lease = job.tail.trims.pop();
    if (lease === undefined) return false;
    // Time has passed since it was noted.
    if (!state.leases.has(lease.no) || !isWorthTrimming(state, lease)) continue;
    const keep = lease.keep - spareInputs(lease);
    const spare = sliceRanges(lease.descriptor.ranges, keep, lease.keep);
    charge(job, -(lease.keep - keep) * lease.chargedMs);
    lease.keep = keep;
    state.effects.push({ type: "TrimLease", worker: lease.worker.id, lease: lease.no, keep });
    revokeIfServed(state, lease, "others have done the rest");
    job.pending.add(lease.descriptor, ownedOf(lease, job.done.missing(spare)));
    requeue(state, job);
    if (job.queueAt >= 0) return true;
  }
}
