import { type Emit, type MapContext, mapReduce, sum } from "musketeers";

/* The two programs of the row: on lines of text, and on bytes with the package's own counter. */

/** The function that the bare processes run as well. */
export const splitLine = (line: string, emit: Emit<string, number>): void => {
  for (const word of line.split(" ")) if (word) emit(word, 1);
};

export const byLines = mapReduce({ map: splitLine, combine: sum, reduce: sum, partitions: 8 });

export const byBytes = mapReduce({
  format: "bytes",
  map: (bytes: Uint8Array, _emit: Emit<string, number>, { counter }: MapContext) => counter.addTokens(bytes),
  reduce: sum,
  partitions: 8,
});
