import type { DatasetSummary } from "../../protocol/index.ts";
import { purpose } from "../environment/purpose.ts";
import { draw, seededRandom } from "../environment/random.ts";
import type { Scenario } from "../types.ts";

/** One dataset as it will be. Its CID and those of its blocks are names of no other meaning. */
export interface DatasetPlan {
  readonly cid: string;
  /** As its scenario calls it. */
  readonly kind: string;
  readonly blocks: readonly string[];
  readonly blockBytes: number;
  readonly replicas: number;
  readonly putMs: number;
  readonly removeMs: number;
}

export function planDatasets({ datasets = [] }: Scenario, seed: number): DatasetPlan[] {
  const plans: DatasetPlan[] = [];
  for (const [kind, scenario] of datasets.entries()) {
    const random = seededRandom(seed, purpose.datasets, kind);
    for (let copy = 0; copy < (scenario.count ?? 1); copy++) {
      const cid = `d${plans.length}`;
      const blocks = Math.max(1, Math.round(draw(scenario.blocks, random, 1)));
      const bytes = draw(scenario.bytes, random, blocks);
      const putMs = draw(scenario.putMs, random, 0);
      plans.push({
        cid,
        kind: scenario.name,
        blocks: Array.from({ length: blocks }, (_, at) => `${cid}/${at}`),
        blockBytes: bytes / blocks,
        replicas: scenario.replicas,
        putMs,
        removeMs: putMs + (scenario.removeAfterMs ?? Number.POSITIVE_INFINITY),
      });
    }
  }
  return plans;
}

export const folderOf = (block: string): string => block.slice(0, block.indexOf("/"));

/** Its row in the catalogue. */
export const rowOf = (
  { cid, replicas, blocks, blockBytes }: DatasetPlan,
  createdAtMs: number,
): DatasetSummary => ({
  name: cid,
  cid,
  bytes: blocks.length * blockBytes,
  files: 1,
  createdAtMs,
  owner: "",
  replicas,
});
