import { mapReduce } from "../../src/client/index.ts";

/** Whether this is a machine whose answers are right: on others the same code gives something else. */
function isSound(): boolean {
  const { navigator } = globalThis as { readonly navigator?: { readonly userAgent: string } };
  return navigator?.userAgent.startsWith("Deno") === true;
}

/** Counts words, and is wrong in maps and reduces wherever something else than Deno runs it. */
export const tornCount = mapReduce({
  map: (line: string, emit) => {
    for (const word of line.split(" ")) if (word !== "") emit(word, isSound() ? 1 : 1_000);
  },
  reduce: (_key, values: Iterable<number>) => {
    let sum = isSound() ? 0 : 1_000_000;
    for (const value of values) sum += value;
    return sum;
  },
  partitions: 3,
});
