import { countOf, type Range } from "../../protocol/index.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import type { Scheduler } from "../state/state.ts";
import type { JobTrust } from "../state/trust-state.ts";
import type { PersonId } from "../types.ts";
import { standingOf } from "./people.ts";

/** So many people with votes are looked at, those who have waited longest first. */
const LOOKED_AT_MAX = 256;

/**
 * Of inputs that wait for a proven person those of the newcomers who lack least, one newcomer after the other: who
 * is proven soon can confirm others. Taken in the order of the inputs, which is everybody's first, then everybody's
 * second, nobody would be proven before nearly all are.
 */
export function ofNewcomers(
  state: Scheduler,
  { voted }: JobTrust,
  inputs: RangeSet,
  own: RangeSet,
  countMax: number,
  rangesMax: number,
): Range[] {
  const newcomers: { readonly lack: number; readonly ranges: Range[] }[] = [];
  let lookedAt = 0;
  for (const [person, votes] of voted) {
    if (++lookedAt > LOOKED_AT_MAX) break;
    if (votes === own || standingOf(state, person) !== "newcomer") continue;
    const ranges = inputs.intersect([...votes.ranges()]);
    if (ranges.length > 0) newcomers.push({ lack: lackOf(state, person, countOf(ranges)), ranges });
  }
  newcomers.sort((a, b) => a.lack - b.lack);
  const taken = new RangeSet();
  let pieces = 0;
  for (const { ranges } of newcomers) {
    for (const [start, end] of own.missing(ranges)) {
      if (taken.count >= countMax || pieces++ >= rangesMax) return [...taken.ranges()];
      taken.add(start, Math.min(end, start + countMax - taken.count));
    }
  }
  return [...taken.ranges()];
}

/** Answers that it still has to give, once those that are here are confirmed. */
const lackOf = ({ people, config }: Scheduler, person: PersonId, votes: number): number =>
  Math.max(0, config.provenStreakMin - (people.get(person)?.streak ?? 0) - votes);
