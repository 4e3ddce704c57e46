import type { FileStore } from "../../../../data/readers/index.ts";
import { defaultLimits, MusketeersError, type ShuffleStageKind } from "../../../../protocol/index.ts";
import type { TaskFunction } from "../entry.ts";
import { functionsOf } from "./definition.ts";
import { mapSegment } from "./map-stage.ts";
import { reduceColumn } from "./reduce-stage.ts";

/** What a stage may hold in memory, of what its task may use. */
export const tableBytesMaxOf = (memoryBytes: number): number =>
  Math.floor(memoryBytes * defaultLimits.stageTableShare);

/**
 * The function that a stage of a map-reduce runs on its inputs.
 * @param entry what the bundle has under the task's entry
 * @param memoryBytes what the task may use
 * @throws MusketeersError `TASK_UNKNOWN` where it is no map-reduce
 */
export function stageFunction(
  entry: TaskFunction,
  { kind, partitions }: { readonly kind: ShuffleStageKind; readonly partitions: number },
  files: FileStore,
  memoryBytes: number,
): TaskFunction {
  const functions = functionsOf(entry);
  if (functions === undefined)
    throw new MusketeersError("TASK_UNKNOWN", "The bundle's task is no map-reduce");
  const options = { partitions, tableBytesMax: tableBytesMaxOf(memoryBytes) };
  return kind === "map"
    ? (input) => mapSegment(input, functions, files, options)
    : (input) => reduceColumn(input, functions, files, options);
}
