import { encodedLength } from "cborg/length";
import { z } from "zod";
import { isCid } from "../data/index.ts";
import {
  type CallMethod,
  type Calls,
  callRoles,
  type DatasetStatus,
  type DatasetSummary,
  DEFAULT_PROJECT,
  type HubStatus,
  type InviteParams,
  type InviteSummary,
  type JobDetails,
  type JobSummary,
  MusketeersError,
  PACKAGE_VERSION,
  type PersonSummary,
  PRIORITY_MAX,
  roles,
  type WorkerSummary,
} from "../protocol/index.ts";
import { jobView, workerView } from "../scheduler/index.ts";
import type { Grant } from "../security/index.ts";
import type { Coordinator } from "./coordinator.ts";
import { failureSample } from "./failure-sample.ts";
import type { JobEntry } from "./job-entry.ts";
import { type ProjectCallHost, projectAnswers, projectSchemas } from "./project-calls.ts";
import type { Scope } from "./scope.ts";
import { stagesIn } from "./shuffle/index.ts";
import { forgiven, peopleOf } from "./trust/index.ts";
import type { WorkerSession } from "./worker-session.ts";

/** What calls need besides the coordinator. */
export interface CallHost extends ProjectCallHost {
  readonly name: string;
  readonly upSinceMs: number;
  /** Resolves when it is known to be there, so that it can be revoked. */
  invite(options: InviteParams): Promise<Calls["invite"]["value"]>;
  invites(): InviteSummary[];
  /** @param own id of the caller's invite */
  revoke(idOrLabel: string, own: string): Promise<InviteSummary[]>;
}

/** Whose call it is, by its invite. */
export type Caller = Pick<Grant, "id" | "role" | "label">;

const DAY_MS = 24 * 60 * 60 * 1000;

const REPLICAS_MAX = 100;

const name = z.string().max(200);
const id = z.string().min(1).max(64);
const schemas = {
  ...projectSchemas,
  status: z.object({}),
  workers: z.object({}),
  jobs: z.object({ limit: z.int().min(1).optional() }),
  job: z.object({ job: id }),
  people: z.object({}),
  forgive: z.object({ person: name }),
  logs: z.object({ job: id }),
  failure: z.object({ job: id, fingerprint: z.string().max(2048) }),
  cancel: z.object({ job: id }),
  adjust: z.object({
    job: id,
    paused: z.boolean().optional(),
    priority: z.int().min(-PRIORITY_MAX).max(PRIORITY_MAX).optional(),
  }),
  drain: z.object({ worker: id }),
  invite: z.object({
    role: z.enum(roles),
    expiresInMs: z
      .number()
      .min(1)
      .max(3650 * DAY_MS),
    label: z.string().max(200).optional(),
    project: name.optional(),
    uses: z.int().min(1).optional(),
    people: z.int().min(1).optional(),
    person: name.optional(),
    trusted: z.boolean().optional(),
  }),
  invites: z.object({}),
  revoke: z.object({ invite: z.string().min(1).max(200) }),
  credit: z.object({ project: z.string().max(256).optional() }),
  datasets: z.object({}),
  dataset: z.object({ name }),
  putDataset: z.object({
    name,
    cid: z.string().refine(isCid, "no CID"),
    replicas: z.int().min(0).max(REPLICAS_MAX).optional(),
    replace: z.boolean().optional(),
  }),
  removeDataset: z.object({ name }),
  hasBlobs: z.object({ cids: z.array(z.string().max(128)).max(1000) }),
} satisfies { [M in CallMethod]: z.ZodType<Calls[M]["params"]> };

type Answers = {
  [M in CallMethod]: (params: Calls[M]["params"]) => Calls[M]["value"] | Promise<Calls[M]["value"]>;
};

export function summaryOf(coordinator: Coordinator, entry: JobEntry): JobSummary {
  const { spec, state, size, sealed, done, failed, submittedAtMs, endedAtMs } = entry;
  const view = jobView(coordinator.scheduler, spec.job);
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
    waiting: coordinator.consents.explain(spec.job, view?.waiting ?? ""),
    submittedAtMs,
    endedAtMs,
    ...stagesIn(entry, view),
    ...(trust === undefined ? {} : { trust }),
    ...(spec.options.picture === undefined ? {} : { picture: spec.options.picture }),
  };
}

export function detailsOf(coordinator: Coordinator, entry: JobEntry): JobDetails {
  const errors = [...entry.errors].map(([fingerprint, { kind, count }]) => ({ fingerprint, kind, count }));
  errors.sort((a, b) => b.count - a.count);
  const perWorker = Object.fromEntries(entry.perWorker);
  return { ...summaryOf(coordinator, entry), perWorker, errors, reason: entry.reason };
}

export function workerOf(coordinator: Coordinator, session: WorkerSession, scope: Scope): WorkerSummary {
  const { worker, description, connectedAtMs, inputsDone, inputsFailed, memoryUsedBytes, load } = session;
  const view = workerView(coordinator.scheduler, worker);
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
      const entry = coordinator.jobs.get(job);
      return entry !== undefined && scope.hasJob(entry) ? [entry.spec.title] : [];
    }),
  };
}

