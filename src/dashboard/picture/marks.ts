import { colourOf, palette } from "../colours.ts";
import type { Painted, Painting } from "./painting.ts";

/** How long one sees who delivered a part. */
const FRESH_MS = 1_400;

/** What stands over the picture. */
export interface Marks {
  /** Under the pointer. */
  readonly pointed: Painted | undefined;
  /** Whose parts are shown. */
  readonly shown: string | undefined;
  readonly everybody: boolean;
}

/**
 * Draws over the picture who painted what: parts that came lately in a frame that fades; of one worker while those of the
 * others step back; or of all, each in its painter's colour.
 * @returns whether there is something that goes on fading
 */
export function drawMarks(canvas: HTMLCanvasElement, painting: Painting, marks: Marks): boolean {
  const context = canvas.getContext("2d");
  if (context === null) return false;
  const scale = devicePixelRatio;
  const [wide, high] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  context.clearRect(0, 0, wide, high);
  const { dark, sunk: ground } = palette();
  const moving = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const nowMs = performance.now();
  const [across, down] = [wide / painting.size.width, high / painting.size.height];
  const boxOf = ({ x, y, width, height }: Painted) =>
    [x * across, y * down, width * across, height * down] as const;
  let fading = false;
  for (const part of painting.parts.values()) {
    const fresh = moving ? 1 - (nowMs - part.seenMs) / FRESH_MS : 0;
    const [x, y, width, height] = boxOf(part);
    const colour = colourOf(part.worker, dark);
    const isOthers = marks.shown !== undefined && part.worker !== marks.shown;
    if (isOthers) {
      context.globalAlpha = 0.5;
      context.fillStyle = ground;
      context.fillRect(x, y, width, height);
    }
    context.fillStyle = context.strokeStyle = colour;
    if (!isOthers && (marks.everybody || marks.shown !== undefined)) {
      context.globalAlpha = marks.everybody ? 0.55 : 0.1;
      context.fillRect(x, y, width, height);
      context.globalAlpha = 1;
      context.lineWidth = scale;
      context.strokeRect(x + scale / 2, y + scale / 2, width - scale, height - scale);
    }
    if (fresh <= 0) continue;
    fading = true;
    context.globalAlpha = fresh;
    context.lineWidth = 2.5 * scale;
    context.strokeRect(x + 1.5 * scale, y + 1.5 * scale, width - 3 * scale, height - 3 * scale);
    context.globalAlpha = 0.3 * fresh;
    context.fillRect(x, y, width, height);
  }
  context.globalAlpha = 1;
  if (marks.pointed !== undefined) {
    const [x, y, width, height] = boxOf(marks.pointed);
    context.lineWidth = 2 * scale;
    context.strokeStyle = "#ffffff";
    context.strokeRect(x, y, width, height);
  }
  return fading;
}
