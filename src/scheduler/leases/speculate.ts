import { sliceRanges } from "../../protocol/index.ts";
import type { Job, Scheduler, Worker } from "../state/state.ts";
import { grant } from "./leases.ts";
import { isWorthCopying } from "./tail.ts";

/**
 * Starts a copy of an input of the job that runs alone for too long, on a worker that is not the one that
 * has it. Says whether there was one. The first result wins, the other lease is revoked.
 */
export function copyOne(state: Scheduler, job: Job, worker: Worker): boolean {
  const { copies } = job.tail;
  const at = copies.findIndex((lease) => lease.worker !== worker);
  const lease = copies[at];
  if (lease === undefined) return false;
  copies.splice(at, 1);
  if (!state.leases.has(lease.no) || !isWorthCopying(state, lease)) return copyOne(state, job, worker);
  const { failures, strikes, ranges: unit } = lease.descriptor;
  const ranges = sliceRanges(unit, lease.reported, lease.keep);
  grant(state, job, worker, { failures, strikes, ranges }, { copyOf: lease });
  return true;
}
