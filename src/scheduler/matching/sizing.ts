import type { ClassSet } from "../inputs/pending.ts";
import {
  type Job,
  type Lease,
  type Scheduler,
  type TaskHistory,
  unreportedOf,
  type Worker,
} from "../state/state.ts";

/** Tasks of which a worker's speed is remembered. */
const TASKS_KEPT = 64;
/** How much of an estimate the newest measurement makes. */
const NEWEST_SHARE = 0.3;
/** No input is so quick; keeps sizes finite where the clock is coarse. */
const MS_PER_INPUT_MIN = 1e-6;

const speedOf = (worker: Worker): number => (worker.description.speed > 0 ? worker.description.speed : 1);

const blend = (estimate: number | undefined, measured: number): number =>
  estimate === undefined ? measured : estimate + (measured - estimate) * NEWEST_SHARE;

/** Learns from `count` results of a lease that took `elapsedMs` on their slot. */
export function learn(lease: Lease, count: number, elapsedMs: number): void {
  const { job, worker } = lease;
  const msPerInput = Math.max(elapsedMs / count, MS_PER_INPUT_MIN);
  const history = worker.history.get(job.taskKey);
  remember(worker, job.taskKey, {
    msPerInput: blend(history?.msPerInput, msPerInput),
    unitInputs: Math.max(history?.unitInputs ?? 1, lease.count),
  });
  job.workPerInput = blend(job.workPerInput, msPerInput * speedOf(worker));
}

function remember(worker: Worker, taskKey: string, history: TaskHistory): void {
  worker.history.delete(taskKey);
  worker.history.set(taskKey, history);
  if (worker.history.size <= TASKS_KEPT) return;
  for (const oldest of worker.history.keys()) {
    worker.history.delete(oldest);
    return;
  }
}

/** Expected milliseconds for one input: by what the worker showed, else by what others did and its speed. */
export function expectedMs(job: Job, worker: Worker): number | undefined {
  const known = worker.history.get(job.taskKey)?.msPerInput;
  if (known !== undefined || job.workPerInput === undefined) return known;
  return job.workPerInput / speedOf(worker);
}

/**
 * How many inputs a worker's next unit is to hold: so many that it takes the target time, but not far more
 * than the worker has shown to cope with, and near the end less, so that all workers finish together
 * (guided self-scheduling: Polychronopoulos and Kuck, 1987).
 */
export function unitInputs(state: Scheduler, job: Job, worker: Worker, from: ClassSet): number {
  const msPerInput = expectedMs(job, worker);
  // A suspect travels alone, so that nobody else is suspected with it.
  if (msPerInput === undefined || from.strikes > 0) return 1;
  const { config } = state;
  const { unitMsMax = Number.POSITIVE_INFINITY } = worker.description;
  const wantedMs = Math.max(config.unitTargetMs, (1000 * state.slots) / config.leasesPerSecondTarget);
  const targetMs = Math.min(wantedMs, unitMsMax);
  const grown = (worker.history.get(job.taskKey)?.unitInputs ?? 1) * config.unitGrowthMax;
  const share = Math.ceil(job.pending.readyCount / (2 * Math.max(job.demand.slots, 1)));
  const count = Math.min(
    targetMs / msPerInput,
    config.unitInputsMax,
    grown,
    (config.unitBytesTarget * job.size) / Math.max(job.bytes, 1),
    Math.max(share, config.unitMinMs / msPerInput),
  );
  return Math.max(1, Math.floor(count));
}

/** Whether a worker is to be given another unit now. */
export function wantsMore(state: Scheduler, worker: Worker): boolean {
  const { slots, leases } = worker;
  if (worker.draining || slots === 0 || state.nowMs < worker.pausedUntilMs) return false;
  if (leases.size < slots) return true;
  const { prefetchMs, prefetchUnitsMax } = state.config;
  if (leases.size >= slots * (1 + prefetchUnitsMax)) return false;
  let leftMs = 0;
  for (const lease of leases) {
    const msPerInput = expectedMs(lease.job, worker);
    if (msPerInput === undefined) return false;
    leftMs += unreportedOf(lease) * msPerInput;
    if (leftMs >= prefetchMs * slots) return false;
  }
  return true;
}

/** Whether a lease is not its worker's turn yet: it has as many before it as there are slots. */
export function isQueued(lease: Lease): boolean {
  const { worker } = lease;
  if (worker.leases.size <= worker.slots) return false;
  let rank = 0;
  for (const other of worker.leases) {
    if (other === lease) break;
    rank++;
  }
  return rank >= worker.slots;
}
