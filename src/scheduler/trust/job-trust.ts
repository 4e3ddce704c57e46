import type { JobTrustSummary, QuorumSpec } from "../../protocol/index.ts";
import { LanedPending, laneEngine, laneName, laneNeedsProven } from "../inputs/lanes.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { type Job, type Lease, type Scheduler, unreportedOf, type Worker } from "../state/state.ts";
import type { Ballot, JobTrust } from "../state/trust-state.ts";
import type { PersonId } from "../types.ts";
import { ofNewcomers } from "./newcomers.ts";
import { isTrusted, personOf, standingOf } from "./people.ts";
import { needsProven } from "./votes.ts";

/*
 * Results that count: what a job needs to know whose results are voted on. Its size is that of what is undecided;
 * jobs that ask for no quorum have none of it.
 */

/** What a job with a quorum starts with. */
export function newTrust(state: Scheduler, quorum: QuorumSpec): JobTrust {
  const open = new RangeSet();
  const ballots = new Map<number, Ballot>();
  const laneOf = (input: number): string => {
    const { votes, engineClass } = ballots.get(input)!;
    const isKnown = (person: PersonId) => isProven(state, person);
    const isBound = votes.some(({ person }) => isKnown(person));
    return laneName(needsProven(votes, quorum, isKnown), isBound ? engineClass : "");
  };
  return {
    quorum,
    ballots,
    open,
    voted: new Map(),
    words: new Map(),
    provisional: new RangeSet(),
    comparing: new Map(),
    pending: new LanedPending(open, laneOf),
    canaries: new Map(),
    held: new Map(),
    shut: new Set(),
    replicas: 0,
    rerun: 0,
  };
}

export const isProven = (state: Scheduler, person: PersonId): boolean =>
  standingOf(state, person) === "proven";

/** Which of a worker's answers may be compared with others'. */
export const engineOf = ({ quorum }: JobTrust, worker: Worker): string =>
  quorum.deterministic || quorum.same === true ? "" : worker.description.engineClass;

/** A lease of the job has begun. */
export function hold({ held }: JobTrust, lease: Lease): void {
  const person = personOf(lease.worker);
  const leases = held.get(person);
  if (leases === undefined) held.set(person, new Set([lease]));
  else leases.add(lease);
}

/** A lease of the job is over. */
export function letGo({ held }: JobTrust, lease: Lease): void {
  const person = personOf(lease.worker);
  const leases = held.get(person);
  leases?.delete(lease);
  if (leases?.size === 0) held.delete(person);
}

/** How many inputs that nobody has voted on a worker may take. */
function freshMax(state: Scheduler, job: Job, trust: JobTrust, worker: Worker): number {
  if (isTrusted(worker)) return Number.POSITIVE_INFINITY;
  if (state.candidatesFull || trust.open.count >= state.config.undecidedInputsMax) return 0;
  const person = personOf(worker);
  const { provenStreakMin } = state.config;
  const streak = state.people.get(person)?.streak ?? 0;
  if (streak >= provenStreakMin) return Number.POSITIVE_INFINITY;
  // What a newcomer says costs others' time until it is known to be worth something: just enough to be proven.
  // Where canaries prove it, each of them travels with one input, and the streak is not for these inputs to fill.
  const canaries = (job.spec.canaries?.answers.length ?? 0) - (trust.canaries.get(person)?.size ?? 0);
  let under = (canaries > 0 ? 0 : streak) + (trust.voted.get(person)?.count ?? 0);
  if (under >= provenStreakMin) return 0;
  for (const lease of trust.held.get(person) ?? []) under += unreportedOf(lease);
  return Math.min(Math.max(0, provenStreakMin - under), canaries > 0 ? 1 : provenStreakMin);
}

/** How many inputs of a lane a worker may take; no lane: nobody has voted on them. */
function takeMax(
  state: Scheduler,
  job: Job,
  trust: JobTrust,
  worker: Worker,
  lane: string | undefined,
): number {
  if (isTrusted(worker)) return Number.POSITIVE_INFINITY;
  const person = personOf(worker);
  const standing = standingOf(state, person);
  if (standing === "suspect") return 0;
  if (lane === undefined) return freshMax(state, job, trust, worker);
  if (laneNeedsProven(lane) && standing !== "proven") return 0;
  const engine = laneEngine(lane);
  return engine === "" || engine === engineOf(trust, worker) ? Number.POSITIVE_INFINITY : 0;
}

