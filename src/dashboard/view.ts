import { extentOf, type HubStatus, type JobSummary, type WorkerSummary } from "../protocol/index.ts";
import { element } from "./elements.ts";
import { age, bytes, count, rate } from "./format.ts";

/** What the page knows of a hub at one moment. */
export interface Snapshot {
  readonly status: HubStatus;
  readonly workers: readonly WorkerSummary[];
  readonly jobs: readonly JobSummary[];
}

interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Node | string;
  readonly className?: string;
}

const JOBS_SHOWN = 50;

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): HTMLElement {
  const head = columns.map(({ title, className = "" }) => element("th", { scope: "col", className }, title));
  const body = rows.map((row) =>
    element("tr", {}, ...columns.map(({ cell, className = "" }) => element("td", { className }, cell(row)))),
  );
  return element(
    "div",
    { className: "scroll", tabIndex: 0 },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)),
  );
}

const failures = (number: number): Node =>
  element("span", { className: number > 0 ? "failed" : "" }, count(number));

const workerColumns = (nowMs: number): readonly Column<WorkerSummary>[] => [
  { title: "Worker", cell: ({ name }) => name },
  {
    title: "Machine",
    cell: ({ platform, arch, memoryBytes }) => `${platform}/${arch}, ${bytes(memoryBytes)}`,
  },
  { title: "Sandbox", cell: ({ sandbox }) => sandbox },
  {
    title: "Slots",
    cell: ({ busySlots, slots }) => `${count(busySlots)} / ${count(slots)}`,
    className: "number",
  },
  { title: "Done", cell: ({ inputsDone }) => count(inputsDone), className: "number" },
  { title: "Failed", cell: ({ inputsFailed }) => failures(inputsFailed), className: "number" },
  { title: "Here for", cell: ({ connectedAtMs }) => age(nowMs - connectedAtMs), className: "number" },
  { title: "Now", cell: ({ draining, running }) => (draining ? "leaving" : running.join(", ") || "idle") },
];

const stateOf = ({ state, waiting }: JobSummary): string =>
  state === "running" && waiting !== "" ? `waiting: ${waiting}` : state;

/** Without all its inputs a job has no share to show. */
function progressOf(job: JobSummary): Node {
  const { title } = job;
  const { done, size, sealed } = extentOf(job);
  const made = element("progress", { max: Math.max(1, size), ariaLabel: `${title}: ${done} of ${size}` });
  if (sealed) made.value = size === 0 ? 1 : done;
  return made;
}

const jobColumns = (nowMs: number): readonly Column<JobSummary>[] => [
  { title: "Task", cell: ({ title }) => title },
  { title: "Progress", cell: progressOf },
  {
    title: "Done",
    cell: (job) => {
      const { done, size, sealed } = extentOf(job);
      return `${count(done)} / ${count(size)}${sealed ? "" : "+"}`;
    },
    className: "number",
  },
  { title: "Failed", cell: ({ failed }) => failures(failed), className: "number" },
  {
    title: "Took",
    cell: ({ submittedAtMs, endedAtMs }) => age((endedAtMs ?? nowMs) - submittedAtMs),
    className: "number",
  },
  { title: "State", cell: (job) => element("span", { className: `state-${job.state}` }, stateOf(job)) },
  { title: "Job", cell: ({ job }) => job, className: "id" },
];

function figures(status: HubStatus): HTMLElement {
  const entries: readonly (readonly [string, string])[] = [
    ["Workers", count(status.workers)],
    ["Slots busy", `${count(status.busySlots)} / ${count(status.slots)}`],
    ["Jobs running", count(status.jobsRunning)],
    ["Inputs done", count(status.inputsDone)],
    ["Speed", rate(status.inputsPerSecond)],
    ["Hub's memory", bytes(status.memoryBytes)],
  ];
  return element(
    "dl",
    { className: "figures" },
    ...entries.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
}

const empty = (...children: (Node | string)[]): HTMLElement =>
  element("p", { className: "empty" }, ...children);
const code = (text: string): HTMLElement => element("code", {}, text);

/** The page of a hub that answers. */
export function hubView({ status, workers, jobs }: Snapshot, nowMs: number): Node[] {
  const newest = [...jobs].sort((left, right) => right.submittedAtMs - left.submittedAtMs);
  return [
    figures(status),
    ...status.warnings.map((text) => element("p", { className: "warning" }, text)),
    element("h2", {}, "Workers"),
    workers.length > 0
      ? table(workerColumns(nowMs), workers)
      : empty("No worker yet. ", code("musketeers invite --role worker"), " gives the line that adds one."),
    element("h2", {}, "Jobs"),
    jobs.length > 0
      ? table(jobColumns(nowMs), newest.slice(0, JOBS_SHOWN))
      : empty("No job yet. ", code("musketeers run FILE.ts --inputs FILE"), " submits one."),
  ];
}

/** The page without an invite, or with one that does not serve. */
export function inviteView(reason: string): Node[] {
  return [
    empty(reason),
    empty(
      "Whoever runs this hub makes a link with ",
      code("musketeers invite --role viewer"),
      "; open it here. On the hub's own machine ",
      code("musketeers up"),
      " has printed one.",
    ),
  ];
}

/** One line on the state of the hub. */
export const hubLine = (status: HubStatus, nowMs: number): string =>
  `${status.hub}, up ${age(nowMs - status.upSinceMs)}, version ${status.version}`;
