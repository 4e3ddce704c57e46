import { type PictureTile, task } from "../../client/index.ts";
import { type Part, paint } from "./picture/paint.ts";

/** Paints a part of the demo's picture. */
export const paintPart = task(
  (part: Part): PictureTile => {
    const begunMs = performance.now();
    const pixels = paint(part);
    const { x, y, size } = part;
    return { x, y, width: size, height: size, pixels, tookMs: performance.now() - begunMs };
  },
  { name: "A flower of beads", timeout: "2m", retries: 2 },
);
