import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { TimelineView } from "../../protocol/index.ts";
import { palette } from "../colours.ts";
import { rate, timeOfDay } from "../format.ts";

const HEIGHT_PX = 152;

type Series = [number[], number[], (number | null)[]];

/** Rates a second; the last step has only begun, so that its rate would be wrong. */
function seriesOf({ startMs, stepMs, done, failed }: TimelineView, goesOn: boolean): Series {
  const steps = goesOn && done.length > 1 ? done.length - 1 : done.length;
  const at = (counts: readonly number[]) => counts.slice(0, steps).map((count) => (count * 1000) / stepMs);
  const times = Array.from({ length: steps }, (_, step) => (startMs + step * stepMs) / 1000);
  // A line of zeros would say that something is to be seen.
  const failures = failed.some((count) => count > 0) ? at(failed) : times.map(() => null);
  return [times, at(done), failures];
}

/** What stands below the axis: nothing where there is no time yet, which would be one of 1970. */
const timesOf = ({ data }: uPlot, ticks: readonly number[]): string[] =>
  ticks.map((tick) => (data[0].length === 0 ? "" : timeOfDay(tick * 1000)));

function optionsOf(width: number): uPlot.Options {
  const { quiet, line, accent, bad } = palette();
  const axis = {
    stroke: quiet,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  return {
    width,
    height: HEIGHT_PX,
    // On the right: half of the last time below the axis.
    padding: [8, 40, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 28, space: 96, values: timesOf },
      { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => rate(tick)) },
    ],
    series: [
      {},
      { stroke: accent, width: 1.5, fill: `${accent}26`, points: { show: false } },
      { stroke: bad, width: 1.5, points: { show: false } },
    ],
  };
}

interface ChartProps {
  readonly timeline: TimelineView;
  readonly label: string;
  /** The last step is not over. */
  readonly goesOn: boolean;
}

/** Results a second over time, failures below them. */
export function Chart({ timeline, label, goesOn }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef<Series>([[], [], []]);
  latest.current = seriesOf(timeline, goesOn);
  useEffect(() => {
    const parent = place.current!;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(Math.max(200, parent.clientWidth)), latest.current, parent);
    };
    let width = 0;
    const sized = new ResizeObserver(() => {
      if (parent.clientWidth === width) return;
      width = parent.clientWidth;
      if (plot.current === undefined) draw();
      else plot.current.setSize({ width: Math.max(200, width), height: HEIGHT_PX });
    });
    sized.observe(parent);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => plot.current?.setData(latest.current), [timeline, goesOn]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}
