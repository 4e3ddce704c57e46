import type { Segment } from "../../protocol/index.ts";
import { colourOf, palette } from "../colours.ts";
import { count, duration, timeOfDay } from "../format.ts";
import { Canvas } from "./canvas.tsx";

const LANE_PX = 12;
const LANES_MAX = 40;
const AXIS_PX = 20;
const SPAN_MS = 60_000;
/** Wide enough for a word at the axis. */
const MARK_PX = 110;

interface Layout {
  readonly fromMs: number;
  readonly toMs: number;
  /** Rows by worker and lane. */
  readonly rows: ReadonlyMap<string, number>;
  readonly omitted: number;
}

const rowOf = ({ worker, lane }: Segment): string => `${worker} ${lane}`;

/** The last minute of work; less where there was less. */
function layoutOf(segments: readonly Segment[], nowMs: number): Layout {
  const toMs = segments.reduce((latest, segment) => Math.max(latest, segment.toMs), 0) || nowMs;
  const earliest = segments.reduce((first, segment) => Math.min(first, segment.fromMs), toMs);
  const fromMs = Math.max(earliest, toMs - SPAN_MS);
  const seen = [...new Map(segments.map((segment) => [rowOf(segment), segment])).values()];
  seen.sort((a, b) => (a.name === b.name ? a.lane - b.lane : a.name < b.name ? -1 : 1));
  const rows = new Map(seen.slice(0, LANES_MAX).map((segment, row) => [rowOf(segment), row]));
  return { fromMs, toMs: Math.max(toMs, fromMs + 1_000), rows, omitted: seen.length - rows.size };
}

function paint(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  segments: readonly Segment[],
  { fromMs, toMs, rows }: Layout,
  colourBy: (segment: Segment) => string,
): void {
  const colours = palette();
  const x = (ms: number) => ((ms - fromMs) * width) / (toMs - fromMs);
  context.fillStyle = colours.sunk;
  for (const row of rows.values()) context.fillRect(0, row * LANE_PX, width, LANE_PX - 2);
  for (const segment of segments) {
    const row = rows.get(rowOf(segment));
    if (row === undefined || segment.toMs < fromMs) continue;
    const left = Math.max(0, x(segment.fromMs));
    const span = Math.max(1.5, x(segment.toMs) - left - 0.5);
    context.globalAlpha = segment.copy ? 0.45 : 1;
    context.fillStyle = colourOf(colourBy(segment), colours.dark);
    context.fillRect(left, row * LANE_PX, span, LANE_PX - 2);
    context.globalAlpha = 1;
    if (segment.failed === 0) continue;
    context.fillStyle = colours.bad;
    const share = segment.failed / Math.max(1, segment.inputs);
    context.fillRect(left, row * LANE_PX + LANE_PX - 5, Math.max(1.5, span * share), 3);
  }
  context.fillStyle = colours.quiet;
  context.font = "12px system-ui";
  const marks = Math.max(1, Math.floor(width / MARK_PX));
  for (let mark = 0; mark < marks; mark++) {
    context.fillText(
      timeOfDay(fromMs + ((toMs - fromMs) * mark) / marks),
      (width * mark) / marks,
      height - 4,
    );
  }
}

interface StreamProps {
  readonly segments: readonly Segment[];
  readonly nowMs: number;
  readonly label: string;
  readonly colourBy: (segment: Segment) => string;
}

/** What ran on which slot, over the last minute: each lane is a slot. */
export function Stream({ segments, nowMs, label, colourBy }: StreamProps) {
  const layout = layoutOf(segments, nowMs);
  const { fromMs, toMs, rows, omitted } = layout;
  const describe = (x: number, y: number, width: number): string => {
    const atMs = fromMs + (x / width) * (toMs - fromMs);
    const row = Math.floor(y / LANE_PX);
    const found = segments.find(
      (segment) => rows.get(rowOf(segment)) === row && segment.fromMs <= atMs && atMs <= segment.toMs,
    );
    if (found === undefined) return "";
    const failed = found.failed > 0 ? `, ${count(found.failed)} failed` : "";
    return `${found.name}, slot ${found.lane + 1}: ${count(found.inputs)} inputs in ${duration(found.toMs - found.fromMs)}${failed}${found.copy ? ", a second copy" : ""}`;
  };
  if (segments.length === 0) return <p class="empty">Nothing ran lately.</p>;
  return (
    <figure class="stream">
      <Canvas
        height={rows.size * LANE_PX + AXIS_PX}
        label={label}
        draw={(context, width, height) => paint(context, width, height, segments, layout, colourBy)}
        describe={describe}
      />
      {omitted > 0 && <figcaption class="quiet">and {count(omitted)} more slots</figcaption>}
    </figure>
  );
}
