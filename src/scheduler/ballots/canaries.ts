import { CANARY_BASE, countOf, type Range, sliceRanges } from "../../protocol/index.ts";
import { draw } from "../state/chance.ts";
import type { Job, Scheduler, Worker } from "../state/state.ts";
import type { CanariesMet, JobTrust } from "../state/trust-state.ts";
import { isProven } from "../trust/job-trust.ts";
import { checkInterval, isTrusted, personOf, stumbled, wasRight, wasWrong } from "../trust/people.ts";
import type { PersonId } from "../types.ts";

/*
 * Canaries: inputs with known answers, mixed in where nobody can tell them from others. They have indices behind
 * those of every input, are never pending, done or anybody's to do, and each person meets each of them once.
 */

/** A unit for a worker, with a canary in it where it is time for one; never as the last, which others may make needless. */
export function addCanary(
  state: Scheduler,
  job: Job,
  trust: JobTrust,
  worker: Worker,
  ranges: Range[],
): Range[] {
  const count = job.spec.canaries?.answers.length ?? 0;
  const person = personOf(worker);
  if (count === 0 || isTrusted(worker)) return ranges;
  if (isProven(state, person) && draw(state.chance) * checkInterval(state, person) >= 1) return ranges;
  const met: CanariesMet = trust.canaries.get(person) ?? new Map();
  if (met.size >= count) return ranges;
  const unmet: number[] = [];
  for (let canary = 0; canary < count; canary++) if (!met.has(canary)) unmet.push(canary);
  const canary = unmet[Math.floor(draw(state.chance) * unmet.length)]!;
  trust.canaries.set(person, met.set(canary, true));
  const inputs = countOf(ranges);
  const at = Math.floor(draw(state.chance) * inputs);
  const range: Range = [CANARY_BASE + canary, CANARY_BASE + canary + 1];
  return [...sliceRanges(ranges, 0, at), range, ...sliceRanges(ranges, at, inputs)];
}

/** What an answer to a canary says of a person. Only the first one counts, and only of whom it was given to. */
export function judgeCanary(
  state: Scheduler,
  job: Job,
  trust: JobTrust,
  person: PersonId,
  input: number,
  digest: string | undefined,
): void {
  const canary = input - CANARY_BASE;
  const met = trust.canaries.get(person);
  if (met?.get(canary) !== true) return;
  met.set(canary, false);
  if (digest === undefined) stumbled(state, person);
  else if (digest === job.spec.canaries?.answers[canary]) wasRight(state, person);
  else wasWrong(state, person);
}
