import { type Emit, type MapContext, mapReduce, sum } from "../../src/client/index.ts";

/* Map-reduces as modules define them. */

const separators = " \r\n";

/** The words of text, however its lines end. */
export const wordCount = mapReduce({
  map: (line, emit) => {
    for (const word of line.split(" ")) if (word !== "") emit(word, 1);
  },
  reduce: sum,
  partitions: 3,
});

/** The same on bytes. */
export const wordCountOfBytes = mapReduce({
  format: "bytes",
  map: (bytes: Uint8Array, _emit: Emit<string, number>, { counter }: MapContext) =>
    counter.addTokens(bytes, separators),
  reduce: sum,
});
