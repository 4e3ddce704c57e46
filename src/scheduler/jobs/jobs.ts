import { countOf, type JobSpec, type Ranges } from "../../protocol/index.ts";
import { forgetVotes } from "../ballots/ballots.ts";
import { checkWords } from "../ballots/closing.ts";
import { freshClass, Pending } from "../inputs/pending.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { release, revokeServed } from "../leases/leases.ts";
import { leaveQuota, quotaOf } from "../leases/quota.ts";
import { demandOf, dropIfUnused } from "../matching/demand.ts";
import { requeue } from "../matching/fairness.ts";
import { forgetJob, noNearness } from "../matching/locality.ts";
import { type Job, type Scheduler, wakeBy } from "../state/state.ts";
import { newTrust, trustView } from "../trust/job-trust.ts";
import type { EffectOf, EventOf, JobId } from "../types.ts";
import { weightOf } from "./adjust.ts";
import { openStage, stagesOf } from "./stages.ts";

export function jobSubmitted(state: Scheduler, { spec }: EventOf<"JobSubmitted">): void {
  if (state.jobs.has(spec.job)) return;
  const stages = stagesOf(spec);
  const job = addJob(state, stages.job);
  if (stages.map === undefined || spec.shuffle === undefined) return;
  job.upstream = addJob(state, stages.map);
  job.upstream.downstream = job;
  job.size = spec.shuffle.partitions;
  job.sealed = true;
  job.pending.add(freshClass, [[0, job.size]]);
}

function addJob(state: Scheduler, spec: JobSpec): Job {
  const { quorum } = spec.options;
  const trust = quorum === undefined ? undefined : newTrust(state, quorum);
  const job: Job = {
    id: spec.job,
    spec,
    order: state.nextOrder++,
    demand: demandOf(state, spec),
    quota: quotaOf(state, spec),
    taskKey: `${spec.task.bundle} ${spec.task.entry} ${spec.task.stage?.kind ?? ""}`,
    priority: spec.options.priority,
    weight: weightOf(spec.options.priority),
    paused: false,
    size: 0,
    bytes: 0,
    sealed: false,
    done: new RangeSet(),
    failed: 0,
    judged: 0,
    misjudged: 0,
    pending: trust?.pending ?? new Pending(),
    leases: new Set(),
    near: noNearness(),
    refusedBy: new Set(),
    carveMark: 0,
    vtimeMs: 0,
    upstream: undefined,
    downstream: undefined,
    lost: 0,
    isRemade: false,
    culprit: undefined,
    queueAt: -1,
    workPerInput: undefined,
    unwanted: undefined,
    tail: { trims: [], copies: [], lookAtMs: Number.POSITIVE_INFINITY },
    trust,
  };
  job.demand.jobs.add(job);
  job.quota.jobs.add(job);
  state.jobs.set(job.id, job);
  return job;
}

/** What a submission's inputs belong to: of a shuffle the map stage. */
function jobOfInputs(state: Scheduler, id: JobId): Job | undefined {
  const job = state.jobs.get(id);
  return job?.upstream ?? job;
}

export function inputsAppended(state: Scheduler, event: EventOf<"InputsAppended">): void {
  const { count, bytes } = event;
  const job = jobOfInputs(state, event.job);
  if (job === undefined || job.sealed || !Number.isSafeInteger(count) || count <= 0) return;
  if (job.size + count > state.config.jobInputsMax) return;
  job.pending.add(freshClass, [[job.size, job.size + count]]);
  job.size += count;
  job.bytes += bytes;
  requeue(state, job);
}

export function inputsSealed(state: Scheduler, event: EventOf<"InputsSealed">): void {
  const job = jobOfInputs(state, event.job);
  if (job === undefined) return;
  job.sealed = true;
  state.changed.add(job);
}

export function jobCancelled(state: Scheduler, event: EventOf<"JobCancelled">): void {
  const job = state.jobs.get(event.job);
  if (job === undefined) return;
  const { ranges, reason } = event;
  if (ranges === undefined) {
    endJob(state, job, "cancelled", reason);
    return;
  }
  // Each result of a shuffle comes from all of its inputs.
  if (job.upstream !== undefined) return;
  const unwanted = job.unwanted?.inputs ?? new RangeSet();
  for (const [start, end] of ranges) {
    if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0) {
      unwanted.add(start, Math.min(end, job.size));
    }
  }
  job.unwanted = { inputs: unwanted, reason };
  cancelUnwanted(state, job);
}

