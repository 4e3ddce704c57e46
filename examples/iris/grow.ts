import { task } from "musketeers";
import type { Flower } from "./data.ts";
import { growTree } from "./forest.ts";

/** Some trees of a forest; which ones follows from their seeds. */
export const growTrees = task(({ flowers, seeds }: { flowers: Flower[]; seeds: number[] }) =>
  seeds.map((seed) => growTree(flowers, seed)),
);