const nothing = new RangeSet();

/** Takes inputs that a worker may give an answer for, those with votes first; none: there are none for it now. */
export function takeForVote(
  state: Scheduler,
  job: Job,
  trust: JobTrust,
  worker: Worker,
  sizeOf: (from: (typeof job.pending.ready)[number]) => number,
) {
  const own = trust.voted.get(personOf(worker)) ?? nothing;
  for (const from of job.pending.ready) {
    const most = from.inputs.count === 0 ? 0 : takeMax(state, job, trust, worker, from.lane);
    if (most === 0) continue;
    const { failures, strikes } = from;
    const countMax = Math.min(sizeOf(from), most);
    const { unitRangesMax: rangesMax } = state.config;
    const isForProven = from.lane !== undefined && laneNeedsProven(from.lane);
    let ranges = isForProven ? ofNewcomers(state, trust, from.inputs, own, countMax, rangesMax) : [];
    if (ranges.length > 0) job.pending.remove(ranges);
    else ranges = job.pending.takeUnlike(from, own, countMax, rangesMax);
    if (ranges.length > 0) return { failures, strikes, lane: from.lane, ranges };
  }
  return undefined;
}

/** Whether a worker would be given something of a job. */
export function hasForVote(state: Scheduler, job: Job, trust: JobTrust, worker: Worker): boolean {
  const own = trust.voted.get(personOf(worker)) ?? nothing;
  return job.pending.ready.some(
    (from) =>
      from.inputs.count > 0 &&
      takeMax(state, job, trust, worker, from.lane) > 0 &&
      from.inputs.without(own, 1).length > 0,
  );
}

/** A worker has nothing to do for a job until something changes. */
export function shut(job: Job, trust: JobTrust, worker: Worker): void {
  worker.shut.add(job);
  trust.shut.add(worker);
}

/**
 * Something changed that may concern those who had nothing to do for it. Only whom it does concern is woken: there
 * may be thousands who are idle, and it happens with each result.
 */
export function reopen(state: Scheduler, job: Job, trust: JobTrust): void {
  for (const worker of trust.shut) {
    if (!hasForVote(state, job, trust, worker)) continue;
    trust.shut.delete(worker);
    worker.shut.delete(job);
    state.touched.add(worker);
  }
}

/** Before a worker leaves. */
export function forgetShut(worker: Worker): void {
  for (const job of worker.shut) job.trust?.shut.delete(worker);
  worker.shut.clear();
}

/** Why nobody goes on with a job, where that is for want of people who may; else empty. */
export function whyUndecided(state: Scheduler, job: Job): string {
  const { trust } = job;
  if (trust === undefined || job.leases.size > 0) return "";
  if (state.candidatesFull)
    return "the hub keeps as many answers that wait for others as it may (candidateBytesMax)";
  if (trust.comparing.size > 0) return "its answers wait for a trusted worker to compare them";
  for (const worker of state.workers.values()) {
    if (job.demand.workers.has(worker) && hasForVote(state, job, trust, worker)) return "";
  }
  if (trust.open.count + trust.provisional.count === 0) {
    return job.pending.count === 0 ? "" : "nobody connected may give results that ask for a quorum";
  }
  return "its results wait for another proven person or a trusted worker to confirm them";
}

/** How far the results of a submission are believed: of a shuffle those of both stages. */
export function trustView({ trust, upstream }: Job): { readonly trust?: JobTrustSummary } {
  if (trust === undefined) return {};
  const { replicas, rerun, open, provisional } = trust;
  const own = { replicas, undecided: open.count, provisional: provisional.count, rerun };
  const before = upstream === undefined ? undefined : trustView(upstream).trust;
  if (before === undefined) return { trust: own };
  return {
    trust: {
      replicas: own.replicas + before.replicas,
      undecided: own.undecided + before.undecided,
      provisional: own.provisional + before.provisional,
      rerun: own.rerun + before.rerun,
    },
  };
}

/** Inputs of a job that have answers and neither wait nor run. */
export const idleOf = ({ trust }: Job): number =>
  (trust?.provisional.count ?? 0) + (trust?.comparing.size ?? 0);