/** Ranges that end at once at most: more of them take several steps, so that none is long. */
const CANCELLED_RANGES_MAX = 65_536;

/** Ends some of the inputs that were cancelled; the rest at the next tick, unless somebody is faster. */
export function cancelUnwanted(state: Scheduler, job: Job): void {
  if (job.unwanted === undefined) return;
  const { inputs, reason } = job.unwanted;
  const cancelled = inputs.without(job.done, CANCELLED_RANGES_MAX);
  if (cancelled.length < CANCELLED_RANGES_MAX) job.unwanted = undefined;
  else wakeBy(state, state.nowMs);
  if (cancelled.length === 0) return;
  inputs.takeBelow(cancelled.at(-1)![1]);
  failInputs(state, job, cancelled, "cancelled", reason);
  job.pending.remove(cancelled);
  requeue(state, job);
  revokeServed(state, job, cancelled, reason);
}

/** Ends inputs without a result of a worker's. */
export function failInputs(
  state: Scheduler,
  job: Job,
  ranges: Ranges,
  kind: "quarantined" | "cancelled",
  reason: string,
): void {
  if (job.trust !== undefined) forgetVotes(state, job, job.trust, ranges);
  job.done.addAll(ranges);
  job.failed += countOf(ranges);
  job.culprit ??= ranges[0]?.[0];
  state.changed.add(job);
  state.effects.push({ type: "RecordFailures", job: job.id, ranges, kind, reason });
}

/** Ends those of the jobs that the event changed which are over. */
export function endJobs(state: Scheduler): void {
  for (const job of state.changed) {
    const { downstream } = job;
    checkWords(state, job);
    if (downstream !== undefined && job.failed === 0) openStage(state, downstream);
    else if (downstream !== undefined) endJob(state, downstream, "broken", whyFailed(job), job.culprit);
    else if (job.sealed && job.done.count === job.size) endJob(state, job, "done", "");
    else if (isHopeless(state, job)) endJob(state, job, "broken", whyHopeless(job));
  }
  state.changed.clear();
}

/** Nearly everything fails: the breaker saves the cluster the rest. */
function isHopeless({ config }: Scheduler, { judged, misjudged }: Job): boolean {
  return judged >= config.breakerInputsMin && misjudged > judged * config.breakerFailedShare;
}

const whyHopeless = ({ judged, misjudged }: Job): string =>
  `${misjudged} of ${judged} inputs failed (${((100 * misjudged) / judged).toFixed(1)} %)`;

/** One input of a map stage that has no result leaves every partition without its part of it. */
const whyFailed = ({ culprit }: Job): string =>
  culprit === undefined ? "an input of its map stage failed" : `input ${culprit} of its map stage failed`;

function endJob(
  state: Scheduler,
  job: Job,
  end: EffectOf<"EndJob">["state"],
  reason: string,
  culprit?: number,
): void {
  for (const lease of [...job.leases, ...(job.upstream?.leases ?? [])]) {
    release(state, lease);
    const { no, worker } = lease;
    state.effects.push({ type: "RevokeLease", worker: worker.id, lease: no, reason: "the job is over" });
  }
  const trust = trustView(job);
  removeJob(state, job);
  const blame = culprit === undefined ? {} : { culprit };
  state.effects.push({ type: "EndJob", job: job.id, state: end, reason, ...blame, ...trust });
}

/** Forgets a job without leases, with the stage before it. */
export function removeJob(state: Scheduler, job: Job): void {
  if (job.upstream !== undefined) removeJob(state, job.upstream);
  if (job.queueAt >= 0) job.demand.queue.remove(job);
  for (const worker of job.refusedBy) worker.refused.delete(job);
  forgetJob(job);
  for (const worker of job.trust?.shut ?? []) worker.shut.delete(job);
  job.demand.jobs.delete(job);
  dropIfUnused(state, job.demand);
  leaveQuota(state, job);
  state.jobs.delete(job.id);
  for (const set of [state.woken, state.changed, state.due]) set.delete(job);
}
