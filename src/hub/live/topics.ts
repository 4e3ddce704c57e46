import {
  type BandView,
  type JobSummary,
  type JobValues,
  MusketeersError,
  type OverviewValues,
  type Role,
  type TopicName,
  type WorkerSummary,
  type WorkerWork,
} from "../../protocol/index.ts";
import { jobView, undecided } from "../../scheduler/index.ts";
import { detailsOf, seenPeople, statusOf, summaryOf, whereabouts, workerOf } from "../calls.ts";
import type { Coordinator } from "../coordinator.ts";
import type { JobEntry } from "../job-entry.ts";
import type { Scope } from "../scope.ts";
import { peopleOf } from "../trust/index.ts";
import type { Band, BandLease } from "./band.ts";
import type { Sample } from "./subscription.ts";

const JOBS_LATEST = 12;
/** Segments that a page shows at once. */
const SEGMENTS_SHOWN = 600;
/** Lines of a log that a page shows at once. */
const LINES_SHOWN = 500;
/** What a job's speed is judged by. */
const RATE_OVER_MS = 15_000;

const workKeys: readonly (keyof WorkerWork)[] = Object.freeze([
  "slots",
  "busySlots",
  "inputsDone",
  "inputsFailed",
  "memoryUsedBytes",
  "load",
  "draining",
  "running",
] as const);

/** What a worker is, and what it does now. */
function halvesOf(summary: WorkerSummary): [identity: object, work: object] {
  const identity: Record<string, unknown> = {};
  const work: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(summary)) {
    if (workKeys.includes(key as keyof WorkerWork)) work[key] = value;
    else identity[key] = value;
  }
  return [identity, work];
}

const lastOf = <T>(items: Iterable<T>, count: number): T[] => [...items].slice(-count);

function inputsOf({ jobs, scheduler }: Coordinator, scope: Scope): OverviewValues["inputs"] {
  let [waiting, running, retrying] = [0, 0, 0];
  for (const { state, spec } of jobs) {
    if (state !== "running" || !scope.hasJob({ spec })) continue;
    const view = jobView(scheduler, spec.job);
    if (view === undefined) continue;
    running += view.running;
    retrying += view.retrying;
    waiting += view.size - view.done - view.running;
  }
  return { waiting, running, retrying };
}

function overview(coordinator: Coordinator, scope: Scope): Sample {
  const { jobs, workers, limits, live, callHost } = coordinator;
  const identities = new Map<string, unknown>();
  const work = new Map<string, unknown>();
  const staff = [...workers.values()].filter((session) => scope.hasWorker(session));
  for (const session of lastOf(staff, limits.liveRowsMax)) {
    const [identity, now] = halvesOf(workerOf(coordinator, session, scope));
    identities.set(session.worker, identity);
    work.set(session.worker, now);
  }
  const seen = [...jobs.submissions()].filter((entry) => scope.hasJob(entry));
  const latest = lastOf(seen, JOBS_LATEST).map((entry) => summaryOf(coordinator, entry));
  const omitted = {
    workers: staff.length - identities.size,
    jobs: Math.max(0, seen.length - latest.length),
  };
  return {
    values: {
      status: statusOf(coordinator, callHost, scope),
      timeline: live.timeline.view(coordinator.wallMs()),
      inputs: inputsOf(coordinator, scope),
      omitted,
    },
    tables: { identities, work, jobs: byJob(latest) },
  };
}

const byJob = (summaries: readonly JobSummary[]): Map<string, JobSummary> =>
  new Map(summaries.map((summary) => [summary.job, summary]));

/** Whether a job has all words of a search; `state:done` is a word on its state. */
function matches(entry: JobEntry, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const texts = [entry.spec.title, entry.spec.job, ...entry.errors.keys()].join("\n").toLowerCase();
  return words.every((word) =>
    word.startsWith("state:")
      ? word === `state:${entry.state}` ||
        (word === "state:failed" && entry.failed > 0) ||
        (word === "state:paused" && entry.paused && entry.state === "running")
      : texts.includes(word),
  );
}

function jobList(coordinator: Coordinator, search: string, scope: Scope): Sample {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const found = [...coordinator.jobs.submissions()].filter(
    (entry) => scope.hasJob(entry) && matches(entry, words),
  );
  const shown = found.slice(-coordinator.limits.liveRowsMax).map((entry) => summaryOf(coordinator, entry));
  return { values: { found: found.length }, tables: { jobs: byJob(shown) } };
}

/** What goes on in a job at this moment: its leases, and the inputs that wait for further votes. */
function* leasesOf({ workers, scheduler }: Coordinator, job: string): Generator<BandLease> {
  for (const range of undecided(scheduler, job)) yield { ranges: [range], quorum: true };
  for (const session of workers.values()) {
    for (const { descriptor, copy } of session.leases) {
      if (descriptor.job !== job) continue;
      yield { ranges: descriptor.ranges, copy, retry: descriptor.failures + descriptor.strikes > 0 };
    }
  }
}

