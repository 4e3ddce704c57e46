import type { Key } from "../../../../data/pairs/index.ts";

/*
 * A map-reduce as a bundle brings it. The client's task runtime puts it there, under the same symbols.
 */

/** How values of one key become one, step by step; the reducers that come with the package have it. */
export interface Fold {
  /** Equal for equal reducers. */
  readonly id: string;
  /** What a single value counts as. */
  readonly lift: (value: unknown) => unknown;
  readonly merge: (a: unknown, b: unknown) => unknown;
  /** What is left in the end; the accumulator itself where there is none. */
  readonly finish?: (accumulator: unknown) => unknown;
}

export type Emit = (key: Key, value: unknown) => void;

export type Reducer = (key: Key, values: unknown, emit: (value: unknown) => void) => unknown;

/** The functions of a map-reduce. */
export interface MapReduceFunctions {
  readonly map: (record: unknown, emit: Emit, context: unknown) => unknown;
  readonly combine?: Reducer;
  readonly reduce: Reducer;
}

const STAGES = Symbol.for("musketeers.stages");
const FOLD = Symbol.for("musketeers.fold");

/** The functions that an entry of a bundle carries; undefined where it is an ordinary task. */
export const functionsOf = (entry: object): MapReduceFunctions | undefined =>
  (entry as { readonly [STAGES]?: MapReduceFunctions })[STAGES];

export const foldOf = (reducer: Reducer | undefined): Fold | undefined =>
  (reducer as { readonly [FOLD]?: Fold } | undefined)?.[FOLD];

/** What brings values of a key together before they travel. */
export interface Combiner {
  readonly fold: Fold | undefined;
  readonly combine: Reducer | undefined;
}

/** A reducer that folds combines by itself, where no other one is asked to. */
export function combinerOf({ combine, reduce }: MapReduceFunctions): Combiner {
  const fold = foldOf(combine) ?? (combine === undefined ? foldOf(reduce) : undefined);
  return fold === undefined ? { fold, combine } : { fold, combine: undefined };
}

/** Whether what a reduce reads has been lifted by the maps. */
export function isLifted(functions: MapReduceFunctions): boolean {
  const fold = foldOf(functions.reduce);
  return fold !== undefined && combinerOf(functions).fold?.id === fold.id;
}
