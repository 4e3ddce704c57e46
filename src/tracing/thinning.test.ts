import { expect, test } from "vitest";
import { Thinning } from "./thinning.ts";

const taken = (perStep: number, of: number): number[] => {
  const thinning = new Thinning(perStep);
  return Array.from({ length: of }, (_, at) => at).filter(() => thinning.next());
};

test("traceUnitsPerStep: the first ones all, then every second, then every fourth", () => {
  expect(taken(3, 30)).toEqual([0, 1, 2, 3, 5, 7, 9, 13, 17, 21, 29]);
});

test("of very many few are taken, to the end", () => {
  const found = taken(256, 10_000_000);
  expect(found.length).toBeLessThan(256 * 17);
  expect(found.at(-1)).toBeGreaterThan(9_900_000);
});
