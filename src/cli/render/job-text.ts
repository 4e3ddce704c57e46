import { extentOf, type JobSummary } from "../../protocol/index.ts";
import { count, printable } from "./format.ts";
import { bar, renderFields } from "./table.ts";

/* What tables, pictures and reports say of a job in the same words. */

const BAR_WIDTH = 30;

/** What a job is doing, in a few words. */
export const stateText = (job: JobSummary): string => {
  const { state, paused, waiting, sealed, done, size, running, stages } = job;
  if (state !== "running") return state;
  if (paused) return running === 0 ? "paused" : `paused, ${count(running)} still running`;
  if (waiting !== "") return `waiting: ${printable(waiting)}`;
  const stage = stages?.find((each) => each.done < each.size || !each.sealed);
  if (stage !== undefined) {
    return `running: ${stage.kind} ${count(stage.done)}/${count(stage.size)}${stage.sealed ? "" : "+"}`;
  }
  return !sealed && done === size ? "running, waits for inputs" : "running";
};

/** How many inputs are done, of all stages together. */
export function doneText(job: JobSummary): string {
  const { done, size, sealed } = extentOf(job);
  return `${count(done)}/${count(size)}${sealed ? "" : "+"}`;
}

/** How many inputs each worker did, with a bar each. */
export function renderShares(perWorker: Readonly<Record<string, number>>): string {
  const entries = Object.entries(perWorker).sort(([left], [right]) => (left < right ? -1 : 1));
  const most = Math.max(1, ...entries.map(([, number]) => number));
  const digits = Math.max(0, ...entries.map(([, number]) => count(number).length));
  return renderFields(
    entries.map(([name, number]) => [
      printable(name),
      `${count(number).padStart(digits)} ${bar(number / most, BAR_WIDTH)}`,
    ]),
  );
}
