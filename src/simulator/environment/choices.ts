import type { Random } from "../types.ts";

/* How random scenarios are drawn. */

export const among = <T>(random: Random, ...choices: readonly T[]): T => choices[random.int(choices.length)]!;

export const between = (random: Random, low: number, high: number): number =>
  low + random.next() * (high - low);

export const sometimes = (random: Random, probability: number, value: number): number =>
  random.chance(probability) ? value : 0;
