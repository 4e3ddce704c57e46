import type { StageProgress } from "../../protocol/index.ts";
import type { JobView } from "../../scheduler/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";

/** How far the stages of a shuffle are, or were when it ended; nothing for any other job. */
export function stagesIn(
  { map, stages }: JobEntry,
  view: JobView | undefined,
): { readonly stages?: readonly StageProgress[] } {
  if (stages !== undefined) return { stages };
  if (map === undefined || view?.stages === undefined) return {};
  // The catalogue has counted since the job began, the scheduler since the hub did.
  return {
    stages: view.stages.map((stage) => (stage.kind === "map" ? { ...stage, lost: map.lost } : stage)),
  };
}
