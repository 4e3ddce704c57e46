import type { Random } from "../types.ts";

/** A distribution with its moments, for tests and for texts. It is a `Draw` itself. */
export interface Distribution {
  (random: Random): number;
  readonly mean: number;
  /** The value below which a draw is with the given probability. */
  quantile(probability: number): number;
}

const distribution = (
  draw: (random: Random) => number,
  mean: number,
  quantile: (probability: number) => number,
): Distribution => Object.assign(draw, { mean, quantile });

/** Every value between the two equally likely. */
export const uniform = (from: number, to: number): Distribution =>
  distribution(
    (random) => from + (to - from) * random.next(),
    (from + to) / 2,
    (probability) => from + (to - from) * probability,
  );

/** Memoryless times; as of a Poisson process. */
export const exponential = (mean: number): Distribution =>
  distribution(
    (random) => mean * random.exponential(),
    mean,
    (probability) => -mean * Math.log1p(-probability),
  );

/** The Weibull distribution: with a shape below 1 the longer it has lasted, the longer it will. */
export const weibull = (shape: number, scale: number): Distribution =>
  distribution(
    (random) => scale * random.exponential() ** (1 / shape),
    scale * gamma(1 + 1 / shape),
    (probability) => scale * (-Math.log1p(-probability)) ** (1 / shape),
  );

/** The log-normal distribution by its median and the standard deviation of its logarithm. */
export const logNormal = (median: number, sigma: number): Distribution =>
  distribution(
    (random) => median * Math.exp(sigma * random.normal()),
    median * Math.exp(sigma ** 2 / 2),
    (probability) => median * Math.exp(sigma * normalQuantile(probability)),
  );

/** The Pareto distribution from `least` on; its mean is infinite for a shape of 1 or less. */
export const pareto = (shape: number, least: number): Distribution =>
  distribution(
    (random) => least * Math.exp(random.exponential() / shape),
    shape > 1 ? (shape * least) / (shape - 1) : Number.POSITIVE_INFINITY,
    (probability) => least * (1 - probability) ** (-1 / shape),
  );

/** Cuts a distribution off at both ends; draws beyond become the ends. Moments are not known any more. */
export const clamp =
  (draw: (random: Random) => number, least: number, most: number) =>
  (random: Random): number =>
    Math.min(most, Math.max(least, draw(random)));

/** The gamma function by the approximation of Lanczos (1964), g = 7, to about 15 digits. */
export function gamma(x: number): number {
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  const sum = terms.reduce((total, term, at) => total + term / (z + at + 1), 0.9999999999998099);
  const t = z + 7.5;
  return Math.sqrt(2 * Math.PI) * t ** (z + 0.5) * Math.exp(-t) * sum;
}

/** The standard normal distribution's quantile by bisection of `normalBelow`. */
export function normalQuantile(probability: number): number {
  if (probability <= 0) return Number.NEGATIVE_INFINITY;
  if (probability >= 1) return Number.POSITIVE_INFINITY;
  let low = -9;
  let high = 9;
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The standard normal distribution below x: Marsaglia's series (2004); to about 1e-15 for |x| up to 7. */
export function normalBelow(x: number): number {
  if (x < -8) return 0;
  if (x > 8) return 1;
  let sum = x;
  let term = x;
  for (let at = 3; Math.abs(term) > 1e-18 * Math.abs(sum); at += 2) {
    term *= (x * x) / at;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
