import { mapReduce, sum } from "musketeers";

/** How often each word occurs: split on spaces and line ends, as it is written. */
export const countWords = mapReduce({
  map: (line, emit) => {
    for (const word of line.split(" ")) if (word !== "") emit(word, 1);
  },
  reduce: sum,
  partitions: 4,
});
