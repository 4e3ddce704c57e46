import { countOf } from "../../protocol/index.ts";
import type { EffectOf } from "../../scheduler/index.ts";
import { judgeResults, pickRecords } from "../checks/records.ts";
import type { Stored } from "../checks/stored.ts";
import type { Tally } from "../machine.ts";
import type { Report } from "../session.ts";
import type { World } from "../world.ts";

/**
 * Tells the auditor of the results that the hub keeps, and books what they took.
 * @param news how many of the reported results were not reported before
 * @throws ViolationError where one of them is wrong
 */
export function enterResults(
  world: World,
  { job, kept, ranges, failures, retries }: EffectOf<"RecordResults">,
  report: Report,
  news: number,
  tally: Tally,
): void {
  const { auditor, planOf, waste } = world;
  const { number } = planOf.get(job)!;
  const before = auditor.corrupted;
  let at = 0;
  let mark = 0;
  judgeResults(pickRecords(report.block, kept), number, ranges, (index, verdict) => {
    const failure = failures[mark]?.at === at++ ? failures[mark++]!.kind : undefined;
    auditor.accept(number, index, verdict, failure);
  });
  if (at !== countOf(ranges)) throw new Error(`${countOf(ranges)} inputs were accepted with ${at} records`);
  const corrupted = auditor.corrupted - before;
  const retried = retries.reduce((total, retry) => total + countOf(retry.ranges), 0);
  const share = report.costMs / Math.max(1, report.count);
  waste.useful += share * (at - corrupted);
  waste.corrupted += share * corrupted;
  waste.retried += share * retried;
  waste.duplicate += share * Math.max(0, news - at - retried);
  auditor.spent(number, share * news);
  tally.inputsDone += at;
  tally.corrupted += corrupted;
}

/** A crash took these records with it, the latest last. */
export function loseRecords({ auditor, inspector, planOf }: World, lost: readonly Stored[]): void {
  for (const record of lost.toReversed()) {
    if (record.type === "ended") auditor.reopen(planOf.get(record.job)!.number);
    if (record.type === "results") {
      auditor.forget(planOf.get(record.job)!.number, record.ranges);
      inspector.forget(record.job, record.ranges);
    }
    if (record.type === "lost") auditor.remember(planOf.get(record.job)!.number, record.ranges);
  }
}
