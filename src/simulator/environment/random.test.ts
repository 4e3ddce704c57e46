import fc from "fast-check";
import { expect, test } from "vitest";
import { draw, mix, seededRandom, unit } from "./random.ts";

const DRAWS = 100_000;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const many = (next: () => number) => Array.from({ length: DRAWS }, next);

test("a source gives the same numbers for the same words, and others for others", () => {
  const first = (...words: number[]) => Array.from({ length: 8 }, seededRandom(...words).next);
  expect(first(1, 2, 3)).toEqual(first(1, 2, 3));
  for (const words of [[1, 2], [1, 2, 4], [3, 2, 1], [0, 1, 2, 3], []]) {
    expect(first(...words), `${words}`).not.toEqual(first(1, 2, 3));
  }
});

test("one more draw from one source changes nothing in another", () => {
  const [a, b] = [seededRandom(7, 1), seededRandom(7, 2)];
  const alone = Array.from({ length: 20 }, seededRandom(7, 2).next);
  expect(Array.from({ length: 20 }, () => [a.next(), b.next()][1])).toEqual(alone);
});

test("numbers are uniform in [0, 1), and neighbours tell nothing of each other", () => {
  const { next } = seededRandom(11);
  const values = many(next);
  expect(Math.min(...values.slice(0, 1_000))).toBeGreaterThanOrEqual(0);
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  // Chi-squared of 100 cells has mean 99 and deviation 14; the seed is fixed, so this holds or it does not.
  const cells = new Array<number>(100).fill(0);
  for (const value of values) cells[Math.floor(value * 100)]!++;
  const chi = cells.reduce((sum, count) => sum + (count - DRAWS / 100) ** 2 / (DRAWS / 100), 0);
  expect(chi).toBeGreaterThan(40);
  expect(chi).toBeLessThan(160);
  const products = values.slice(1).map((value, at) => (value - 0.5) * (values[at]! - 0.5));
  expect(Math.abs(12 * mean(products))).toBeLessThan(0.01);
});

test("sources with neighbouring words are strangers to each other", () => {
  const firsts = Array.from({ length: DRAWS }, (_, at) => seededRandom(1, 5, at).next());
  expect(Math.abs(mean(firsts) - 0.5)).toBeLessThan(0.005);
  const products = firsts.slice(1).map((value, at) => (value - 0.5) * (firsts[at]! - 0.5));
  expect(Math.abs(12 * mean(products))).toBeLessThan(0.01);
});

test("exponential and normal draws have their moments", () => {
  const random = seededRandom(3);
  const exponential = many(random.exponential);
  expect(mean(exponential)).toBeCloseTo(1, 1);
  expect(mean(exponential.map((value) => value ** 2))).toBeCloseTo(2, 1);
  const normal = many(random.normal);
  expect(Math.abs(mean(normal))).toBeLessThan(0.01);
  expect(mean(normal.map((value) => value ** 2))).toBeCloseTo(1, 1);
  expect(mean(normal.map((value) => value ** 4))).toBeCloseTo(3, 0);
});

test("among gives every choice its share, and a chance of nothing takes no draw", () => {
  const random = seededRandom(5);
  const counts = [0, 0, 0];
  for (let at = 0; at < DRAWS; at++) counts[random.int(3)]!++;
  for (const count of counts) expect(Math.abs((3 * count) / DRAWS - 1)).toBeLessThan(0.02);
  const [a, b] = [seededRandom(5), seededRandom(5)];
  expect(a.chance(0)).toBe(false);
  expect(a.next()).toBe(b.next());
  const hits = many(() => (random.chance(0.2) ? 1 : 0));
  expect(Math.abs(mean(hits) - 0.2)).toBeLessThan(0.01);
});

test("mix is a function of all its words, in their order, as 32 bits", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 5 }),
      (words) => {
        const mixed = mix(...words);
        expect(Number.isInteger(mixed) && mixed >= 0 && mixed < 2 ** 32).toBe(true);
        expect(mix(...words)).toBe(mixed);
        expect(mix(...words.with(-1, words.at(-1)! ^ 1))).not.toBe(mixed);
      },
    ),
  );
  expect(mix(1, 2)).not.toBe(mix(2, 1));
  expect(unit(0)).toBe(0);
  expect(unit(2 ** 32 - 1)).toBeLessThan(1);
});

test("a draw is its constant, its function's value, or what is usual; never below nothing", () => {
  const random = seededRandom(1);
  expect(draw(undefined, random, 7)).toBe(7);
  expect(draw(3, random, 7)).toBe(3);
  expect(draw(-3, random, 7)).toBe(0);
  expect(draw(() => -1, random, 7)).toBe(0);
  expect(draw((own) => (own === random ? 5 : 6), random, 7)).toBe(5);
});
