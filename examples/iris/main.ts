/*
 * Learns to tell three kinds of iris apart: a random forest whose trees grow on workers by `map`, judged on
 * flowers that it has not seen, over 20 splits; and k-means by `iterate`, which is not told the kinds.
 *
 *   npm run --silent example:iris -- --plot iris.svg
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ownCluster } from "../support/own-cluster.ts";
import { findClusters } from "./clusters.ts";
import { type Flower, readFlowers, shuffled } from "./data.ts";
import { classify, type Tree } from "./forest.ts";
import { growTrees } from "./grow.ts";
import { plot } from "./plot.ts";

const SPLITS = 20;
const TEST_SHARE = 0.3;
const TREES = 100;
const TREES_PER_TASK = 25;

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, plot: { type: "string" } },
});

const flowers = await readFlowers();
const splits = Array.from({ length: SPLITS }, (_, seed) => {
  const mixed = shuffled(flowers, seed + 1);
  const tests = Math.round(flowers.length * TEST_SHARE);
  return { tests: mixed.slice(0, tests), training: mixed.slice(tests) };
});

await using own = await ownCluster(2);
const { cluster } = own;

const orders = splits.flatMap(({ training }, split) =>
  Array.from({ length: TREES / TREES_PER_TASK }, (_, part) => ({
    flowers: training,
    seeds: Array.from(
      { length: TREES_PER_TASK },
      (_, at) => (split * TREES + part * TREES_PER_TASK + at) * 7919 + 1,
    ),
  })),
);
const grown = await cluster.map(growTrees, orders).values().toArray();
const forests: Tree[][] = splits.map((_, split) => {
  const parts = TREES / TREES_PER_TASK;
  return grown.slice(split * parts, (split + 1) * parts).flat();
});

const wrong = splits.map(({ tests }, split) =>
  tests.filter(({ lengths, kind }) => classify(forests[split]!, lengths) !== kind),
);
const tested = splits.reduce((sum, { tests }) => sum + tests.length, 0);
const accuracy = 1 - wrong.flat().length / tested;
const clusters = await findClusters(cluster, flowers);

if (values.plot !== undefined) {
  const path = resolve(process.env.INIT_CWD ?? ".", values.plot);
  const wrongOnce = new Set<Flower>(wrong.flat());
  await writeFile(path, plot({ flowers, wrong: wrongOnce, centres: clusters.centres, accuracy }));
}
if (values.json) {
  const { rounds, purity } = clusters;
  console.log(JSON.stringify({ accuracy, splits: SPLITS, trees: TREES, kmeans: { rounds, purity } }));
} else {
  console.log(`random forest: ${(accuracy * 100).toFixed(2)} % of unseen flowers, over ${SPLITS} splits`);
  console.log(
    `k-means: ${(clusters.purity * 100).toFixed(2)} % in their kind's group, after ${clusters.rounds} rounds`,
  );
}
