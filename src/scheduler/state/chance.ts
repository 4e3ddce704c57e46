/**
 * The scheduler's generator (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014, in the
 * 32-bit form known as mulberry32). What it starts from comes with the events, so that a step stays a function of
 * its event, and nobody outside can foresee who is checked.
 */
export interface Chance {
  word: number;
}

/** Takes randomness in that came with an event. */
export function stir(chance: Chance, random: number): void {
  chance.word = Math.imul(chance.word ^ (random >>> 0), 0x9e37_79b1) >>> 0;
}

/** The next number from 0 up to 1. */
export function draw(chance: Chance): number {
  chance.word = (chance.word + 0x6d2b_79f5) >>> 0;
  let mixed = Math.imul(chance.word ^ (chance.word >>> 15), 1 | chance.word);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
