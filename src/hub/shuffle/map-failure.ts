import { sliceRanges } from "../../protocol/index.ts";
import type { EffectOf, SchedulerEffect } from "../../scheduler/index.ts";
import { hubFailures, shortReason } from "../jobs/hub-failure.ts";
import type { MapFailure } from "../jobs/job-entry.ts";
import type { IndexedBlock } from "../journal/block.ts";

/**
 * The failure for which a shuffle ends, out of the effects that end it: its record is in the block that was just
 * delivered, or the hub makes it. Undefined where it came before a restart, or the job ends for another reason.
 */
export function mapFailureOf(
  { culprit }: EffectOf<"EndJob">,
  stage: string,
  effects: readonly SchedulerEffect[],
  block: IndexedBlock | undefined,
): MapFailure | undefined {
  if (culprit === undefined) return undefined;
  for (const effect of effects) {
    if (effect.type === "RecordFailures" && effect.job === stage && covers(effect.ranges, culprit)) {
      const { kind, reason } = effect;
      return { culprit, record: hubFailures([[culprit, culprit + 1]], kind, shortReason(reason)).body };
    }
    if (effect.type !== "RecordResults" || effect.job !== stage || block === undefined) continue;
    let position = 0;
    for (const [start, end] of effect.ranges) {
      if (culprit >= start && culprit < end) {
        const nth = position + culprit - start;
        const [[at] = [0]] = sliceRanges(effect.kept, nth, nth + 1);
        return { culprit, record: block.slice(at, at + 1).slice() };
      }
      position += end - start;
    }
  }
  return undefined;
}

const covers = (ranges: EffectOf<"RecordFailures">["ranges"], input: number): boolean =>
  ranges.some(([start, end]) => input >= start && input < end);
