import { eachRecord, type FailureMark, openOutputs, type StageSpec } from "../../protocol/index.ts";

/**
 * Checks what a worker gives for inputs of a map stage: all that is no failure is a row of outputs.
 * @throws MusketeersError `PROTOCOL`
 */
export function checkRows(
  stage: StageSpec | undefined,
  failures: readonly FailureMark[],
  body: Uint8Array,
): void {
  if (stage?.kind !== "map") return;
  const failed = new Set(failures.map(({ at }) => at));
  let at = 0;
  for (const record of eachRecord(body)) if (!failed.has(at++)) openOutputs(record, stage.partitions);
}
