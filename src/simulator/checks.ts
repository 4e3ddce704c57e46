import type { Limits } from "../protocol/index.ts";
import { type Scheduler, validate } from "../scheduler/index.ts";
import { ViolationError } from "./auditor.ts";

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
