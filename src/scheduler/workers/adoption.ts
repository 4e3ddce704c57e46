import { countOf, type Range, type Ranges, sliceRanges } from "../../protocol/index.ts";
import type { RangeSet } from "../inputs/rangeset.ts";
import { mayBeStale } from "../jobs/stages.ts";
import { raiseCarveMark } from "../leases/carve.ts";
import { grant } from "../leases/leases.ts";
import { isUnit } from "../leases/results.ts";
import { requeue } from "../matching/fairness.ts";
import { withoutCanaries } from "../state/canary.ts";
import type { Job, Scheduler, Worker } from "../state/state.ts";
import type { PresentedUnit } from "../types.ts";

/**
 * A worker came back with leases that it has from before. Each goes on with those of its inputs that nobody
 * else has got meanwhile; what others have it may finish nevertheless, and the first result counts.
 */
export function presentLeases(state: Scheduler, worker: Worker, presented: readonly PresentedUnit[]): void {
  for (const { descriptor: before, from } of presented) {
    const descriptor = { ...before, worker: worker.id };
    const job = state.jobs.get(descriptor.job);
    if (job === undefined || !adopt(state, job, worker, { descriptor, from })) {
      state.effects.push({ type: "RefuseLease", worker: worker.id, descriptor });
    }
  }
}

/** Says whether anything of the lease was left to do that was nobody else's. */
function adopt(state: Scheduler, job: Job, worker: Worker, { descriptor, from }: PresentedUnit): boolean {
  const { ranges } = descriptor;
  if (!isUnit(ranges, job.size) || !Number.isSafeInteger(from) || from < 0 || mayBeStale(job)) return false;
  const unfinished = job.done.missing(withoutCanaries(sliceRanges(ranges, from, countOf(ranges))));
  const own = job.pending.claim(descriptor, unfinished);
  if (own.count === 0) return false;
  // A crash may have taken the mark with it that its lease had raised.
  if (descriptor.failures + descriptor.strikes === 0) {
    const end = Math.max(...withoutCanaries(ranges).map(([, last]) => last));
    raiseCarveMark(state, job, end, countOf(ranges));
  }
  requeue(state, job);
  state.touched.add(worker);
  if (own.count === countOf(unfinished)) {
    grant(state, job, worker, descriptor, { adoptFrom: from });
    return true;
  }
  const lease = grant(state, job, worker, descriptor, { adoptFrom: from, own });
  const keep = endOfOwn(ranges, own);
  if (keep < lease.keep) {
    lease.keep = keep;
    state.effects.push({ type: "TrimLease", worker: worker.id, lease: lease.no, keep });
  }
  return true;
}

/** The position behind the last one whose input is in the set. */
function endOfOwn(ranges: Ranges, own: RangeSet): number {
  let position = 0;
  let end = 0;
  for (const [start, stop] of ranges) {
    const last: Range | undefined = own.intersect([[start, stop]]).at(-1);
    if (last !== undefined) end = position + last[1] - start;
    position += stop - start;
  }
  return end;
}
