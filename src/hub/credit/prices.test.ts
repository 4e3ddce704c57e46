import { expect, test } from "vitest";
import { Prices } from "./prices.ts";

const total = (prices: Prices, person: string, claims: readonly number[], inputs = 1): number =>
  claims.reduce((sum, claim) => sum + prices.claim(person, inputs, claim), 0);

test("whoever claims far more than the others gets twice the median at most; the others get what they claim", () => {
  const prices = new Prices(100);
  const credited = new Map<string, number>();
  for (let round = 0; round < 200; round++) {
    for (const person of ["ana", "bob", "eve", "joe", "kim"]) {
      const claim = person === "eve" ? 1000 : 1;
      credited.set(person, (credited.get(person) ?? 0) + prices.claim(person, 1, claim));
    }
  }
  for (const person of ["ana", "bob", "joe", "kim"]) expect(credited.get(person)).toBe(200);
  // What it got before there was anybody to compare with counts, too.
  expect(credited.get("eve")).toBeLessThanOrEqual(1000);
  expect(credited.get("eve")).toBeLessThan(1001);
});

test("the first one's large claim is all that it gets until it has worked for it", () => {
  const prices = new Prices(100);
  expect(prices.claim("eve", 1, 50)).toBe(50);
  for (const person of ["ana", "bob", "joe"]) total(prices, person, Array(100).fill(1));
  expect(total(prices, "eve", Array(20).fill(50))).toBe(0);
  // Of 30 inputs, 21 of them before: 60 are allowed, 50 were given.
  expect(total(prices, "eve", Array(9).fill(50))).toBe(10);
});

test("one hard input costs what it does, where the person's others are as hard as anybody's", () => {
  const prices = new Prices(100);
  for (const person of ["ana", "bob", "joe"]) total(prices, person, Array(100).fill(1));
  expect(total(prices, "joe", [50])).toBe(50);
});

test("with fewer than three people there is nobody to compare with", () => {
  const prices = new Prices(100);
  total(prices, "ana", [1, 1, 1]);
  expect(prices.claim("bob", 1, 100)).toBe(100);
});

test("people beyond those that are kept apart share an account, and its bound", () => {
  const prices = new Prices(3);
  for (const person of ["ana", "bob", "joe"]) total(prices, person, Array(100).fill(1));
  const crowd = Array.from({ length: 100 }, (_, at) => prices.claim(`sybil ${at}`, 1, 1000));
  expect(crowd.reduce((sum, credited) => sum + credited, 0)).toBeLessThanOrEqual(100 * 2);
});
