import { Chance } from "./chance.ts";

/** A ball, and how its surface takes the light. */
export interface Bead {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly radius: number;
  /** Of what it scatters: red, green, blue, from 0 to 1. */
  readonly colour: readonly [number, number, number];
  /** Share of light that it mirrors where one looks straight at it. */
  readonly mirror: number;
}

/** Cosine and sine of the golden angle, by which each seed of a sunflower is turned from the one before. */
const TURN_COS = -0.7373688780783197;
const TURN_SIN = 0.675490294261524;

const BEADS = 330;
const FIRST = 6;

/** From the heart to the rim. */
const petals: readonly (readonly [number, number, number])[] = [
  [0.98, 0.72, 0.14],
  [0.97, 0.46, 0.1],
  [0.9, 0.2, 0.17],
  [0.72, 0.1, 0.33],
  [0.36, 0.12, 0.46],
  [0.1, 0.2, 0.5],
  [0.06, 0.36, 0.5],
];

function petalAt(share: number): [number, number, number] {
  const place = Math.min(0.9999, Math.max(0, share)) * (petals.length - 1);
  const at = Math.floor(place);
  const [from, to] = [petals[at]!, petals[at + 1]!];
  const part = place - at;
  return [0, 1, 2].map((c) => from[c]! + part * (to[c]! - from[c]!)) as [number, number, number];
}

/**
 * A flower of beads as a sunflower sets its seeds (H. Vogel, 1979): each a golden angle on, and as far out as the root
 * of its number. No sines are asked for, in whose last digits engines differ.
 */
export function flowerBeads(): Bead[] {
  const chance = new Chance(1625);
  const beads: Bead[] = [{ x: 0, y: 1.45, z: 0, radius: 1.45, colour: [0.9, 0.9, 0.92], mirror: 0.94 }];
  let [cos, sin] = [1, 0];
  for (let number = 0; number < BEADS; number++) {
    [cos, sin] = [cos * TURN_COS - sin * TURN_SIN, cos * TURN_SIN + sin * TURN_COS];
    if (number < FIRST) continue;
    const share = (number - FIRST) / (BEADS - FIRST);
    const out = 0.56 * Math.sqrt(number);
    const radius = 0.3 + 0.2 * share + 0.06 * chance.next();
    const isPearl = chance.next() < 0.05;
    beads.push({
      x: out * cos,
      y: radius,
      z: out * sin,
      radius,
      colour: isPearl ? [0.7, 0.68, 0.64] : petalAt(share + 0.12 * (chance.next() - 0.5)),
      mirror: isPearl ? 0.12 : 0.05,
    });
  }
  return beads;
}
