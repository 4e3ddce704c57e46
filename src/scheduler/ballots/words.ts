import type { Ranges } from "../../protocol/index.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { draw } from "../state/chance.ts";
import type { Job, Scheduler } from "../state/state.ts";
import type { JobTrust, Sample, Word } from "../state/trust-state.ts";
import type { PersonId } from "../types.ts";

const newWord = (): Word => ({ inputs: new RangeSet(), sample: undefined });

/** Enters a value that is believed on its person's word. */
export function stand(state: Scheduler, trust: JobTrust, sample: Sample): void {
  const { input, vote } = sample;
  let word = trust.words.get(vote.person);
  if (word === undefined) {
    word = newWord();
    trust.words.set(vote.person, word);
  }
  word.inputs.add(input, input + 1);
  trust.provisional.add(input, input + 1);
  if (draw(state.chance) * word.inputs.count < 1) word.sample = sample;
}

/** Takes out what stands on a person's word and is behind no check. */
export function takeWord(trust: JobTrust, person: PersonId): Word {
  const word = trust.words.get(person) ?? newWord();
  trust.words.delete(person);
  return word;
}

/** A check of a person said nothing: what stood by it waits for another one. */
export function giveWordBack(trust: JobTrust, person: PersonId, stake: Word): void {
  if (stake.inputs.count === 0) return;
  const word = trust.words.get(person);
  if (word === undefined) trust.words.set(person, stake);
  else {
    word.inputs.addSet(stake.inputs);
    word.sample ??= stake.sample;
  }
}

/** Whether a job has nothing more to do than to check those on whose word something stands. */
export const isClosing = ({ leases, pending, trust }: Job): boolean =>
  trust !== undefined &&
  trust.words.size > 0 &&
  leases.size === 0 &&
  pending.ready.every(({ lane, inputs }) => lane !== undefined || inputs.count === 0);

/** Inputs that ended otherwise stand on nobody's word. */
export function cutWord(trust: JobTrust, person: PersonId, word: Word, ranges: Ranges): void {
  word.inputs.removeAll(ranges);
  if (word.sample !== undefined && !word.inputs.has(word.sample.input)) word.sample = undefined;
  if (word.inputs.count === 0) trust.words.delete(person);
}
