import { encodedLength } from "cborg/length";
import { z } from "zod";
import { isCid } from "../data/index.ts";
import {
  type CallMethod,
  type Calls,
  callRoles,
  type DatasetStatus,
  type DatasetSummary,
  type HubStatus,
  type InviteParams,
  type InviteSummary,
  type JobDetails,
  type JobSummary,
  MusketeersError,
  PACKAGE_VERSION,
  roles,
  type WorkerSummary,
} from "../protocol/index.ts";
import { jobView, workerView } from "../scheduler/index.ts";
import type { Grant } from "../security/index.ts";
import type { Coordinator } from "./coordinator.ts";
import type { JobEntry } from "./job-entry.ts";
import { stagesIn } from "./shuffle/index.ts";
import { peopleOf } from "./trust/index.ts";
import type { WorkerSession } from "./worker-session.ts";

/** What calls need besides the coordinator. */
export interface CallHost {
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
  status: z.object({}),
  workers: z.object({}),
  jobs: z.object({ limit: z.int().min(1).optional() }),
  job: z.object({ job: id }),
  people: z.object({}),
  logs: z.object({ job: id }),
  cancel: z.object({ job: id }),
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
    priority: spec.options.priority,
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
  };
}

export function detailsOf(coordinator: Coordinator, entry: JobEntry): JobDetails {
  const errors = [...entry.errors].map(([fingerprint, { kind, count }]) => ({ fingerprint, kind, count }));
  errors.sort((a, b) => b.count - a.count);
  const perWorker = Object.fromEntries(entry.perWorker);
  return { ...summaryOf(coordinator, entry), perWorker, errors, reason: entry.reason };
}

export function workerOf(coordinator: Coordinator, session: WorkerSession): WorkerSummary {
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
    running: (view?.jobs ?? []).map((job) => coordinator.jobs.get(job)?.spec.title ?? job),
  };
}

/** What an operator should know. */
function warningsOf(coordinator: Coordinator): string[] {
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
    if (entry.state !== "running") continue;
    const waiting = jobView(coordinator.scheduler, entry.spec.job)?.waiting ?? "";
    if (waiting !== "") warnings.push(`Job ${entry.spec.job} (${entry.spec.title}) waits: ${waiting}`);
    if (warnings.length >= WARNINGS_MAX) break;
  }
  return warnings;
}

const WARNINGS_MAX = 20;

export const whereabouts = (coordinator: Coordinator, dataset: DatasetSummary): DatasetStatus => ({
  ...dataset,
  keptBy: coordinator.custody.replicas.keptBy(dataset.cid),
});

export function statusOf(coordinator: Coordinator, host: CallHost): HubStatus {
  let slots = 0;
  let busySlots = 0;
  for (const worker of coordinator.workers.keys()) {
    const view = workerView(coordinator.scheduler, worker);
    slots += view?.slots ?? 0;
    busySlots += view?.busySlots ?? 0;
  }
  return {
    hub: host.name,
    version: PACKAGE_VERSION,
    upSinceMs: host.upSinceMs,
    workers: coordinator.workers.size,
    slots,
    busySlots,
    jobsRunning: coordinator.jobs.running,
    jobsEnded: coordinator.jobs.size - coordinator.jobs.running,
    inputsDone: coordinator.throughput.total,
    inputsPerSecond: coordinator.throughput.perSecond,
    memoryBytes: process.memoryUsage.rss(),
    blobBytesSent: coordinator.blobBytesSent,
    warnings: warningsOf(coordinator),
  };
}

/** The newest first. */
function latestJobs(coordinator: Coordinator, limit: number): JobSummary[] {
  const entries = [...coordinator.jobs.submissions()].slice(-limit).reverse();
  return entries.map((entry) => summaryOf(coordinator, entry));
}

/** The newest first. */
function latestWorkers(coordinator: Coordinator, limit: number): WorkerSummary[] {
  const sessions = [...coordinator.workers.values()].slice(-limit).reverse();
  return sessions.map((session) => workerOf(coordinator, session));
}

function drain(coordinator: Coordinator, worker: string): WorkerSummary {
  const session =
    coordinator.workers.get(worker) ??
    [...coordinator.workers.values()].find(({ description }) => description.name === worker);
  if (session === undefined) throw new MusketeersError("NOT_FOUND", `There is no worker ${worker}`);
  coordinator.drainWorker(session);
  return workerOf(coordinator, session);
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

function answersOf(coordinator: Coordinator, host: CallHost, caller: Caller): Answers {
  const { listRowsMax: rowsMax, headerBytesMax } = coordinator.limits;
  return {
    status: () => statusOf(coordinator, host),
    workers: () => fitting(latestWorkers(coordinator, rowsMax), headerBytesMax).reverse(),
    jobs: ({ limit }) =>
      fitting(latestJobs(coordinator, Math.min(limit ?? rowsMax, rowsMax)), headerBytesMax),
    job: ({ job }) => detailsOf(coordinator, coordinator.jobs.require(job)),
    people: () => fitting(peopleOf(coordinator).slice(0, rowsMax), headerBytesMax),
    logs: ({ job }) => {
      const lines = coordinator.logs.of(coordinator.jobs.require(job).spec.job);
      return fitting(lines.slice(-rowsMax).reverse(), headerBytesMax).reverse();
    },
    cancel: async ({ job }) => {
      const entry = coordinator.cancel(job, "cancelled by request");
      // It has ended when the journal says so.
      await coordinator.ledger.settled();
      return summaryOf(coordinator, entry);
    },
    drain: ({ worker }) => drain(coordinator, worker),
    credit: ({ project }) => fitting(coordinator.credit.list(project).slice(0, rowsMax), headerBytesMax),
    invite: (options) => host.invite(options),
    invites: () => fitting(host.invites().slice(0, rowsMax), headerBytesMax),
    revoke: ({ invite }) => host.revoke(invite, caller.id),
    datasets: () =>
      fitting(
        coordinator.datasets
          .list()
          .slice(0, rowsMax)
          .map((dataset) => whereabouts(coordinator, dataset)),
        headerBytesMax,
      ),
    dataset: (params) => whereabouts(coordinator, coordinator.datasets.require(params.name)),
    putDataset: ({ replicas = 0, replace = false, ...rest }) =>
      coordinator.datasets.put({ ...rest, replicas, replace, owner: caller.label }),
    removeDataset: (params) => coordinator.datasets.remove(params.name),
    hasBlobs: ({ cids }) =>
      Promise.all(cids.map(async (cid) => (await coordinator.engine.blobs.touch(cid)) !== undefined)),
  };
}

const isMethod = (method: string): method is CallMethod => Object.hasOwn(schemas, method);

/**
 * Answers one call.
 * @throws MusketeersError `NOT_FOUND` for an unknown method, `FORBIDDEN` for a role, `BAD_ARGUMENT`.
 */
export async function answerCall(
  coordinator: Coordinator,
  host: CallHost,
  caller: Caller,
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
  const answer = answersOf(coordinator, host, caller)[method] as (params: unknown) => unknown;
  return answer(parsed.data);
}
