import { countOf, type JobSpec, type Ranges, type StageKind } from "../../protocol/index.ts";
import { forgetVotes } from "../ballots/ballots.ts";
import { freshClass } from "../inputs/pending.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { owedBy, revoke } from "../leases/leases.ts";
import { lookLater } from "../leases/tail.ts";
import { isHeld, requeue } from "../matching/fairness.ts";
import type { Job, Scheduler } from "../state/state.ts";
import type { JobTrust } from "../state/trust-state.ts";
import type { EventOf, JobId } from "../types.ts";

/*
 * A shuffle is a chain of two jobs in here: the map stage, whose inputs are the submitter's, and the reduce
 * stage, whose inputs are the partitions. The latter has the submission's id and ends for both; its inputs are
 * ready while the map stage is whole. Accepted is not final in a map stage: when outputs are lost, their inputs
 * run again.
 */

const MAP_SUFFIX = "#map";

/** The id that a shuffle's map stage has in the scheduler and in the journal; no submission may have one. */
export const mapStageId = (job: JobId): JobId => `${job}${MAP_SUFFIX}`;

/** The id of the submission that an id belongs to. */
export const submissionOf = (job: JobId): JobId => (isStageId(job) ? job.slice(0, -MAP_SUFFIX.length) : job);

/** Whether an id is that of a map stage. */
export const isStageId = (job: JobId): boolean => job.endsWith(MAP_SUFFIX);

/** What workers are told to run of a submission: of a shuffle that is its reduce stage, and its map stage apart. */
export function stagesOf(spec: JobSpec): { readonly job: JobSpec; readonly map?: JobSpec } {
  if (spec.shuffle === undefined) return { job: spec };
  const { shuffle, ...rest } = spec;
  const { partitions } = shuffle;
  const taskOf = (kind: StageKind) => ({ ...spec.task, stage: { kind, partitions } });
  return {
    job: { ...spec, task: taskOf("reduce") },
    map: { ...rest, job: mapStageId(spec.job), task: taskOf("map") },
  };
}

/** After results of a map stage came or went: lets the reduce stage begin, or holds it back. */
export function openStage(state: Scheduler, reduce: Job): void {
  requeue(state, reduce);
  if (!isHeld(reduce) && reduce.leases.size > 0) lookLater(state, reduce);
}

/** Outputs of these segments are nowhere any more: they run again, unless they run already. */
export function outputLost(state: Scheduler, event: EventOf<"OutputLost">): void {
  const reduce = state.jobs.get(event.job);
  const stage = reduce?.upstream;
  if (reduce === undefined || stage === undefined) return;
  const sane = event.ranges.filter(([start, end]) => start >= 0 && start < end && end <= stage.size);
  const lost = stage.done.intersect([...new RangeSet(sane).ranges()]);
  if (lost.length === 0) return;
  forgetResults(stage, lost);
  for (const lease of stage.leases) stage.pending.remove(owedBy(lease));
  if (reduce.trust !== undefined) voteAnew(state, reduce, reduce.trust);
  state.effects.push({ type: "RecordLoss", job: stage.id, ranges: lost });
  requeue(state, stage);
  openStage(state, reduce);
}

/**
 * Segments run again, maybe by people of another engine: a partition that was reduced from what there was before may
 * differ from one of tomorrow, though nobody is wrong. So nothing undecided of the reduce stage is compared with it.
 */
function voteAnew(state: Scheduler, reduce: Job, trust: JobTrust): void {
  for (const lease of [...reduce.leases]) revoke(state, lease, "what it reads is mapped again");
  const back = [...trust.provisional.ranges()];
  const all: Ranges = [[0, reduce.size]];
  forgetVotes(state, reduce, trust, all);
  trust.rerun += countOf(back);
  reduce.pending.add(freshClass, back);
  trust.pending.relane(all);
}

/** Whether what was begun for a job before now may have read outputs that were made again since. */
export const mayBeStale = ({ trust, upstream }: Job): boolean =>
  trust !== undefined && upstream?.isRemade === true;

/** Makes inputs of a map stage pending again as if they had never run; what they may do costs them no attempt. */
export function forgetResults(stage: Job, lost: Ranges): void {
  stage.done.removeAll(lost);
  stage.lost += countOf(lost);
  stage.isRemade = true;
  stage.pending.add(freshClass, lost);
}