/** What an operator should know. */
function warningsOf(coordinator: Coordinator, scope: Scope): string[] {
  const warnings: string[] = [];
  for (const { text, sinceMs } of coordinator.engine.faults()) {
    const seconds = Math.max(0, Math.round((coordinator.wallMs() - sinceMs) / 1000));
    warnings.push(`${text} (for ${seconds} s)`);
  }
  const unbounded = coordinator.retention.fault;
  if (unbounded !== undefined) warnings.push(`What is old cannot be cleared away: ${unbounded}`);
  warnings.push(...coordinator.custody.warnings());
  for (const { worker, description } of coordinator.workers.values()) {
    const complaints = coordinator.peers.complaintsOf(worker);
    if (complaints < coordinator.limits.neighbourAccusersMax) continue;
    warnings.push(`Worker ${description.name} serves wrong data or none: ${complaints} others say so`);
    if (warnings.length >= WARNINGS_MAX) return warnings;
  }
  for (const entry of coordinator.jobs.submissions()) {
    if (entry.state !== "running" || entry.paused || !scope.hasJob(entry)) continue;
    const waiting = jobView(coordinator.scheduler, entry.spec.job)?.waiting ?? "";
    if (waiting !== "") warnings.push(`Job ${entry.spec.job} (${entry.spec.title}) waits: ${waiting}`);
    if (warnings.length >= WARNINGS_MAX) break;
  }
  return warnings;
}

const WARNINGS_MAX = 20;

/** A dataset by the name that its members know. */
const shown = (dataset: DatasetSummary, scope: Scope): DatasetSummary => ({
  ...dataset,
  name: scope.shownName(dataset.name) ?? dataset.name,
});

export const whereabouts = (
  coordinator: Coordinator,
  dataset: DatasetSummary,
  scope: Scope,
): DatasetStatus => ({
  ...shown(dataset, scope),
  keptBy: coordinator.custody.replicas.keptBy(dataset.cid),
});

export function statusOf(coordinator: Coordinator, host: CallHost, scope: Scope): HubStatus {
  let slots = 0;
  let busySlots = 0;
  let workers = 0;
  for (const [worker, session] of coordinator.workers) {
    if (!scope.hasWorker(session)) continue;
    workers++;
    const view = workerView(coordinator.scheduler, worker);
    slots += view?.slots ?? 0;
    busySlots += view?.busySlots ?? 0;
  }
  return {
    hub: host.name,
    version: PACKAGE_VERSION,
    upSinceMs: host.upSinceMs,
    workers,
    slots,
    busySlots,
    ...jobCounts(coordinator, scope),
    inputsDone: coordinator.throughput.total,
    inputsPerSecond: coordinator.throughput.perSecond,
    memoryBytes: process.memoryUsage.rss(),
    blobBytesSent: coordinator.blobBytesSent,
    warnings: warningsOf(coordinator, scope),
  };
}

function jobCounts({ jobs, books }: Coordinator, { project }: Scope) {
  if (project === undefined) return { jobsRunning: jobs.running, jobsEnded: jobs.size - jobs.running };
  const usage = books.usageOf(project);
  return { jobsRunning: usage.jobsRunning, jobsEnded: usage.jobs - usage.jobsRunning };
}

/** The newest first. */
function latestJobs(coordinator: Coordinator, limit: number, scope: Scope): JobSummary[] {
  const seen = [...coordinator.jobs.submissions()].filter((entry) => scope.hasJob(entry));
  const entries = seen.slice(-limit).reverse();
  return entries.map((entry) => summaryOf(coordinator, entry));
}

/** The newest first. */
function latestWorkers(coordinator: Coordinator, limit: number, scope: Scope): WorkerSummary[] {
  const seen = [...coordinator.workers.values()].filter((session) => scope.hasWorker(session));
  const sessions = seen.slice(-limit).reverse();
  return sessions.map((session) => workerOf(coordinator, session, scope));
}

function drain(coordinator: Coordinator, worker: string, scope: Scope): WorkerSummary {
  const session =
    coordinator.workers.get(worker) ??
    [...coordinator.workers.values()].find(({ description }) => description.name === worker);
  if (session === undefined) throw new MusketeersError("NOT_FOUND", `There is no worker ${worker}`);
  coordinator.drainWorker(session);
  return workerOf(coordinator, session, scope);
}

/**
 * Of a member those whose workers serve the same project; to the default one those belong as well whose workers are
 * not there now.
 */
export function seenPeople(coordinator: Coordinator, scope: Scope): PersonSummary[] {
  const people = peopleOf(coordinator);
  if (scope.project === undefined) return people;
  const here = new Map<string, boolean>();
  for (const session of coordinator.workers.values()) {
    const { person } = session.description;
    here.set(person, here.get(person) === true || scope.hasWorker(session));
  }
  return people.filter(({ person }) => here.get(person) ?? scope.project === DEFAULT_PROJECT);
}

