import { fileRefOf } from "../../protocol/index.ts";
import type { Outcome } from "../jobs/stream.ts";
import type { Partition } from "./pairs.ts";

/** What all reduces of a map-reduce gave. @throws TaskError for one that failed; what the iteration throws */
export async function collectPartitions(results: AsyncIterable<Outcome<unknown>>): Promise<Partition[]> {
  const partitions: Partition[] = [];
  for await (const result of results) {
    if (!result.ok) throw result.error;
    const { pairs, file } = result.value as { readonly pairs: number; readonly file: unknown };
    partitions[result.index] = { pairs, file: fileRefOf(file) };
  }
  return partitions;
}
