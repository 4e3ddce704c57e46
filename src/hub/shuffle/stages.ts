import type { StageProgress } from "../../protocol/index.ts";
import type { JobView } from "../../scheduler/index.ts";
import type { JobEntry } from "../job-entry.ts";

/** How far the stages of a shuffle are while it runs; nothing for any other job. */
export function stagesIn(
  { map }: JobEntry,
  view: JobView | undefined,
): { readonly stages?: readonly StageProgress[] } {
  if (map === undefined || view?.stages === undefined) return {};
  // The catalogue has counted since the job began, the scheduler since the hub did.
  return {
    stages: view.stages.map((stage) => (stage.kind === "map" ? { ...stage, lost: map.lost } : stage)),
  };
}
