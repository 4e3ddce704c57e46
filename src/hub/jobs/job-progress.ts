import type { JobProgressMessage } from "../../protocol/index.ts";
import { jobView, type Scheduler } from "../../scheduler/index.ts";
import { stagesIn } from "../shuffle/index.ts";
import type { Consents } from "../workers/consents.ts";
import type { JobEntry } from "./job-entry.ts";

/** How far a submission is, as its watchers are told. */
export function progressOf(
  scheduler: Scheduler,
  entry: JobEntry,
  consents: Pick<Consents, "explain">,
): JobProgressMessage {
  const { job } = entry.spec;
  const view = jobView(scheduler, job);
  const { size, sealed, done, failed, state } = entry;
  const running = view?.running ?? 0;
  const waiting = consents.explain(job, view?.waiting ?? "");
  const stages = stagesIn(entry, view);
  return { type: "job", job, size, sealed, done, failed, running, state, waiting, ...stages };
}