/** What an answer holds besides its rows, roughly. */
const REPLY_BYTES = 1024;

/** The first rows that fit into the header of one frame, which an answer is. */
function fitting<T extends object>(rows: readonly T[], bytesMax: number): T[] {
  let bytes = REPLY_BYTES;
  const over = rows.findIndex((row) => {
    bytes += encodedLength(row);
    return bytes > bytesMax;
  });
  return over < 0 ? [...rows] : rows.slice(0, over);
}

function answersOf(coordinator: Coordinator, host: CallHost, caller: Caller, scope: Scope): Answers {
  const { listRowsMax: rowsMax, headerBytesMax } = coordinator.limits;
  const jobOf = (job: string) => coordinator.jobs.require(job, scope.project);
  const { books, datasets, limits } = coordinator;
  const cancel = (job: string) => void coordinator.control.cancel(job, "its project was removed");
  return {
    ...projectAnswers({ books, datasets, limits, cancel }, host, caller, scope),
    status: () => statusOf(coordinator, host, scope),
    workers: () => fitting(latestWorkers(coordinator, rowsMax, scope), headerBytesMax).reverse(),
    jobs: ({ limit }) =>
      fitting(latestJobs(coordinator, Math.min(limit ?? rowsMax, rowsMax), scope), headerBytesMax),
    job: ({ job }) => detailsOf(coordinator, jobOf(job)),
    forgive: ({ person }) => forgiven(coordinator, person),
    people: () => fitting(seenPeople(coordinator, scope).slice(0, rowsMax), headerBytesMax),
    logs: ({ job }) => {
      const lines = coordinator.logs.of(jobOf(job).spec.job);
      return fitting(lines.slice(-rowsMax).reverse(), headerBytesMax).reverse();
    },
    failure: (params) => failureSample(coordinator, jobOf(params.job), params.fingerprint),
    cancel: async ({ job }) => {
      const entry = coordinator.control.cancel(jobOf(job).spec.job, "cancelled by request");
      // It has ended when the journal says so.
      await coordinator.ledger.settled();
      return summaryOf(coordinator, entry);
    },
    adjust: async ({ job, ...change }) => {
      const entry = coordinator.control.adjust(jobOf(job).spec.job, change);
      await coordinator.ledger.settled();
      return summaryOf(coordinator, entry);
    },
    drain: ({ worker }) => drain(coordinator, worker, scope),
    credit: ({ project }) => fitting(creditOf(coordinator, scope, project).slice(0, rowsMax), headerBytesMax),
    invite: (options) => host.invite(options),
    invites: () => fitting(host.invites().slice(0, rowsMax), headerBytesMax),
    revoke: ({ invite }) => host.revoke(invite, caller.id),
    datasets: () =>
      fitting(
        datasets
          .list()
          .filter(({ name }) => scope.shownName(name) !== undefined)
          .slice(0, rowsMax)
          .map((dataset) => whereabouts(coordinator, dataset, scope)),
        headerBytesMax,
      ),
    dataset: (params) => whereabouts(coordinator, datasets.require(scope.storedName(params.name)), scope),
    putDataset: async ({ name: wanted, cid, replicas = 0, replace = false }) => {
      const stored = scope.storedName(wanted);
      return shown(await datasets.put({ name: stored, cid, replicas, replace, owner: caller.label }), scope);
    },
    removeDataset: async (params) => shown(await datasets.remove(scope.storedName(params.name)), scope),
    hasBlobs: ({ cids }) =>
      Promise.all(cids.map(async (cid) => (await coordinator.engine.blobs.touch(cid)) !== undefined)),
  };
}

/** The leader board as far as the caller may see it: of its own project, or of any. */
const creditOf = ({ credit }: Coordinator, scope: Scope, project: string | undefined) =>
  scope.project !== undefined && project !== undefined && project !== scope.project
    ? []
    : credit.list(scope.project ?? project);

const isMethod = (method: string): method is CallMethod => Object.hasOwn(schemas, method);

/**
 * Answers one call.
 * @throws MusketeersError `NOT_FOUND` for an unknown method, `FORBIDDEN` for a role, `BAD_ARGUMENT`.
 */
export async function answerCall(
  coordinator: Coordinator,
  host: CallHost,
  caller: Caller,
  scope: Scope,
  method: string,
  params: unknown,
): Promise<unknown> {
  if (!isMethod(method)) throw new MusketeersError("NOT_FOUND", `There is no call ${method}`);
  if (!callRoles[method].includes(caller.role)) {
    throw new MusketeersError("FORBIDDEN", `A ${caller.role} may not call ${method}`);
  }
  const parsed = schemas[method].safeParse(params);
  if (!parsed.success) {
    throw new MusketeersError("BAD_ARGUMENT", `${method}: ${z.prettifyError(parsed.error)}`);
  }
  const answer = answersOf(coordinator, host, caller, scope)[method] as (params: unknown) => unknown;
  return answer(parsed.data);
}
