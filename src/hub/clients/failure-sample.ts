import { type FailureSample, MusketeersError } from "../../protocol/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Blocks } from "../journal/blocks.ts";

/**
 * One of the failures of a job that look alike, as it was stored, with what the task was given.
 * @throws MusketeersError `NOT_FOUND`
 */
export async function failureSample(
  { blocks }: { readonly blocks: Pick<Blocks, "inputs" | "results"> },
  entry: JobEntry,
  fingerprint: string,
): Promise<FailureSample> {
  const sample = entry.errors.get(fingerprint)?.sample;
  if (sample === undefined) {
    throw new MusketeersError(
      "NOT_FOUND",
      `Of this failure of job ${entry.spec.job} only its kind and number are known`,
    );
  }
  const { input, record, at } = sample;
  const stored = await blocks.results(entry.results.records.at(record, 0));
  const failure = stored.block().slice(at, at + 1);
  const given = entry.spec.shuffle === undefined ? await blocks.inputs(entry, [[input, input + 1]]) : null;
  return { input, worker: stored.record.worker, failure, given };
}
