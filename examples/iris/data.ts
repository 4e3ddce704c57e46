import { readFile } from "node:fs/promises";

/** A flower: four lengths in centimetres, and which of the three kinds it is. */
export interface Flower {
  readonly lengths: readonly number[];
  readonly kind: number;
}

export const kinds = ["Setosa", "Versicolor", "Virginica"];
export const lengthNames = ["sepal length", "sepal width", "petal length", "petal width"];

/** Fisher's Iris data of 1936: 50 flowers of each of three kinds. */
export async function readFlowers(): Promise<Flower[]> {
  const text = await readFile(new URL("iris.csv", import.meta.url), "utf8");
  const [, ...rows] = text.trim().split(/\r?\n/);
  return rows.map((row) => {
    const fields = row.replaceAll('"', "").split(",");
    return { lengths: fields.slice(0, 4).map(Number), kind: kinds.indexOf(fields[4]!) };
  });
}

/** Numbers from 0 up to 1 that follow from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same items in an order that follows from a seed. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomFrom(seed);
  const list = [...items];
  for (let at = list.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [list[at], list[other]] = [list[other]!, list[at]!];
  }
  return list;
}
