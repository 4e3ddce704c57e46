import type { PictureSize } from "../protocol/index.ts";

/** A part of a picture: what a task with the option `picture` gives for an input. */
export interface PictureTile {
  /** Where its upper left corner stands, in pixels of the picture. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Row by row, three bytes a pixel (red, green, blue) or four (and how opaque it is). */
  readonly pixels: Uint8Array;
  /** What it took its painter, in milliseconds, where it says so. */
  readonly tookMs?: number;
}

const isCount = (value: unknown, least: number): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= least;

/** A value as a part of a picture; undefined where it is none, or does not lie within. */
export function asPictureTile(value: unknown, picture: PictureSize): PictureTile | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { x, y, width, height, pixels, tookMs } = value as Record<string, unknown>;
  if (!isCount(x, 0) || !isCount(y, 0) || !isCount(width, 1) || !isCount(height, 1)) return undefined;
  if (x + width > picture.width || y + height > picture.height) return undefined;
  if (!(pixels instanceof Uint8Array)) return undefined;
  if (pixels.length !== 3 * width * height && pixels.length !== 4 * width * height) return undefined;
  const took = typeof tookMs === "number" && tookMs >= 0 && Number.isFinite(tookMs) ? { tookMs } : {};
  return { x, y, width, height, pixels, ...took };
}
