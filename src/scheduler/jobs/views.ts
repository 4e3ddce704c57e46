import type { Range, StageKind, StageProgress } from "../../protocol/index.ts";
import { whyUnserved } from "../matching/demand.ts";
import { isFull, isHeld } from "../matching/fairness.ts";
import type { Job, Scheduler } from "../state/state.ts";
import { idleOf, trustView, whyUndecided } from "../trust/job-trust.ts";
import { standingIn } from "../trust/people.ts";
import type { JobId, JobView, PersonView, WorkerId, WorkerView } from "../types.ts";

/** How far a job is; undefined for one that is not there or has ended. */
export function jobView(state: Scheduler, id: JobId): JobView | undefined {
  const job = state.jobs.get(id);
  if (job === undefined) return undefined;
  const { spec, size, sealed, done, failed, pending, leases } = job;
  const left = size - done.count;
  const { upstream } = job;
  // While a reduce stage is held, it is its map stage that goes on or waits.
  const active = upstream !== undefined && isHeld(job) ? upstream : job;
  const isServed = leases.size > 0 || active.leases.size > 0 || active.done.count === active.size;
  return {
    spec,
    size,
    sealed,
    state: "running",
    done: done.count,
    failed,
    running: left - pending.count - idleOf(job),
    retrying: pending.retryingCount,
    paused: job.paused,
    priority: job.priority,
    waiting: isServed ? "" : whyWaiting(state, active),
    ...trustView(job),
    ...(upstream === undefined ? {} : { stages: [stageView("map", upstream), stageView("reduce", job)] }),
  };
}

function whyWaiting(state: Scheduler, job: Job): string {
  if (job.paused) return "it is paused";
  if (isFull(job)) return projectIsFull(job);
  return whyUnserved(state, job) || whyUndecided(state, job);
}

const projectIsFull = ({ quota }: Job): string =>
  `the project ${quota.project} has ${quota.leases} units under way, and may have ${quota.leasesMax}`;

/** Everybody of whom something was found out. */
export function* people(state: Scheduler): Generator<PersonView, void, undefined> {
  for (const person of state.people.values()) {
    const { id, streak, valid, bad } = person;
    yield { person: id, standing: standingIn(person, state.config), streak, valid, bad };
  }
}

function stageView(kind: StageKind, job: Job): StageProgress {
  const { size, sealed, done, failed, pending, lost } = job;
  const running = size - done.count - pending.count - idleOf(job);
  return { kind, size, sealed, done: done.count, failed, running, lost };
}

/** Ranges of inputs that have answers and no result yet: votes that decide nothing, or one person's word. */
export function* undecided(state: Scheduler, id: JobId): Generator<Range, void, undefined> {
  const trust = state.jobs.get(id)?.trust;
  if (trust === undefined) return;
  yield* trust.open.ranges();
  yield* trust.provisional.ranges();
}

/** Whether an input has its result; also true where there is no such job any more. */
export const isDone = (state: Scheduler, id: JobId, input: number): boolean =>
  state.jobs.get(id)?.done.has(input) ?? true;

export function workerView(state: Scheduler, id: WorkerId): WorkerView | undefined {
  const worker = state.workers.get(id);
  if (worker === undefined) return undefined;
  const { description, slots, draining, leases } = worker;
  const jobs = new Set<JobId>();
  for (const { job } of leases) jobs.add(job.id);
  return {
    worker: id,
    description,
    slots,
    busySlots: Math.min(slots, leases.size),
    draining,
    jobs: [...jobs],
  };
}

/** Jobs that have not ended, in the order of their submission. */
export const jobIds = (state: Scheduler): IterableIterator<JobId> => state.jobs.keys();
