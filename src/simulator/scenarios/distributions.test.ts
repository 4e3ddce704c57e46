import { describe, expect, test } from "vitest";
import { seededRandom } from "../environment/random.ts";
import {
  clamp,
  type Distribution,
  exponential,
  gamma,
  logNormal,
  normalBelow,
  normalQuantile,
  pareto,
  uniform,
  weibull,
} from "./distributions.ts";

const DRAWS = 200_000;

function sample(draw: Distribution): Float64Array {
  const random = seededRandom(42, 7);
  return Float64Array.from({ length: DRAWS }, () => draw(random)).sort();
}

describe.each<[string, Distribution]>([
  ["uniform", uniform(2, 6)],
  ["exponential", exponential(3)],
  ["Weibull, heavy-tailed", weibull(0.6, 5)],
  ["Weibull, light-tailed", weibull(2, 5)],
  ["log-normal", logNormal(10, 0.8)],
  ["Pareto", pareto(3, 1)],
])("%s", (_, distribution) => {
  const values = sample(distribution);

  test("has its mean", () => {
    const mean = values.reduce((total, value) => total + value, 0) / DRAWS;
    expect(mean / distribution.mean).toBeGreaterThan(0.98);
    expect(mean / distribution.mean).toBeLessThan(1.02);
  });

  test.each([0.1, 0.5, 0.9, 0.99])("has its quantile of %d", (probability) => {
    const seen = values[Math.floor(probability * DRAWS)]!;
    expect(seen / distribution.quantile(probability)).toBeGreaterThan(0.97);
    expect(seen / distribution.quantile(probability)).toBeLessThan(1.03);
  });
});

test("the gamma function is the factorial between whole numbers", () => {
  for (const [x, value] of [
    [1, 1],
    [5, 24],
    [0.5, Math.sqrt(Math.PI)],
    [-0.5, -2 * Math.sqrt(Math.PI)],
    [11, 3_628_800],
  ] as const) {
    expect(gamma(x) / value).toBeCloseTo(1, 12);
  }
});

test("the normal distribution is that of the tables", () => {
  expect(normalBelow(1.959963984540054)).toBeCloseTo(0.975, 12);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10);
  expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
  expect(normalBelow(-9)).toBe(0);
});

test("a Pareto distribution with a shape of 1 has no mean", () => {
  expect(pareto(1, 1).mean).toBe(Number.POSITIVE_INFINITY);
});

test("clamped draws stay within", () => {
  const random = seededRandom(1);
  const draw = clamp(weibull(0.3, 1), 0.5, 2);
  const values = Array.from({ length: 1_000 }, () => draw(random));
  expect(Math.min(...values)).toBe(0.5);
  expect(Math.max(...values)).toBe(2);
});
