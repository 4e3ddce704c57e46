/* A random forest: trees that each see other flowers and other lengths, and vote. */
import { type Flower, randomFrom } from "./data.ts";

/** A kind, or a question whose answer says which branch to follow. */
export type Tree =
  | number
  | { readonly length: number; readonly below: number; readonly yes: Tree; readonly no: Tree };

const LENGTHS_TRIED = 2;
const DEPTH_MAX = 6;
const FLOWERS_MIN = 2;

function countsOf(flowers: readonly Flower[]): number[] {
  const counts = [0, 0, 0];
  for (const { kind } of flowers) counts[kind]!++;
  return counts;
}

/** How mixed flowers are: 0 where all are of one kind (Gini's impurity, times their number). */
function impurity(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? 0 : total - counts.reduce((sum, count) => sum + count * count, 0) / total;
}

interface Split {
  readonly length: number;
  readonly below: number;
  readonly impurity: number;
}

/** The best place to divide flowers by one of their lengths. */
function bestSplit(flowers: readonly Flower[], length: number): Split {
  const sorted = [...flowers].sort((a, b) => a.lengths[length]! - b.lengths[length]!);
  const left = [0, 0, 0];
  const right = countsOf(sorted);
  let best: Split = { length, below: 0, impurity: Number.POSITIVE_INFINITY };
  for (const [at, { kind, lengths }] of sorted.entries()) {
    const before = sorted[at - 1]?.lengths[length];
    if (before !== undefined && before < lengths[length]!) {
      const mixed = impurity(left) + impurity(right);
      if (mixed < best.impurity) best = { length, below: (before + lengths[length]!) / 2, impurity: mixed };
    }
    left[kind]!++;
    right[kind]!--;
  }
  return best;
}

function grow(flowers: readonly Flower[], random: () => number, depth: number): Tree {
  const counts = countsOf(flowers);
  const most = counts.indexOf(Math.max(...counts));
  if (depth >= DEPTH_MAX || flowers.length < FLOWERS_MIN || impurity(counts) === 0) return most;
  const lengths = [0, 1, 2, 3];
  const tried = Array.from({ length: LENGTHS_TRIED }, () => {
    const [length] = lengths.splice(Math.floor(random() * lengths.length), 1);
    return bestSplit(flowers, length!);
  });
  const {
    length,
    below,
    impurity: mixed,
  } = tried.reduce((best, split) => (split.impurity < best.impurity ? split : best));
  if (mixed === Number.POSITIVE_INFINITY) return most;
  const isYes = (flower: Flower) => flower.lengths[length]! < below;
  const yes = grow(flowers.filter(isYes), random, depth + 1);
  const no = grow(
    flowers.filter((flower) => !isYes(flower)),
    random,
    depth + 1,
  );
  return { length, below, yes, no };
}

/** Grows one tree on as many flowers as there are, drawn with replacement. */
export function growTree(flowers: readonly Flower[], seed: number): Tree {
  const random = randomFrom(seed);
  const drawn = flowers.map(() => flowers[Math.floor(random() * flowers.length)]!);
  return grow(drawn, random, 0);
}

function kindBy(tree: Tree, lengths: readonly number[]): number {
  let node = tree;
  while (typeof node !== "number") node = lengths[node.length]! < node.below ? node.yes : node.no;
  return node;
}

/** The kind that most trees vote for. */
export function classify(forest: readonly Tree[], lengths: readonly number[]): number {
  const votes = [0, 0, 0];
  for (const tree of forest) votes[kindBy(tree, lengths)]!++;
  return votes.indexOf(Math.max(...votes));
}
