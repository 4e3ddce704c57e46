/* k-means: the centres of k groups, by rounds on a cluster, without a look at the kinds. */
import type { Cluster } from "musketeers";
import { type Flower, kinds } from "./data.ts";

type Point = readonly number[];
interface Group {
  readonly sum: number[];
  count: number;
}

/** Per group what its points add up to. It runs on workers and so uses nothing but what it is given. */
const groupsOf = (points: readonly Point[], centres: readonly Point[]): Group[] => {
  const groups = centres.map((centre) => ({ sum: centre.map(() => 0), count: 0 }));
  for (const point of points) {
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [at, centre] of centres.entries()) {
      const distance = centre.reduce((sum, value, axis) => sum + (value - point[axis]!) ** 2, 0);
      if (distance < least) [least, nearest] = [distance, at];
    }
    const group = groups[nearest]!;
    group.count++;
    for (const [axis, value] of point.entries()) group.sum[axis]! += value;
  }
  return groups;
};

function nextCentres(partials: readonly Group[][], centres: readonly Point[]): Point[] {
  return centres.map((centre, at) => {
    const count = partials.reduce((sum, groups) => sum + groups[at]!.count, 0);
    if (count === 0) return centre;
    return centre.map((_, axis) => partials.reduce((sum, groups) => sum + groups[at]!.sum[axis]!, 0) / count);
  });
}

export interface Clusters {
  readonly centres: readonly Point[];
  readonly rounds: number;
  /** The share of flowers that are in the group in which most of their kind are. */
  readonly purity: number;
}

/** Finds three groups of flowers, beginning with one flower of each third of the list. */
export async function findClusters(cluster: Cluster, flowers: readonly Flower[]): Promise<Clusters> {
  const points = flowers.map(({ lengths }) => lengths);
  const shards = [0, 1, 2, 3].map((shard) => points.filter((_, at) => at % 4 === shard));
  const initial: readonly Point[] = [0, 50, 100].map((at) => points[at]!);
  const { value: centres, rounds } = await cluster.iterate({
    initial,
    shards,
    map: groupsOf,
    reduce: nextCentres,
    until: (next, previous) => JSON.stringify(next) === JSON.stringify(previous),
  });
  const table = centres.map(() => kinds.map(() => 0));
  for (const { lengths, kind } of flowers) {
    const groups = groupsOf([lengths], centres);
    table[groups.findIndex(({ count }) => count === 1)]![kind]!++;
  }
  const matching = table.reduce((sum, row) => sum + Math.max(...row), 0);
  return { centres, rounds, purity: matching / flowers.length };
}
