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
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Scope } from "../projects/scope.ts";
import { peopleOf } from "../trust/index.ts";
import type { HubView } from "../views/hub-view.ts";
import { detailsOf, seenPeople, statusOf, summaryOf, whereabouts, workerOf } from "../views/summaries.ts";
import type { Band, BandLease } from "./band.ts";
import type { Segments } from "./segments.ts";
import type { Sample } from "./subscription.ts";
import type { Timeline } from "./timeline.ts";

/** What there is to see. */
export interface Sight {
  readonly hub: HubView;
  readonly live: { readonly timeline: Timeline; readonly segments: Segments };
}

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

function inputsOf({ jobs, scheduler }: HubView, scope: Scope): OverviewValues["inputs"] {
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

function overview({ hub, live }: Sight, scope: Scope): Sample {
  const { jobs, workers, limits } = hub;
  const identities = new Map<string, unknown>();
  const work = new Map<string, unknown>();
  const staff = [...workers.values()].filter((session) => scope.hasWorker(session));
  for (const session of lastOf(staff, limits.liveRowsMax)) {
    const [identity, now] = halvesOf(workerOf(hub, session, scope));
    identities.set(session.worker, identity);
    work.set(session.worker, now);
  }
  const seen = [...jobs.submissions()].filter((entry) => scope.hasJob(entry));
  const latest = lastOf(seen, JOBS_LATEST).map((entry) => summaryOf(hub, entry));
  const omitted = {
    workers: staff.length - identities.size,
    jobs: Math.max(0, seen.length - latest.length),
  };
  return {
    values: {
      status: statusOf(hub, scope),
      timeline: live.timeline.view(hub.wallMs()),
      inputs: inputsOf(hub, scope),
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

function jobList(hub: HubView, search: string, scope: Scope): Sample {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const found = [...hub.jobs.submissions()].filter((entry) => scope.hasJob(entry) && matches(entry, words));
  const shown = found.slice(-hub.limits.liveRowsMax).map((entry) => summaryOf(hub, entry));
  return { values: { found: found.length }, tables: { jobs: byJob(shown) } };
}

/** What goes on in a job at this moment: its leases, and the inputs that wait for further votes. */
function* leasesOf({ workers, scheduler }: HubView, job: string): Generator<BandLease> {
  for (const range of undecided(scheduler, job)) yield { ranges: [range], quorum: true };
  for (const session of workers.values()) {
    for (const { descriptor, copy } of session.leases) {
      if (descriptor.job !== job) continue;
      yield { ranges: descriptor.ranges, copy, retry: descriptor.failures + descriptor.strikes > 0 };
    }
  }
}

function bandsOf(hub: HubView, entry: JobEntry): BandView[] {
  const view = (
    band: Band,
    kind: BandView["kind"],
    { spec, size, sealed }: Pick<JobEntry, "spec" | "size" | "sealed">,
  ) => band.view(kind, size, sealed, leasesOf(hub, spec.job));
  const { map, history, stages } = entry;
  if (map !== undefined) return [view(map.history.band, "map", map), view(history.band, "reduce", entry)];
  if (history.mapBand === undefined) return [view(history.band, "inputs", entry)];
  const mapSize = stages?.find(({ kind }) => kind === "map")?.size ?? 0;
  return [
    view(history.mapBand, "map", { spec: entry.spec, size: mapSize, sealed: true }),
    view(history.band, "reduce", entry),
  ];
}

function job({ hub, live }: Sight, id: string, scope: Scope): Sample {
  const entry = hub.jobs.require(id, scope.project);
  const details = detailsOf(hub, entry);
  const nowMs = hub.wallMs();
  const { timeline } = entry.history;
  const untilMs = entry.endedAtMs ?? nowMs;
  const stages = details.stages ?? [details];
  const left = stages.reduce((sum, { size, done }) => sum + size - done, 0);
  const rate = timeline.rate(RATE_OVER_MS, untilMs);
  const knowsEnd = details.state === "running" && stages.every(({ sealed }) => sealed) && rate > 0;
  const values: JobValues = {
    job: details,
    bands: bandsOf(hub, entry),
    timeline: timeline.view(untilMs),
    nowMs,
    ...(knowsEnd ? { leftMs: (1000 * left) / rate } : {}),
  };
  const segments = live.segments.latest((segment) => segment.job === id, SEGMENTS_SHOWN);
  // Of what has ended the clock need not be sent.
  if (details.state !== "running") return { values: { ...values, nowMs: untilMs }, tables: { segments } };
  return { values: { ...values }, tables: { segments } };
}

/** What a job's tasks printed lately, line by line. */
function log({ jobs, logs }: HubView, id: string, scope: Scope): Sample {
  const { job } = jobs.require(id, scope.project).spec;
  return { values: {}, tables: { lines: logs.latest(job, LINES_SHOWN) } };
}

function worker({ hub, live }: Sight, id: string, scope: Scope): Sample {
  const session = hub.workers.get(id);
  if (session === undefined || !scope.hasWorker(session)) {
    throw new MusketeersError("NOT_FOUND", `Worker ${id} is not connected`, {
      hint: "It left, or it comes back as another one. The list of workers has those that are there.",
    });
  }
  const sees = (name: string) => {
    const entry = hub.jobs.get(name);
    return entry === undefined ? scope.project === undefined : scope.hasJob(entry);
  };
  const segments = live.segments.latest(
    (segment) => segment.worker === id && sees(segment.job),
    SEGMENTS_SHOWN,
  );
  const jobs = new Map<string, unknown>();
  for (const entry of lastOf(hub.jobs.submissions(), hub.limits.liveRowsMax)) {
    const inputs = entry.perWorker.get(session.name);
    if (inputs === undefined || !scope.hasJob(entry)) continue;
    jobs.set(entry.spec.job, { job: entry.spec.job, title: entry.spec.title, state: entry.state, inputs });
  }
  const { person: name } = session.description;
  const person = peopleOf(hub).find((known) => known.person === name);
  return {
    values: { worker: workerOf(hub, session, scope), person, nowMs: hub.wallMs() },
    tables: { segments, jobs },
  };
}

function data(hub: HubView, scope: Scope): Sample {
  const { datasets, limits } = hub;
  const all = datasets.list().filter(({ name }) => scope.shownName(name) !== undefined);
  const rows = all.slice(0, limits.liveRowsMax).map((dataset) => whereabouts(hub, dataset, scope));
  return {
    values: { count: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) },
    tables: { datasets: new Map(rows.map((row) => [row.name, row])) },
  };
}

/** Everybody sees who gave what; invites are for admins. */
function people(hub: HubView, role: Role, scope: Scope): Sample {
  const { callHost, credit, limits } = hub;
  const rows = credit.list(scope.project).slice(0, limits.liveRowsMax);
  const given = new Map(rows.map((row) => [`${row.person} ${row.project}`, row]));
  const known = seenPeople(hub, scope).slice(0, limits.liveRowsMax);
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
export function sampleOf(sight: Sight, topic: TopicName, of: string, role: Role, scope: Scope): Sample {
  const { hub } = sight;
  switch (topic) {
    case "overview":
      return overview(sight, scope);
    case "jobs":
      return jobList(hub, of, scope);
    case "job":
      return job(sight, of, scope);
    case "log":
      return log(hub, of, scope);
    case "worker":
      return worker(sight, of, scope);
    case "data":
      return data(hub, scope);
    case "people":
      return people(hub, role, scope);
  }
}
