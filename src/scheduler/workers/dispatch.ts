import { countOf } from "../../protocol/index.ts";
import { addCanary } from "../ballots/canaries.ts";
import { raiseCarveMark } from "../leases/carve.ts";
import { grant } from "../leases/leases.ts";
import { thaw } from "../leases/quota.ts";
import { copyOne } from "../leases/speculate.ts";
import { lookAtLeases } from "../leases/tail.ts";
import { trimOne } from "../leases/trim.ts";
import { canServe } from "../matching/demand.ts";
import { chooseJob, isStopped, requeue } from "../matching/fairness.ts";
import { takeNearest } from "../matching/locality.ts";
import { unitInputs, wantsMore } from "../matching/sizing.ts";
import { type Job, type Scheduler, type Worker, wakeBy } from "../state/state.ts";
import type { JobTrust } from "../state/trust-state.ts";
import { shut, takeForVote } from "../trust/job-trust.ts";

/**
 * Gives work to whoever wants some, after an event. Afterwards no worker that wants work could serve a job
 * that has something ready. That holds before each event too, so only the workers that the event touched
 * and the jobs that it gave something to are looked at, however many others there are.
 */
export function dispatch(state: Scheduler): void {
  const { touched, woken, due } = state;
  thaw(state);
  while (touched.size + woken.size + due.size > 0) {
    const workers = [...touched];
    touched.clear();
    for (const worker of workers) serve(state, worker);
    workers.push(...serveWoken(state));
    for (const worker of workers) while (state.idle.has(worker) && relieve(state, worker));
    if (due.size === 0) continue;
    const jobs = [...due];
    due.clear();
    for (const job of jobs) relieveIdle(state, job);
  }
}

/** Leases to a worker until it has enough or nothing is ready for it. */
function serve(state: Scheduler, worker: Worker): void {
  state.idle.delete(worker);
  state.hungry.delete(worker);
  if (state.workers.get(worker.id) !== worker) return;
  while (wantsMore(state, worker)) {
    const job = chooseJob(state, worker);
    if (job === undefined) {
      (worker.leases.size < worker.slots ? state.idle : state.hungry).add(worker);
      return;
    }
    if (job.trust === undefined) leaseNext(state, job, worker);
    else leaseForVote(state, job, job.trust, worker);
  }
}

/** Offers what became ready to those who wait; gives who took something, and may want more than there was. */
function serveWoken(state: Scheduler): readonly Worker[] {
  const served: Worker[] = [];
  for (const job of state.woken) {
    for (const waiting of [state.idle, state.hungry]) {
      for (const worker of waiting) {
        if (job.queueAt < 0) break;
        if (!canServe(worker, job) || worker.shut.has(job)) continue;
        serve(state, worker);
        served.push(worker);
      }
    }
  }
  state.woken.clear();
  return served;
}

/** Carves the next unit off a job that has something ready. */
function leaseNext(state: Scheduler, job: Job, worker: Worker): void {
  const from = job.pending.next()!;
  const { failures, strikes } = from;
  const count = unitInputs(state, job, worker, from);
  const ranges = takeNearest(job, worker, from, count, state.config.unitRangesMax);
  requeue(state, job);
  if (failures === 0 && strikes === 0) raiseCarveMark(state, job, ranges.at(-1)![1], count);
  grant(state, job, worker, { failures, strikes, ranges });
}

/** The same of a job whose results are voted on; what a worker may not take it is not offered again for now. */
function leaseForVote(state: Scheduler, job: Job, trust: JobTrust, worker: Worker): void {
  const unit = takeForVote(state, job, trust, worker, (from) => unitInputs(state, job, worker, from));
  if (unit === undefined) {
    shut(job, trust, worker);
    return;
  }
  requeue(state, job);
  const { failures, strikes } = unit;
  const ranges = addCanary(state, job, trust, worker, unit.ranges);
  if (failures + strikes === 0) {
    const end = Math.max(...unit.ranges.map(([, last]) => last));
    raiseCarveMark(state, job, end, countOf(unit.ranges));
  }
  grant(state, job, worker, { failures, strikes, ranges });
}

/** Finds something for an idle worker where nothing is ready; says whether it did. */
function relieve(state: Scheduler, worker: Worker): boolean {
  let wakeAtMs = Number.POSITIVE_INFINITY;
  for (const demand of worker.demands) {
    for (const job of demand.jobs) {
      if (job.leases.size === 0 || isStopped(job) || !canServe(worker, job)) continue;
      if (takeOver(state, job, worker)) return true;
      wakeAtMs = Math.min(wakeAtMs, job.tail.lookAtMs);
    }
  }
  wakeBy(state, wakeAtMs);
  return false;
}

/** The same from the job's side, for those who have been idle for a while. */
function relieveIdle(state: Scheduler, job: Job): void {
  const { tail } = job;
  for (const worker of state.idle) {
    if (job.queueAt >= 0 || isStopped(job)) return;
    if (!canServe(worker, job)) continue;
    while (state.idle.has(worker) && takeOver(state, job, worker));
    if (!state.idle.has(worker)) continue;
    wakeBy(state, tail.lookAtMs);
    // What is worth a copy, but runs on this very worker, may be something for the next.
    if (tail.copies.length === 0) return;
  }
}

/** Lets an idle worker take over a part of a job whose inputs are all under lease. */
function takeOver(state: Scheduler, job: Job, worker: Worker): boolean {
  lookAtLeases(state, job);
  if (trimOne(state, job)) {
    serve(state, worker);
    for (const served of serveWoken(state)) state.touched.add(served);
    return true;
  }
  if (!copyOne(state, job, worker)) return false;
  serve(state, worker);
  return true;
}
