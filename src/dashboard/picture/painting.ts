import { asPictureTile, type Outcome, type PictureSize } from "../../client/browser.ts";

/** A part that has been painted: where, by whom, and when this page heard of it. */
export interface Painted {
  readonly input: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly worker: string;
  readonly tookMs: number | undefined;
  /** By the page's own clock; -Infinity where it was there before the page looked. */
  readonly seenMs: number;
}

/** A picture that comes about: its pixels on a canvas, and who painted what. */
export class Painting {
  readonly size: PictureSize;
  /** By input; an input that was done twice has one part. */
  readonly parts = new Map<number, Painted>();
  /** Of each worker. */
  readonly counts = new Map<string, number>();
  /** Results that are no parts of a picture: failures, and what does not lie within. */
  odd = 0;
  readonly #context: CanvasRenderingContext2D;

  /** @param context of a canvas as large as the picture */
  constructor(size: PictureSize, context: CanvasRenderingContext2D) {
    this.size = size;
    this.#context = context;
  }

  add(outcome: Outcome<unknown>, seenMs: number): void {
    const tile = outcome.ok ? asPictureTile(outcome.value, this.size) : undefined;
    if (tile === undefined) {
      this.odd++;
      return;
    }
    const { x, y, width, height, pixels, tookMs } = tile;
    this.#context.putImageData(new ImageData(opaque(pixels, width * height), width, height), x, y);
    const { index: input, worker } = outcome;
    if (!this.parts.has(input)) this.counts.set(worker, (this.counts.get(worker) ?? 0) + 1);
    this.parts.set(input, { input, x, y, width, height, worker, tookMs, seenMs });
  }

  /** What lies at a point of the picture; of several the one that was painted last. */
  at(x: number, y: number): Painted | undefined {
    let found: Painted | undefined;
    for (const part of this.parts.values()) {
      if (x >= part.x && x < part.x + part.width && y >= part.y && y < part.y + part.height) found = part;
    }
    return found;
  }
}

/** Four bytes a pixel, whatever came. */
function opaque(pixels: Uint8Array, count: number): Uint8ClampedArray<ArrayBuffer> {
  const all = new Uint8ClampedArray(4 * count);
  if (pixels.length === all.length) {
    all.set(pixels);
    return all;
  }
  for (let at = 0; at < count; at++) {
    all[4 * at] = pixels[3 * at]!;
    all[4 * at + 1] = pixels[3 * at + 1]!;
    all[4 * at + 2] = pixels[3 * at + 2]!;
    all[4 * at + 3] = 255;
  }
  return all;
}
