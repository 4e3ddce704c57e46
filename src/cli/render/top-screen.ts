import stringWidth from "string-width";
import { extentOf, type HubStatus, type JobSummary, type WorkerSummary } from "../../protocol/index.ts";
import { bytes, clip, count, duration, percent, plural, printable, rate } from "./format.ts";
import { doneText, stateText } from "./job-text.ts";
import type { Style } from "./style.ts";
import { bar, type Column, renderTable } from "./table.ts";

export interface Snapshot {
  readonly status: HubStatus;
  readonly workers: readonly WorkerSummary[];
  readonly jobs: readonly JobSummary[];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const SPARKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const BAR_WIDTH = 16;

/** The last values as one line of bars, the newest at its right end; the highest reaches the top. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const highest = Math.max(...shown, Number.MIN_VALUE);
  return shown.map((value) => SPARKS[Math.round((value / highest) * (SPARKS.length - 1))]).join("");
}

/** A bar of a share of a whole, padded to its full width. */
const gauge = (part: number, whole: number, width: number): string =>
  bar(whole === 0 ? 0 : part / whole, width).padEnd(width, "·");

const workerColumns = (all: number): readonly Column<WorkerSummary>[] => [
  { title: "WORKER", value: ({ name }) => clip(printable(name), 24) },
  { title: "MACHINE", value: ({ platform, arch }) => clip(printable(`${platform}/${arch}`), 16) },
  {
    title: "SLOTS",
    value: ({ busySlots, slots }) => `${gauge(busySlots, slots, 8)} ${count(busySlots)}/${count(slots)}`,
  },
  { title: "DONE", value: ({ inputsDone }) => count(inputsDone), align: "right" },
  { title: "SHARE", value: ({ inputsDone }) => percent(inputsDone, all), align: "right" },
  {
    title: "NOW",
    value: ({ draining, running }) =>
      draining ? "leaving" : clip(printable(running.join(", ")), 40) || "idle",
  },
];

const jobColumns = (nowMs: number): readonly Column<JobSummary>[] => [
  { title: "JOB", value: ({ job }) => printable(job) },
  { title: "TASK", value: ({ title }) => clip(printable(title), 24) },
  {
    title: "",
    value: (job) => {
      const { done, size } = extentOf(job);
      return `${gauge(done, size, BAR_WIDTH)} ${percent(done, size).padStart(5)}`;
    },
  },
  { title: "DONE", value: doneText, align: "right" },
  { title: "FAILED", value: ({ failed }) => count(failed), align: "right" },
  { title: "LEFT", value: (job) => left(job, nowMs), align: "right" },
  { title: "STATE", value: stateText },
];

/** How long a job still takes if it goes on as it did so far. */
function left(job: JobSummary, nowMs: number): string {
  const { state, submittedAtMs } = job;
  const { done, size, sealed } = extentOf(job);
  if (state !== "running" || !sealed || done === 0) return "";
  return duration(((nowMs - submittedAtMs) / done) * (size - done));
}

/** A table cut to so many lines, saying how many rows are not shown. */
function fitted<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  lines: number,
  style: Style,
): string[] {
  const room = Math.max(1, lines - 1);
  const shown = rows.length <= room ? rows : rows.slice(0, Math.max(0, room - 1));
  const table = renderTable(columns, shown, style.bold).trimEnd().split("\n");
  if (shown.length < rows.length) table.push(style.dim(`… and ${count(rows.length - shown.length)} more`));
  return table;
}

/** The running first, then the newest. */
const byState = (a: JobSummary, b: JobSummary): number =>
  Number(b.state === "running") - Number(a.state === "running") || b.submittedAtMs - a.submittedAtMs;

const byWork = (a: WorkerSummary, b: WorkerSummary): number =>
  b.inputsDone - a.inputsDone || (a.name < b.name ? -1 : 1);

/**
 * The overview of a hub, as lines that fit into a terminal.
 * @param history results a second at the last looks, the newest last
 */
export function renderTop(
  { status, workers, jobs }: Snapshot,
  history: readonly number[],
  { columns, rows }: Size,
  nowMs: number,
  style: Style,
): string[] {
  const { hub, upSinceMs, slots, busySlots, inputsDone, inputsPerSecond, memoryBytes } = status;
  const head = [
    style.bold(printable(hub)),
    `up ${duration(nowMs - upSinceMs)}`,
    plural(workers.length, "worker"),
    `${count(busySlots)} of ${plural(slots, "slot")} busy`,
    `${count(inputsDone)} done`,
    style.accent(rate(inputsPerSecond)),
    bytes(memoryBytes),
  ].join("  ");
  const top = [head, style.accent(sparkline(history, columns)), ""];
  for (const warning of status.warnings.slice(0, 3)) {
    top.push(`${style.bad("warning")}  ${printable(warning)}`);
  }
  const roomForTables = rows - top.length - 1;
  const all = workers.reduce((sum, worker) => sum + worker.inputsDone, 0);
  const forWorkers = Math.min(workers.length + 1, Math.max(3, Math.ceil(roomForTables / 2)));
  const workerLines =
    workers.length === 0
      ? [style.dim("No worker is connected: `musketeers invite --role worker` gives the line that adds one.")]
      : fitted(workerColumns(all), workers.toSorted(byWork), forWorkers, style);
  const jobLines =
    jobs.length === 0
      ? [style.dim("No job yet.")]
      : fitted(jobColumns(nowMs), jobs.toSorted(byState), roomForTables - workerLines.length - 1, style);
  return [...top, ...workerLines, "", ...jobLines].slice(0, rows).map((line) => cutTo(line, columns));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are told apart from what they colour.
const colours = /(\u001b\[[0-9;]*m)/;

/** The start of a line that fits into so many columns; colours take none. */
function cutTo(line: string, columns: number): string {
  if (stringWidth(line) <= columns) return line;
  let width = 0;
  let cut = "";
  for (const part of line.split(colours)) {
    if (colours.test(part)) {
      cut += part;
      continue;
    }
    for (const { segment } of new Intl.Segmenter().segment(part)) {
      width += stringWidth(segment);
      if (width <= columns) cut += segment;
    }
  }
  return cut;
}
