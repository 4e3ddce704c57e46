import { mapReduce, sum } from "../../src/client/index.ts";

const MS_PER_LINE = 2;

/** A word count that takes its time, so that much can happen meanwhile. */
export const slowCount = mapReduce({
  map: (line, emit) => {
    for (const endMs = performance.now() + MS_PER_LINE; performance.now() < endMs; );
    for (const word of line.split(" ")) if (word !== "") emit(word, 1);
  },
  reduce: sum,
  partitions: 4,
});
