import { cancelUnwanted } from "../jobs/jobs.ts";
import { lookLater } from "../leases/tail.ts";
import { requeue } from "../matching/fairness.ts";
import type { Scheduler } from "../state/state.ts";
import { wakeBy } from "../state/state.ts";
import { lose } from "./workers.ts";

/** What is due because time passed. The shell's alarm is used up; `setAlarm` asks for the next one. */
export function tick(state: Scheduler): void {
  state.wakeAtMs = Number.POSITIVE_INFINITY;
  dropSilentWorkers(state);
  for (const worker of state.paused) {
    if (state.nowMs < worker.pausedUntilMs) {
      wakeBy(state, worker.pausedUntilMs);
    } else {
      state.paused.delete(worker);
      state.touched.add(worker);
    }
  }
  for (const job of state.jobs.values()) {
    cancelUnwanted(state, job);
    job.pending.mature(state.nowMs);
    requeue(state, job);
    wakeBy(state, job.pending.nextMs);
    if (job.leases.size > 0) lookLater(state, job);
  }
}

/** Drops workers of which nothing came for `leaseTtlMs`. All are looked at once in that time or so. */
function dropSilentWorkers(state: Scheduler): void {
  if (state.nowMs >= state.expiryAtMs) {
    const { leaseTtlMs } = state.config;
    state.expiryAtMs = Number.POSITIVE_INFINITY;
    for (const worker of [...state.workers.values()]) {
      const expiryAtMs = worker.lastHeardMs + leaseTtlMs;
      if (state.nowMs < expiryAtMs) {
        state.expiryAtMs = Math.min(state.expiryAtMs, expiryAtMs);
      } else {
        lose(state, worker, true);
        state.effects.push({ type: "DropWorker", worker: worker.id });
      }
    }
  }
  wakeBy(state, state.expiryAtMs);
}

/** Tells the shell when to wake us, if it is to be earlier than it knows. */
export function setAlarm(state: Scheduler): void {
  const { wantedMs } = state;
  state.wantedMs = Number.POSITIVE_INFINITY;
  if (wantedMs >= state.wakeAtMs) return;
  state.wakeAtMs = wantedMs;
  state.effects.push({ type: "WakeAt", atMs: wantedMs });
}
