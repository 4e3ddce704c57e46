import { freshClass } from "../inputs/pending.ts";
import { requeue } from "../matching/fairness.ts";
import type { Job, Scheduler } from "../state/state.ts";
import type { JobTrust } from "../state/trust-state.ts";
import type { EventOf } from "../types.ts";
import { cast } from "./ballots.ts";
import { isClosing, takeWord } from "./words.ts";

/** The shell keeps as many candidates as it may, or has room again. */
export function candidatesFull(state: Scheduler, { full }: EventOf<"CandidatesFull">): void {
  state.candidatesFull = full;
  for (const job of state.jobs.values()) {
    if (job.trust === undefined) continue;
    // Either somebody may begin anew, or what stands on people's words has to be decided.
    if (full) state.changed.add(job);
    else job.trust.pending.grew = true;
    requeue(state, job);
  }
}

/**
 * Nothing else is left to do for a job, or nothing else may be kept: checks everybody on whose word something stands, by one of these inputs.
 * Without it the end of a job would be believed that nobody looked at.
 */
export function checkWords(state: Scheduler, job: Job): void {
  const { trust } = job;
  if (trust === undefined || !(state.candidatesFull || isClosing(job))) return;
  for (const person of [...trust.words.keys()]) checkWord(state, job, trust, person);
  requeue(state, job);
}

function checkWord(state: Scheduler, job: Job, trust: JobTrust, person: string): void {
  const stake = takeWord(trust, person);
  const { sample } = stake;
  if (sample === undefined) {
    // None of its answers is known any more: they are made again.
    const ranges = [...stake.inputs.ranges()];
    trust.provisional.removeAll(ranges);
    trust.rerun += stake.inputs.count;
    state.effects.push({ type: "DropCandidates", job: job.id, ranges });
    job.pending.add(freshClass, ranges);
    return;
  }
  stake.sample = undefined;
  const { input, vote } = sample;
  const range = [input, input + 1] as const;
  stake.inputs.remove(...range);
  trust.provisional.remove(...range);
  cast(trust, input, sample.engineClass, vote, stake);
  job.pending.add(freshClass, [range]);
}
