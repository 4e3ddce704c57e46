import type { Limits } from "../../protocol/index.ts";
import { type Scheduler, validate } from "../../scheduler/index.ts";
import {
  validate as validateWorker,
  type WorkerInstruction,
  type WorkerState,
} from "../../worker/core/index.ts";
import type { Session } from "../session.ts";
import { ViolationError } from "./violation.ts";

/** One that is ready, one that is held, and those that end their waiting together, of which four begin in one delay. */
const WAITING_SETS_PER_CLASS = 8;
/** Of what has votes: with any engine or one of three, by whether only proven people may take it. */
const LANES_MAX = 9;

/**
 * What must hold between two steps, whatever the scenario.
 * @param awakeSinceMs the hub has been at work since; who was silent before was not heard
 * @throws ViolationError
 */
export function checkScheduler(state: Scheduler, limits: Limits, awakeSinceMs: number): void {
  try {
    validate(state);
  } catch (error) {
    throw new ViolationError("correctness", error instanceof Error ? error.message : String(error));
  }
  for (const job of state.jobs.values()) {
    const { retries } = job.spec.options;
    const classes = (retries + 1) * job.spec.options.maxAttempts * limits.lossesPerStrike;
    const sets = [...job.pending.sets()].length;
    const lanes = job.trust === undefined ? 1 : LANES_MAX;
    if (sets > classes * lanes * WAITING_SETS_PER_CLASS) {
      throw new ViolationError("correctness", `what waits of ${job.id} is in ${sets} sets`);
    }
  }
  for (const worker of state.workers.values()) {
    let given = 0;
    for (const lease of worker.leases) if (!lease.adopted) given++;
    const most = Math.max(worker.description.slots, worker.slots, limits.slotsPerWorkerMax === 0 ? 0 : 1);
    const slots = Math.max(most, worker.slots);
    if (given > Math.max(slots, 1) * (1 + limits.prefetchUnitsMax)) {
      throw new ViolationError("correctness", `${worker.id} was given ${given} units for ${slots} slots`);
    }
    // A tick is due at the latest when it is to be missed; a lease may not outlive that.
    if (Math.max(worker.lastHeardMs, awakeSinceMs) + limits.leaseTtlMs * 2 < state.nowMs) {
      throw new ViolationError("liveness", `${worker.id} holds ${worker.leases.size} leases in silence`);
    }
  }
}

/** What the hub's shell believes its workers to have is what the scheduler gave them. @throws ViolationError */
export function checkSessions(state: Scheduler, sessions: ReadonlyMap<string, Session>): void {
  for (const [worker, { leases }] of sessions) {
    const given = state.workers.get(worker)?.leases.size;
    if (given !== leases)
      throw new ViolationError("correctness", `${worker} has ${leases} leases of ${given}`);
  }
  if (sessions.size !== state.workers.size) {
    throw new ViolationError("correctness", `${sessions.size} sessions of ${state.workers.size} workers`);
  }
}

/**
 * What must hold of a worker's core after a step.
 * @param instructions what the step gave
 * @throws ViolationError
 */
export function checkWorker(
  core: WorkerState,
  slots: number,
  limits: Limits,
  instructions: readonly WorkerInstruction[],
): void {
  try {
    validateWorker(core);
  } catch (error) {
    throw new ViolationError("correctness", error instanceof Error ? error.message : String(error));
  }
  const begins = instructions.some(({ type }) => type === "Run");
  if (begins && core.unackedBytes >= limits.resultBytesUnackedMax) {
    throw new ViolationError(
      "correctness",
      `a worker goes on with ${core.unackedBytes} bytes that nobody has stored`,
    );
  }
  let open = 0;
  for (const { returned, reported, end } of core.leases.values()) {
    if (returned === undefined && reported < end) open++;
  }
  if (open > slots * (1 + limits.prefetchUnitsMax)) {
    throw new ViolationError("correctness", `a worker of ${slots} slots holds ${open} units`);
  }
}
