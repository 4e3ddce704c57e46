import { requeue } from "../fairness.ts";
import { freshClass } from "../pending.ts";
import type { Job, Scheduler } from "../state.ts";
import { cast } from "./ballots.ts";
import type { JobTrust } from "./job-trust.ts";
import { isClosing, takeWord } from "./words.ts";

/**
 * Nothing else is left to do for a job: checks everybody on whose word something stands, by one of these inputs.
 * Without it the end of a job would be believed that nobody looked at.
 */
export function checkWords(state: Scheduler, job: Job): void {
  const { trust } = job;
  if (trust === undefined || !isClosing(job)) return;
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