function bandsOf(coordinator: Coordinator, entry: JobEntry): BandView[] {
  const view = (
    band: Band,
    kind: BandView["kind"],
    { spec, size, sealed }: Pick<JobEntry, "spec" | "size" | "sealed">,
  ) => band.view(kind, size, sealed, leasesOf(coordinator, spec.job));
  const { map, history, stages } = entry;
  if (map !== undefined) return [view(map.history.band, "map", map), view(history.band, "reduce", entry)];
  if (history.mapBand === undefined) return [view(history.band, "inputs", entry)];
  const mapSize = stages?.find(({ kind }) => kind === "map")?.size ?? 0;
  return [
    view(history.mapBand, "map", { spec: entry.spec, size: mapSize, sealed: true }),
    view(history.band, "reduce", entry),
  ];
}

function job(coordinator: Coordinator, id: string, scope: Scope): Sample {
  const entry = coordinator.jobs.require(id, scope.project);
  const details = detailsOf(coordinator, entry);
  const nowMs = coordinator.wallMs();
  const { timeline } = entry.history;
  const untilMs = entry.endedAtMs ?? nowMs;
  const stages = details.stages ?? [details];
  const left = stages.reduce((sum, { size, done }) => sum + size - done, 0);
  const rate = timeline.rate(RATE_OVER_MS, untilMs);
  const knowsEnd = details.state === "running" && stages.every(({ sealed }) => sealed) && rate > 0;
  const values: JobValues = {
    job: details,
    bands: bandsOf(coordinator, entry),
    timeline: timeline.view(untilMs),
    nowMs,
    ...(knowsEnd ? { leftMs: (1000 * left) / rate } : {}),
  };
  const segments = coordinator.live.segments.latest((segment) => segment.job === id, SEGMENTS_SHOWN);
  // Of what has ended the clock need not be sent.
  if (details.state !== "running") return { values: { ...values, nowMs: untilMs }, tables: { segments } };
  return { values: { ...values }, tables: { segments } };
}

/** What a job's tasks printed lately, line by line. */
function log({ jobs, logs }: Coordinator, id: string, scope: Scope): Sample {
  const { job } = jobs.require(id, scope.project).spec;
  return { values: {}, tables: { lines: logs.latest(job, LINES_SHOWN) } };
}

function worker(coordinator: Coordinator, id: string, scope: Scope): Sample {
  const session = coordinator.workers.get(id);
  if (session === undefined || !scope.hasWorker(session)) {
    throw new MusketeersError("NOT_FOUND", `Worker ${id} is not connected`, {
      hint: "It left, or it comes back as another one. The list of workers has those that are there.",
    });
  }
  const sees = (name: string) => {
    const entry = coordinator.jobs.get(name);
    return entry === undefined ? scope.project === undefined : scope.hasJob(entry);
  };
  const segments = coordinator.live.segments.latest(
    (segment) => segment.worker === id && sees(segment.job),
    SEGMENTS_SHOWN,
  );
  const jobs = new Map<string, unknown>();
  for (const entry of lastOf(coordinator.jobs.submissions(), coordinator.limits.liveRowsMax)) {
    const inputs = entry.perWorker.get(session.name);
    if (inputs === undefined || !scope.hasJob(entry)) continue;
    jobs.set(entry.spec.job, { job: entry.spec.job, title: entry.spec.title, state: entry.state, inputs });
  }
  const { person: name } = session.description;
  const person = peopleOf(coordinator).find((known) => known.person === name);
  return {
    values: { worker: workerOf(coordinator, session, scope), person, nowMs: coordinator.wallMs() },
    tables: { segments, jobs },
  };
}

function data(coordinator: Coordinator, scope: Scope): Sample {
  const { datasets, limits } = coordinator;
  const all = datasets.list().filter(({ name }) => scope.shownName(name) !== undefined);
  const rows = all.slice(0, limits.liveRowsMax).map((dataset) => whereabouts(coordinator, dataset, scope));
  return {
    values: { count: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) },
    tables: { datasets: new Map(rows.map((row) => [row.name, row])) },
  };
}

/** Everybody sees who gave what; invites are for admins. */
function people(coordinator: Coordinator, role: Role, scope: Scope): Sample {
  const { callHost, credit, limits } = coordinator;
  const rows = credit.list(scope.project).slice(0, limits.liveRowsMax);
  const given = new Map(rows.map((row) => [`${row.person} ${row.project}`, row]));
  const known = seenPeople(coordinator, scope).slice(0, limits.liveRowsMax);
  const people = new Map(known.map((row) => [row.person, row]));
  if (role !== "admin") return { values: {}, tables: { credit: given, people } };
  const invites = callHost.invites().slice(0, limits.liveRowsMax);
  return {
    values: {},
    tables: { credit: given, people, invites: new Map(invites.map((row) => [row.id, row])) },
  };
}

/**
 * What there is to see of a topic.
 * @throws MusketeersError `NOT_FOUND`
 */
export function sampleOf(
  coordinator: Coordinator,
  topic: TopicName,
  of: string,
  role: Role,
  scope: Scope,
): Sample {
  switch (topic) {
    case "overview":
      return overview(coordinator, scope);
    case "jobs":
      return jobList(coordinator, of, scope);
    case "job":
      return job(coordinator, of, scope);
    case "log":
      return log(coordinator, of, scope);
    case "worker":
      return worker(coordinator, of, scope);
    case "data":
      return data(coordinator, scope);
    case "people":
      return people(coordinator, role, scope);
  }
}
