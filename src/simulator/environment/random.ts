import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Draw, Random } from "../types.ts";

const PRIME = 0x01000193;
const OFFSET = 0x811c9dc5;

/** Mixes numbers into 32 bits (FNV-1a over words, then the finalizer of MurmurHash3). */
export function mix(...words: readonly number[]): number {
  let hash = OFFSET;
  for (const word of words) {
    hash = Math.imul(hash ^ (word | 0), PRIME);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 32 bits as a number in [0, 1). */
export const unit = (bits: number): number => (bits >>> 0) / 2 ** 32;

/** A source that can begin anew, as one of its own for every (seed, purpose, number …). */
export function reseedableRandom(): (...words: number[]) => Random {
  let generator = xoroshiro128plus(0);
  // 53 bits, as of a double's fraction.
  const next = () => ((generator.next() >>> 5) * 2 ** 26 + (generator.next() >>> 6)) / 2 ** 53;
  const random: Random = {
    next,
    int: (count) => Math.floor(next() * count),
    chance: (probability) => probability > 0 && next() < probability,
    exponential: () => -Math.log(1 - next()),
    // Box and Muller, 1958; the second number is not kept, so that a source has no hidden state.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
  return (...words) => {
    generator = xoroshiro128plus(mix(...words) | 0);
    return random;
  };
}

/** A source of its own for every (seed, purpose, number …), so that draws here change nothing there. */
export const seededRandom = (...words: number[]): Random => reseedableRandom()(...words);

/** One value of a draw; at least 0. */
export const draw = (from: Draw | undefined, random: Random, otherwise: number): number => {
  if (from === undefined) return otherwise;
  return Math.max(0, typeof from === "number" ? from : from(random));
};
