import { encodedLength } from "cborg/length";
import { z } from "zod";
import { isCid } from "../../data/index.ts";
import {
  type CallMethod,
  type Calls,
  callRoles,
  type JobSummary,
  MusketeersError,
  PRIORITY_MAX,
  roles,
  type WorkerSummary,
} from "../../protocol/index.ts";
import type { Grant } from "../../security/index.ts";
import type { Coordinator } from "../coordinator.ts";
import type { Scope } from "../projects/scope.ts";
import { forgiven } from "../trust/index.ts";
import type { CallHost } from "../views/call-host.ts";
import {
  detailsOf,
  seenPeople,
  shownTo,
  statusOf,
  summaryOf,
  whereabouts,
  workerOf,
} from "../views/summaries.ts";
import { failureSample } from "./failure-sample.ts";
import { projectAnswers, projectSchemas } from "./project-calls.ts";

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
  coordinator.roster.drain(session);
  return workerOf(coordinator, session, scope);
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
    status: () => statusOf(coordinator, scope),
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
      return shownTo(
        await datasets.put({ name: stored, cid, replicas, replace, owner: caller.label }),
        scope,
      );
    },
    removeDataset: async (params) => shownTo(await datasets.remove(scope.storedName(params.name)), scope),
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
