/** The value below which `share` (0 to 1) of the samples lie. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Four significant digits: more would be noise. */
export const rounded = (value: number): number =>
  Math.abs(value) < 1000 ? Number(value.toPrecision(4)) : Math.round(value);
