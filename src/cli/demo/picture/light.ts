import { flowerBeads } from "./beads.ts";
import type { Chance } from "./chance.ts";
import { BeadTree } from "./tree.ts";

/*
 * A path tracer (J. Kajiya, 1986): from each point that a ray meets one shadow ray goes to the sun and one path on, so
 * that colours bleed and shadows are soft. Only sums, products, quotients and square roots, which IEEE 754 rounds in
 * one way: every engine paints the same picture.
 */

const BOUNCES_MAX = 4;
const FAR = 1e9;

const tree = new BeadTree(flowerBeads());

/** Where the sun is, of length 1, and how large it looks: its radius at distance 1. */
const sun = unit(-0.7, 0.42, 0.28);
const SUN_SIZE = 0.06;
const SUN_LIGHT = [3.4, 2.45, 1.55] as const;

function unit(x: number, y: number, z: number): readonly [number, number, number] {
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

/** Light that was gathered: red, green, blue. */
export const light = new Float64Array(3);
const sky = new Float64Array(3);

/** What the sky sends from a direction. */
function lookUp(dx: number, dy: number, dz: number, withSun: boolean): void {
  const height = Math.max(0, dy);
  const low = (1 - height) * (1 - height) * (1 - height) * (1 - height);
  const toSun = Math.max(0, dx * sun[0] + dy * sun[1] + dz * sun[2]);
  const near = toSun * toSun * toSun * toSun;
  const glow = near * near * 0.5;
  sky[0] = 0.1 + 0.72 * low + 0.9 * glow;
  sky[1] = 0.17 + 0.34 * low + 0.5 * glow;
  sky[2] = 0.36 + 0.02 * low + 0.22 * glow;
  if (!withSun || toSun < 1 - (SUN_SIZE * SUN_SIZE) / 2) return;
  sky[0] += 14;
  sky[1] += 11;
  sky[2] += 8;
}

/** A point within the unit ball of less than all dimensions: x and y in the disc. */
const disc = { x: 0, y: 0 };
function drawDisc(chance: Chance): number {
  for (;;) {
    disc.x = 2 * chance.next() - 1;
    disc.y = 2 * chance.next() - 1;
    const square = disc.x * disc.x + disc.y * disc.y;
    if (square < 1) return square;
  }
}

/** Two directions across one of length 1 (T. Duff and others, 2017). */
const across = { ax: 0, ay: 0, az: 0, bx: 0, by: 0, bz: 0 };
function spanAcross(nx: number, ny: number, nz: number): void {
  const sign = nz >= 0 ? 1 : -1;
  const a = -1 / (sign + nz);
  const b = nx * ny * a;
  across.ax = 1 + sign * nx * nx * a;
  across.ay = sign * b;
  across.az = -sign * nx;
  across.bx = b;
  across.by = sign + ny * ny * a;
  across.bz = -ny;
}

const way = { x: 0, y: 0, z: 0 };

/** A direction away from a surface, the likelier the steeper, by the cosine. */
function scatter(nx: number, ny: number, nz: number, chance: Chance): void {
  const up = Math.sqrt(1 - drawDisc(chance));
  spanAcross(nx, ny, nz);
  way.x = across.ax * disc.x + across.bx * disc.y + nx * up;
  way.y = across.ay * disc.x + across.by * disc.y + ny * up;
  way.z = across.az * disc.x + across.bz * disc.y + nz * up;
}

/** Some point of the sun. */
function towardsSun(chance: Chance): void {
  drawDisc(chance);
  spanAcross(sun[0], sun[1], sun[2]);
  const [x, y] = [SUN_SIZE * disc.x, SUN_SIZE * disc.y];
  const wx = sun[0] + across.ax * x + across.bx * y;
  const wy = sun[1] + across.ay * x + across.by * y;
  const wz = sun[2] + across.az * x + across.bz * y;
  const length = Math.sqrt(wx * wx + wy * wy + wz * wz);
  way.x = wx / length;
  way.y = wy / length;
  way.z = wz / length;
}

/** What a ray met: where, how the surface stands, and what it is like. */
const met = { x: 0, y: 0, z: 0, nx: 0, ny: 0, nz: 0, red: 0, green: 0, blue: 0, mirror: 0 };

/** @returns whether there was anything but sky */
function meet(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): boolean {
  const floor = dy < -1e-9 ? -oy / dy : FAR;
  const at = tree.meet(ox, oy, oz, dx, dy, dz, floor, false);
  const distance = at < 0 ? floor : tree.distance;
  if (distance >= FAR) return false;
  met.x = ox + distance * dx;
  met.y = oy + distance * dy;
  met.z = oz + distance * dz;
  if (at < 0) {
    met.nx = met.nz = 0;
    met.ny = 1;
    // Rings on the ground, like those of a pond.
    const out = Math.sqrt(met.x * met.x + met.z * met.z);
    const ring = out - Math.floor(out / 3) * 3 < 0.06 ? 0.8 : 1;
    met.red = 0.09 * ring;
    met.green = 0.1 * ring;
    met.blue = 0.14 * ring;
    met.mirror = 0.05;
    return true;
  }
  const { x, y, z, radius, colour, mirror } = tree.beads[at]!;
  met.nx = (met.x - x) / radius;
  met.ny = (met.y - y) / radius;
  met.nz = (met.z - z) / radius;
  met.red = colour[0];
  met.green = colour[1];
  met.blue = colour[2];
  met.mirror = mirror;
  return true;
}

/** Adds the light that comes along a ray, weakened on its way, to `light`. */
export function gather(
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  red: number,
  green: number,
  blue: number,
  bounce: number,
  withSun: boolean,
  chance: Chance,
): void {
  if (!meet(ox, oy, oz, dx, dy, dz)) {
    lookUp(dx, dy, dz, withSun);
    light[0]! += red * sky[0]!;
    light[1]! += green * sky[1]!;
    light[2]! += blue * sky[2]!;
    return;
  }
  if (bounce >= BOUNCES_MAX) return;
  const { x, y, z, nx, ny, nz, mirror } = met;
  const toEye = -(dx * nx + dy * ny + dz * nz);
  const flat = Math.max(0, 1 - toEye);
  // How much is mirrored at this angle (C. Schlick, 1994).
  const mirrored = mirror + (1 - mirror) * flat * flat * flat * flat * flat;
  let [r, g, b] = [red * met.red, green * met.green, blue * met.blue];
  const both = bounce === 0;
  const mirrors = mirror > 0.5 || both || chance.next() < mirrored;
  const scatters = mirror <= 0.5 && (both || !mirrors);
  if (scatters) {
    const share = both ? 1 - mirrored : 1;
    [r, g, b] = [r * share, g * share, b * share];
    towardsSun(chance);
    const cosine = way.x * nx + way.y * ny + way.z * nz;
    if (cosine > 0 && tree.meet(x, y, z, way.x, way.y, way.z, FAR, true) < 0) {
      light[0]! += r * cosine * SUN_LIGHT[0];
      light[1]! += g * cosine * SUN_LIGHT[1];
      light[2]! += b * cosine * SUN_LIGHT[2];
    }
    scatter(nx, ny, nz, chance);
    gather(x, y, z, way.x, way.y, way.z, r, g, b, bounce + 1, false, chance);
  }
  if (!mirrors) return;
  const share = both || mirror > 0.5 ? mirrored : 1;
  gather(
    x,
    y,
    z,
    dx + 2 * toEye * nx,
    dy + 2 * toEye * ny,
    dz + 2 * toEye * nz,
    red * share,
    green * share,
    blue * share,
    bounce + 1,
    withSun,
    chance,
  );
}
