import type { Bead } from "./beads.ts";

/* A tree of boxes around beads: a ray asks only those whose boxes it crosses. */

const LEAF_BEADS = 3;
/** Deeper than a tree of a million beads. */
const stack = new Int32Array(64);

export class BeadTree {
  readonly beads: readonly Bead[];
  /** Six numbers a node: the least and the greatest corner. */
  readonly #boxes: number[] = [];
  /** Two numbers a node: of a leaf its first bead and how many; of others the right child, and 0. */
  readonly #links: number[] = [];
  /** Four numbers a bead: centre and radius. */
  readonly #balls: Float64Array;
  /** How far the last found bead is. */
  distance = 0;

  constructor(beads: readonly Bead[]) {
    const sorted = [...beads];
    this.#grow(sorted, 0, sorted.length);
    this.beads = sorted;
    this.#balls = Float64Array.from(sorted.flatMap(({ x, y, z, radius }) => [x, y, z, radius]));
  }

  #grow(beads: Bead[], from: number, to: number): void {
    const node = this.#links.length / 2;
    const low = [Infinity, Infinity, Infinity];
    const high = [-Infinity, -Infinity, -Infinity];
    for (const { x, y, z, radius } of beads.slice(from, to)) {
      for (const [axis, value] of [x, y, z].entries()) {
        low[axis] = Math.min(low[axis]!, value - radius);
        high[axis] = Math.max(high[axis]!, value + radius);
      }
    }
    this.#boxes.push(...low, ...high);
    this.#links.push(from, to - from);
    if (to - from <= LEAF_BEADS) return;
    const axis = high[0]! - low[0]! > high[2]! - low[2]! ? "x" : "z";
    const part = beads.slice(from, to).sort((a, b) => a[axis] - b[axis]);
    beads.splice(from, part.length, ...part);
    const middle = (from + to) >> 1;
    this.#grow(beads, from, middle);
    this.#links[2 * node] = this.#links.length / 2;
    this.#links[2 * node + 1] = 0;
    this.#grow(beads, middle, to);
  }

  /**
   * The nearest bead that a ray of unit length meets before `limit`, or -1; `distance` says how far it is.
   * @param any is content with whichever is found first: for shadows
   */
  meet(
    ox: number,
    oy: number,
    oz: number,
    dx: number,
    dy: number,
    dz: number,
    limit: number,
    any: boolean,
  ): number {
    const [boxes, links, balls] = [this.#boxes, this.#links, this.#balls];
    const [ix, iy, iz] = [1 / dx, 1 / dy, 1 / dz];
    let nearest = limit;
    let found = -1;
    let depth = 0;
    stack[depth++] = 0;
    while (depth > 0) {
      const node = stack[--depth]!;
      const box = 6 * node;
      const [x0, x1] = [(boxes[box]! - ox) * ix, (boxes[box + 3]! - ox) * ix];
      const [y0, y1] = [(boxes[box + 1]! - oy) * iy, (boxes[box + 4]! - oy) * iy];
      const [z0, z1] = [(boxes[box + 2]! - oz) * iz, (boxes[box + 5]! - oz) * iz];
      const enters = Math.max(Math.min(x0, x1), Math.min(y0, y1), Math.min(z0, z1), 0);
      const leaves = Math.min(Math.max(x0, x1), Math.max(y0, y1), Math.max(z0, z1), nearest);
      if (enters > leaves) continue;
      const count = links[2 * node + 1]!;
      const first = links[2 * node]!;
      if (count === 0) {
        stack[depth++] = first;
        stack[depth++] = node + 1;
        continue;
      }
      for (let at = first; at < first + count; at++) {
        const ball = 4 * at;
        const [cx, cy, cz] = [balls[ball]! - ox, balls[ball + 1]! - oy, balls[ball + 2]! - oz];
        const radius = balls[ball + 3]!;
        const along = cx * dx + cy * dy + cz * dz;
        const half = along * along - (cx * cx + cy * cy + cz * cz) + radius * radius;
        if (half <= 0) continue;
        const root = Math.sqrt(half);
        const distance = along - root > 1e-6 ? along - root : along + root;
        if (distance <= 1e-6 || distance >= nearest) continue;
        nearest = distance;
        found = at;
        if (any) return at;
      }
    }
    this.distance = nearest;
    return found;
  }
}
