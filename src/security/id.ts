import { type RandomBytes, randomBytes } from "./random.ts";

/** Crockford's base 32, lower case: no letter that looks like a digit. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARACTERS = 9;
const RANDOM_CHARACTERS = 11;

/**
 * A new id for a job, a worker or a grant: 20 characters, of which the first 9 are the time in
 * milliseconds (45 bits) and the others random (55 bits), so that ids sort by age as text.
 */
export function newId(random: RandomBytes = randomBytes, nowMs: number = Date.now()): string {
  let time = "";
  for (let rest = nowMs, left = TIME_CHARACTERS; left > 0; left--) {
    time = alphabet.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = "";
  for (const byte of random(RANDOM_CHARACTERS)) tail += alphabet.charAt(byte & 31);
  return time + tail;
}
