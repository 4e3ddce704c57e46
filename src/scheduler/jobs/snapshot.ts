import type { Range, Ranges } from "../../protocol/index.ts";
import { type ClassSet, isFresh } from "../inputs/pending.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { owedBy } from "../leases/leases.ts";
import type { Scheduler } from "../state/state.ts";
import type { JobId, Retry } from "../types.ts";

/** What must be known of a job besides its spec, its size and its results to go on with it later. */
export interface JobSnapshot {
  /** Size of all inputs together. */
  readonly bytes: number;
  readonly carveMark: number;
  /** Inputs that were tried before and have no result, in pieces of up to so many ranges. */
  retries(rangesMax: number): Generator<Retry, void, undefined>;
}

/**
 * Takes the state of a job that has not ended, for a checkpoint. It stays as it is while the job goes on,
 * and costs at most a bit an input.
 */
export function jobSnapshot(state: Scheduler, id: JobId): JobSnapshot | undefined {
  const job = state.jobs.get(id);
  if (job === undefined) return undefined;
  const tried: ClassSet[] = [];
  for (const set of job.pending.sets()) {
    const { failures, strikes, inputs } = set;
    if (!isFresh(set) && inputs.count > 0) tried.push({ failures, strikes, inputs: inputs.clone() });
  }
  for (const lease of job.leases) {
    const { failures, strikes } = lease.descriptor;
    if (!isFresh(lease.descriptor)) tried.push({ failures, strikes, inputs: new RangeSet(owedBy(lease)) });
  }
  return {
    bytes: job.bytes,
    carveMark: job.carveMark,
    *retries(rangesMax) {
      for (const { failures, strikes, inputs } of tried) {
        for (const ranges of pieces(inputs, rangesMax)) yield { failures, strikes, ranges };
      }
    },
  };
}

function* pieces(inputs: RangeSet, rangesMax: number): Generator<Ranges, void, undefined> {
  let piece: Range[] = [];
  for (const range of inputs.ranges()) {
    piece.push(range);
    if (piece.length < rangesMax) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}
