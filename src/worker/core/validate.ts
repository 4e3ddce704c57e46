import { isOver } from "./lease.ts";
import { outstanding, type WorkerState } from "./state.ts";

/**
 * Checks what must hold after every step.
 * @throws Error that names the broken invariant.
 */
export function validate(state: WorkerState): void {
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`worker state: ${what}`);
  };
  let unackedBytes = 0;
  for (const [id, lease] of state.leases) {
    must(id === lease.id, "a lease is filed under its id");
    must(lease.acked <= lease.reported && lease.reported <= lease.handed, "acked <= reported <= handed");
    must(lease.handed <= lease.received && lease.handed <= lease.end, "only what is here is handed");
    must(!isOver(lease) || lease.slot === undefined, "a lease that is over holds no slot");
    must(!isOver(lease) || lease.unacked.length > 0, "a lease that is over is kept for its results only");
    let position = lease.unacked[0]?.from ?? lease.reported;
    must(position <= lease.acked || lease.unacked.length === 0, "unacknowledged results start at the mark");
    for (const { from, results, done } of lease.unacked) {
      const { count, block } = results;
      must(from === position && count > 0, "results follow each other without gaps");
      must(!done || from + count >= lease.end, "done is the end");
      position += count;
      unackedBytes += block.length;
    }
    must(position === lease.reported, "every reported result is acknowledged or kept");
    if (lease.slot !== undefined) must(state.slots[lease.slot]?.lease === lease, "lease and slot agree");
  }
  must(unackedBytes === state.unackedBytes, "unacknowledged bytes are counted");
  for (const slot of state.slots) {
    const { lease } = slot;
    must(lease !== undefined || slot.runs.length === 0, "runs belong to a lease");
    if (lease === undefined) continue;
    must(state.leases.get(lease.id) === lease && lease.slot === slot.slot, "slot and lease agree");
    must(outstanding(slot) === lease.handed - lease.reported, "what is handed is in the sandbox");
    must(slot.runs.length < 2 || slot.runs.every(({ careful }) => !careful), "careful runs are alone");
  }
  if (state.phase !== "open" || state.paused) {
    must(
      state.slots.every(({ lease, runs }) => lease === undefined || runs.length > 0),
      "a worker that drains or pauses holds nothing that does not run",
    );
  }
}
