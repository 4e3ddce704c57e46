import { countOf, pushRange, type Range, sliceRanges } from "../../protocol/index.ts";
import { Retries } from "../inputs/retries.ts";
import { failInputs } from "../jobs/jobs.ts";
import { release } from "../leases/leases.ts";
import { strikesMax } from "../leases/verdict.ts";
import { dismiss, enrol, offer } from "../matching/demand.ts";
import { requeue } from "../matching/fairness.ts";
import { forgetWorker } from "../matching/locality.ts";
import { isQueued } from "../matching/sizing.ts";
import { type Job, type Scheduler, type Worker, wakeBy } from "../state/state.ts";
import { forgetShut } from "../trust/job-trust.ts";
import type { EventOf, InputClass, WorkerId } from "../types.ts";
import { presentLeases } from "./adoption.ts";

/** A connected worker, of which something just came. */
export function hear(state: Scheduler, id: WorkerId): Worker | undefined {
  const worker = state.workers.get(id);
  if (worker !== undefined) worker.lastHeardMs = state.nowMs;
  return worker;
}

export function workerJoined(state: Scheduler, event: EventOf<"WorkerJoined">): void {
  const { description, replaces = [], presented = [] } = event;
  for (const id of [event.worker, ...replaces]) {
    const before = state.workers.get(id);
    if (before !== undefined) lose(state, before, false);
  }
  const worker: Worker = {
    id: event.worker,
    description,
    slots: Math.min(description.slots, state.config.slotsPerWorkerMax),
    draining: false,
    pausedUntilMs: 0,
    lastHeardMs: state.nowMs,
    leases: new Set(),
    demands: new Set(),
    refused: new Set(),
    shut: new Set(),
    nearTo: new Set(),
    history: new Map(),
  };
  state.workers.set(worker.id, worker);
  enrol(state, worker);
  state.touched.add(worker);
  state.expiryAtMs = Math.min(state.expiryAtMs, state.nowMs + state.config.leaseTtlMs);
  wakeBy(state, state.expiryAtMs);
  presentLeases(state, worker, presented);
}

export function workerHeard(state: Scheduler, event: EventOf<"WorkerHeard">): void {
  const worker = hear(state, event.worker);
  const { slots } = event;
  if (worker === undefined || slots === undefined || slots === worker.slots) return;
  if (!Number.isSafeInteger(slots) || slots < 0) return;
  offer(state, worker, Math.min(slots, state.config.slotsPerWorkerMax));
  state.touched.add(worker);
}

export function workerDraining(state: Scheduler, event: EventOf<"WorkerDraining">): void {
  const worker = hear(state, event.worker);
  if (worker === undefined) return;
  offer(state, worker, worker.slots, true);
  state.touched.add(worker);
}

export function workerLost(state: Scheduler, event: EventOf<"WorkerLost">): void {
  const worker = state.workers.get(event.worker);
  if (worker !== undefined) lose(state, worker, event.reason === "dropped");
}

/**
 * Takes a worker out. What it had is ready again; if it vanished, what it was running gets a strike,
 * because that may be why.
 */
export function lose(state: Scheduler, worker: Worker, vanished: boolean): void {
  const running = new Set(vanished ? [...worker.leases].filter((lease) => !isQueued(lease)) : []);
  const suspects = new Map<Job, [was: InputClass, input: number][]>();
  const jobs = new Set<Job>();
  for (const lease of [...worker.leases]) {
    const { job, descriptor, reported } = lease;
    jobs.add(job);
    const owed = release(state, lease);
    const next = sliceRanges(descriptor.ranges, reported, reported + 1)[0]?.[0];
    const isSuspect = running.has(lease) && next !== undefined && owed[0]?.[0] === next;
    job.pending.add(descriptor, isSuspect ? sliceRanges(owed, 1, countOf(owed)) : owed);
    if (isSuspect) suspects.set(job, [...(suspects.get(job) ?? []), [descriptor, next]]);
  }
  for (const [job, inputs] of suspects) strike(state, job, inputs);
  for (const job of jobs) requeue(state, job);
  dismiss(state, worker);
  forgetShut(worker);
  forgetWorker(worker);
  state.workers.delete(worker.id);
  for (const set of [state.idle, state.hungry, state.paused, state.touched]) set.delete(worker);
}

/** Inputs whose worker vanished under them are suspects; those that were for too often are given up. */
function strike(state: Scheduler, job: Job, inputs: readonly [was: InputClass, input: number][]): void {
  const retries = new Retries();
  const givenUp: Range[] = [];
  for (const [{ failures, strikes }, input] of inputs) {
    if (strikes + 1 < strikesMax(job, state.config)) retries.add({ failures, strikes: strikes + 1 }, input);
    else pushRange(givenUp, input, input + 1);
  }
  const list = retries.list();
  for (const retry of list) job.pending.add(retry, retry.ranges);
  if (list.length > 0) state.effects.push({ type: "RecordRetries", job: job.id, retries: list });
  if (givenUp.length > 0) {
    failInputs(state, job, givenUp, "quarantined", "its workers vanished again and again while they ran it");
    job.judged += countOf(givenUp);
    job.misjudged += countOf(givenUp);
  }
}
