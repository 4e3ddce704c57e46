import type { JobEntry, MapFailure } from "../jobs/job-entry.ts";

/**
 * The failure for which a shuffle ends, which was just given to the journal. Undefined where it came before a restart,
 * or the job ends for another reason.
 * @param culprit the input of the map stage that failed
 */
export function mapFailureOf(culprit: number | undefined, map: JobEntry | undefined): MapFailure | undefined {
  if (culprit === undefined || map === undefined) return undefined;
  for (const { ranges, recordAt } of map.failing) {
    let position = 0;
    for (const [start, end] of ranges) {
      if (culprit >= start && culprit < end) return { culprit, record: recordAt(position + culprit - start) };
      position += end - start;
    }
  }
  return undefined;
}
