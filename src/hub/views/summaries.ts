import {
  type DatasetStatus,
  type DatasetSummary,
  DEFAULT_PROJECT,
  type HubStatus,
  type JobDetails,
  type JobSummary,
  PACKAGE_VERSION,
  type PersonSummary,
  type WorkerSummary,
} from "../../protocol/index.ts";
import { jobView, workerView } from "../../scheduler/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Scope } from "../projects/scope.ts";
import { stagesIn } from "../shuffle/index.ts";
import { peopleOf } from "../trust/index.ts";
import type { WorkerSession } from "../workers/worker-session.ts";
import type { HubView } from "./hub-view.ts";

export function summaryOf(hub: HubView, entry: JobEntry): JobSummary {
  const { spec, state, size, sealed, done, failed, submittedAtMs, endedAtMs } = entry;
  const view = jobView(hub.scheduler, spec.job);
  const trust = view?.trust ?? entry.trust;
  return {
    job: spec.job,
    title: spec.title,
    state,
    paused: entry.paused && state === "running",
    priority: entry.priority,
    attached: spec.options.attached,
    size,
    sealed,
    done,
    failed,
    running: view?.running ?? 0,
    retrying: view?.retrying ?? 0,
    waiting: hub.consents.explain(spec.job, view?.waiting ?? ""),
    submittedAtMs,
    endedAtMs,
    ...stagesIn(entry, view),
    ...(trust === undefined ? {} : { trust }),
    ...(spec.options.picture === undefined ? {} : { picture: spec.options.picture }),
  };
}

export function detailsOf(hub: HubView, entry: JobEntry): JobDetails {
  const errors = [...entry.errors].map(([fingerprint, { kind, count }]) => ({ fingerprint, kind, count }));
  errors.sort((a, b) => b.count - a.count);
  const perWorker = Object.fromEntries(entry.perWorker);
  return { ...summaryOf(hub, entry), perWorker, errors, reason: entry.reason };
}

export function workerOf(hub: HubView, session: WorkerSession, scope: Scope): WorkerSummary {
  const { worker, description, connectedAtMs, inputsDone, inputsFailed, memoryUsedBytes, load } = session;
  const view = workerView(hub.scheduler, worker);
  return {
    ...description,
    slots: view?.slots ?? description.slots,
    worker,
    connectedAtMs,
    busySlots: view?.busySlots ?? 0,
    inputsDone,
    inputsFailed,
    memoryUsedBytes,
    load,
    draining: view?.draining ?? false,
    running: (view?.jobs ?? []).flatMap((job) => {
      const entry = hub.jobs.get(job);
      return entry !== undefined && scope.hasJob(entry) ? [entry.spec.title] : [];
    }),
  };
}

/** What an operator should know. */
function warningsOf(hub: HubView, scope: Scope): string[] {
  const warnings: string[] = [];
  for (const { text, sinceMs } of hub.engine.faults()) {
    const seconds = Math.max(0, Math.round((hub.wallMs() - sinceMs) / 1000));
    warnings.push(`${text} (for ${seconds} s)`);
  }
  const unbounded = hub.retention.fault;
  if (unbounded !== undefined) warnings.push(`What is old cannot be cleared away: ${unbounded}`);
  warnings.push(...hub.custody.warnings());
  for (const { worker, description } of hub.workers.values()) {
    const complaints = hub.peers.complaintsOf(worker);
    if (complaints < hub.limits.neighbourAccusersMax) continue;
    warnings.push(`Worker ${description.name} serves wrong data or none: ${complaints} others say so`);
    if (warnings.length >= WARNINGS_MAX) return warnings;
  }
  for (const entry of hub.jobs.submissions()) {
    if (entry.state !== "running" || entry.paused || !scope.hasJob(entry)) continue;
    const waiting = jobView(hub.scheduler, entry.spec.job)?.waiting ?? "";
    if (waiting !== "") warnings.push(`Job ${entry.spec.job} (${entry.spec.title}) waits: ${waiting}`);
    if (warnings.length >= WARNINGS_MAX) break;
  }
  return warnings;
}

const WARNINGS_MAX = 20;

/** A dataset by the name that its members know. */
export const shownTo = (dataset: DatasetSummary, scope: Scope): DatasetSummary => ({
  ...dataset,
  name: scope.shownName(dataset.name) ?? dataset.name,
});

export const whereabouts = (hub: HubView, dataset: DatasetSummary, scope: Scope): DatasetStatus => {
  const { replicas, keepers } = hub.custody;
  const lacks = keepers.lackOf(dataset.cid);
  return {
    ...shownTo(dataset, scope),
    keptBy: replicas.keptBy(dataset.cid),
    ...(lacks === undefined ? {} : { lacks }),
  };
};

export function statusOf(hub: HubView, scope: Scope): HubStatus {
  let slots = 0;
  let busySlots = 0;
  let workers = 0;
  for (const [worker, session] of hub.workers) {
    if (!scope.hasWorker(session)) continue;
    workers++;
    const view = workerView(hub.scheduler, worker);
    slots += view?.slots ?? 0;
    busySlots += view?.busySlots ?? 0;
  }
  return {
    hub: hub.callHost.name,
    version: PACKAGE_VERSION,
    upSinceMs: hub.callHost.upSinceMs,
    workers,
    slots,
    busySlots,
    ...jobCounts(hub, scope),
    inputsDone: hub.throughput.total,
    inputsPerSecond: hub.throughput.perSecond,
    memoryBytes: process.memoryUsage.rss(),
    blobBytesSent: hub.blobBytesSent,
    warnings: warningsOf(hub, scope),
  };
}

function jobCounts({ jobs, books }: HubView, { project }: Scope) {
  if (project === undefined) return { jobsRunning: jobs.running, jobsEnded: jobs.size - jobs.running };
  const usage = books.usageOf(project);
  return { jobsRunning: usage.jobsRunning, jobsEnded: usage.jobs - usage.jobsRunning };
}

/**
 * Of a member those whose workers serve the same project; to the default one those belong as well whose workers are
 * not there now.
 */
export function seenPeople(hub: HubView, scope: Scope): PersonSummary[] {
  const people = peopleOf(hub);
  if (scope.project === undefined) return people;
  const here = new Map<string, boolean>();
  for (const session of hub.workers.values()) {
    const { person } = session.description;
    here.set(person, here.get(person) === true || scope.hasWorker(session));
  }
  return people.filter(({ person }) => here.get(person) ?? scope.project === DEFAULT_PROJECT);
}
