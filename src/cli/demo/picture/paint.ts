import { Chance } from "./chance.ts";
import { gather, light } from "./light.ts";

/** A part of a picture of `width` by `height`: what is asked of a worker. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly width: number;
  readonly height: number;
  /** Rays a pixel are the square of it. */
  readonly grain: number;
}

const eye = [0.9, 5.6, 12.6] as const;
const target = [0.2, 0.12, 0.5] as const;
/** Half of what is seen from top to bottom, at distance 1. */
const HALF_HEIGHT = 0.33;
/** Of the lens; what is nearer or farther than the heart of the flower is a little blurred. */
const LENS = 0.09;
const FOCUS = 12.6;

type Vector = readonly [number, number, number];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const scaled = (a: Vector, by: number): Vector => [a[0] * by, a[1] * by, a[2] * by];
const unit = (a: Vector): Vector => scaled(a, 1 / Math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]));

const ahead = unit([target[0] - eye[0], target[1] - eye[1], target[2] - eye[2]]);
const right = unit(cross(ahead, [0, 1, 0]));
const up = cross(right, ahead);

/** Sends one ray through a point of the image plane, from some point of the lens. */
function look(u: number, v: number, chance: Chance): void {
  const [p, q] = [LENS * (chance.next() + chance.next() - 1), LENS * (chance.next() + chance.next() - 1)];
  const [a, b] = [u * FOCUS - p, v * FOCUS - q];
  const dx = ahead[0] * FOCUS + right[0] * a + up[0] * b;
  const dy = ahead[1] * FOCUS + right[1] * a + up[1] * b;
  const dz = ahead[2] * FOCUS + right[2] * a + up[2] * b;
  const length = Math.sqrt(dx * dx + dy * dy + dz * dz);
  gather(
    eye[0] + right[0] * p + up[0] * q,
    eye[1] + right[1] * p + up[1] * q,
    eye[2] + right[2] * p + up[2] * q,
    dx / length,
    dy / length,
    dz / length,
    1,
    1,
    1,
    0,
    true,
    chance,
  );
}

/** Light as a byte of an image: bright parts are bent like film does (K. Narkowicz' fit of ACES, 2015); gamma 2. */
function byteOf(amount: number): number {
  const x = 0.66 * amount;
  const bent = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14);
  return Math.floor(255.999 * Math.sqrt(Math.min(1, Math.max(0, bent))));
}

/** Paints a part: three bytes a pixel, row by row. Equal parts are equal bytes on every engine. */
export function paint({ x, y, size, width, height, grain }: Part): Uint8Array {
  const pixels = new Uint8Array(3 * size * size);
  for (let at = 0; at < size * size; at++) {
    const [column, row] = [x + (at % size), y + Math.floor(at / size)];
    const chance = new Chance(Math.imul(row * width + column + 1, 0x85ebca6b));
    light.fill(0);
    for (let ray = 0; ray < grain * grain; ray++) {
      const [i, j] = [ray % grain, Math.floor(ray / grain)];
      const u = (column + (i + chance.next()) / grain - width / 2) / (height / 2);
      const v = (height / 2 - row - (j + chance.next()) / grain) / (height / 2);
      look(u * HALF_HEIGHT, v * HALF_HEIGHT, chance);
    }
    for (let c = 0; c < 3; c++) pixels[3 * at + c] = byteOf(light[c]! / (grain * grain));
  }
  return pixels;
}
