import type { Part } from "./paint.ts";

/** How large a picture is, in how large squares it is painted, and how finely. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** Side of a part, by which width and height can be divided. */
  readonly size: number;
  /** Rays a pixel are the square of it. */
  readonly grain: number;
}

/** About a hundred seconds of one core of 2020. */
export const largeCanvas: Canvas = Object.freeze({ width: 1152, height: 768, size: 48, grain: 4 });

/** A second or two. */
export const smallCanvas: Canvas = Object.freeze({ width: 288, height: 192, size: 48, grain: 2 });

/** The parts of a picture from its middle on, so that there is soon something to look at. */
export function partsOf({ width, height, size, grain }: Canvas): Part[] {
  const parts: Part[] = [];
  for (let y = 0; y < height; y += size) {
    for (let x = 0; x < width; x += size) parts.push({ x, y, size, width, height, grain });
  }
  const away = ({ x, y }: Part) => (x + size / 2 - width / 2) ** 2 + (1.5 * (y + size / 2 - height / 2)) ** 2;
  return parts.sort((a, b) => away(a) - away(b) || a.y - b.y || a.x - b.x);
}
