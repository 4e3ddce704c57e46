import {
  countRecords,
  encodeFailure,
  type FailureMark,
  fingerprint,
  type LeaseMessage,
  MusketeersError,
  packRecords,
  type ReturnReason,
} from "../../protocol/index.ts";
import { dropParts, isOver, type Lease, newLease, rewind, takeRecords, waiting } from "./lease.ts";
import { isIdle, isStuck, outstanding, type Slot, type WorkerState } from "./state.ts";
import type { Results, WorkerEvent, WorkerInstruction } from "./types.ts";

const LEAVING = "The worker is leaving.";
const PAUSED = "The worker pauses.";

/** A report without results, for what it says besides. */
const nothing: Results = { count: 0, block: new Uint8Array(0), failures: [], elapsedMs: 0 };

/**
 * The worker's state machine: takes an event in and says what is to be done. Changes `state`; reads no
 * clock and does no I/O. In the manner of Dask's `WorkerState.handle_stimulus`.
 */
export function step(state: WorkerState, event: WorkerEvent): WorkerInstruction[] {
  const out: WorkerInstruction[] = [];
  apply(state, event, out);
  schedule(state, out);
  if (state.phase === "draining" && (event.type === "DrainExpired" || isIdle(state))) {
    state.phase = "left";
    out.push({ type: "Leave" });
  }
  return out;
}

function apply(state: WorkerState, event: WorkerEvent, out: WorkerInstruction[]): void {
  switch (event.type) {
    case "LeaseReceived":
      receiveLease(state, event.message, event.body, out);
      return;
    case "TrimReceived":
      trim(state, event.message.lease, event.message.keep, out);
      return;
    case "RevokeReceived": {
      const lease = state.leases.get(event.message.lease);
      if (lease !== undefined) forget(state, lease, out, "Abandon");
      return;
    }
    case "AckReceived":
      acknowledge(state, event.message.lease, event.message.upTo);
      return;
    case "RunProgressed":
      progress(state, event.slot, event.run, event.results, out);
      return;
    case "StateSaved":
      save(state, event.slot, event.run, event.state, out);
      return;
    case "SandboxDied":
      bury(state, event, out);
      return;
    case "RunRefused": {
      const slot = slotOfRun(state, event.slot, event.run);
      if (slot?.lease === undefined) return;
      giveBack(state, slot.lease, event.reason, event.message, out);
      return;
    }
    case "LinkUp":
      linkUp(state, new Set(event.adopted), out);
      return;
    case "LinkDown":
      state.linked = false;
      return;
    case "DrainRequested":
      if (state.phase === "open") state.phase = "draining";
      for (const lease of [...state.leases.values()]) {
        if (lease.slot === undefined) giveBack(state, lease, "drain", LEAVING, out);
      }
      return;
    case "DrainExpired":
      if (state.phase === "open") state.phase = "draining";
      for (const lease of [...state.leases.values()]) {
        giveBack(state, lease, "drain", LEAVING, out);
      }
      return;
    case "PauseRequested":
      state.paused = true;
      for (const lease of [...state.leases.values()]) {
        if (lease.slot === undefined) giveBack(state, lease, "overload", PAUSED, out);
      }
      return;
    case "PauseExpired":
      if (!state.paused) return;
      for (const lease of [...state.leases.values()]) giveBack(state, lease, "overload", PAUSED, out);
      return;
    case "Resumed":
      state.paused = false;
      return;
    case "SlotsOpened":
      state.openSlots = Math.max(0, Math.min(event.slots, state.slots.length));
      return;
    case "SlotGranted": {
      const slot = state.slots[event.slot];
      if (state.phase === "open" && !state.paused && slot?.lease === undefined && slot !== undefined)
        seat(slot, ready(state)[0]);
      return;
    }
    case "SlotWithdrawn":
      unseat(state, state.slots[event.slot], out);
  }
}

function receiveLease(
  state: WorkerState,
  message: LeaseMessage,
  body: Uint8Array,
  out: WorkerInstruction[],
): void {
  let lease = state.leases.get(message.lease);
  if (lease === undefined) {
    // Later parts of a lease that was returned or revoked in the meantime concern nobody any more.
    if (message.from > 0) return;
    lease = newLease(message.lease, message.task, message.count);
    state.leases.set(lease.id, lease);
    if (state.phase !== "open" || state.paused) {
      const leaving = state.phase !== "open";
      giveBack(state, lease, leaving ? "drain" : "overload", leaving ? LEAVING : PAUSED, out);
      return;
    }
  }
  if (lease.returned !== undefined) return;
  if (message.from !== lease.received || !holds(body, message.part)) {
    giveBack(state, lease, "refused", "The hub sent records that do not fit their lease.", out);
    return;
  }
  const part = { from: message.from, count: message.part, block: body };
  // A push to an empty array reserves room for many, and most units come in one part.
  if (lease.parts.length === 0) lease.parts = [part];
  else lease.parts.push(part);
  lease.received += message.part;
}

function holds(body: Uint8Array, count: number): boolean {
  try {
    return countRecords(body) === count;
  } catch (error) {
    if (error instanceof MusketeersError) return false;
    throw error;
  }
}

/** Positions from `keep` on are somebody else's, unless they have begun. */
function trim(state: WorkerState, id: string, keep: number, out: WorkerInstruction[]): void {
  const lease = state.leases.get(id);
  if (lease === undefined || isOver(lease)) return;
  lease.end = Math.min(lease.end, Math.max(keep, lease.handed));
  if (lease.reported < lease.end) return;
  // Its last results went out without `done`; say it with an empty report.
  report(state, lease, nothing, out);
}

function acknowledge(state: WorkerState, id: string, upTo: number): void {
  const lease = state.leases.get(id);
  if (lease === undefined) return;
  lease.acked = Math.max(lease.acked, Math.min(upTo, lease.reported));
  while (lease.unacked.length > 0) {
    const { from, results } = lease.unacked[0]!;
    if (from + results.count > lease.acked) break;
    lease.unacked.shift();
    state.unackedBytes -= results.block.length;
  }
  settle(state, lease);
}

/** Forgets a lease that has nothing more to run, say or send again. */
function settle(state: WorkerState, lease: Lease): void {
  if (isOver(lease) && lease.unacked.length === 0) state.leases.delete(lease.id);
}

/** Appends results, sends them while the hub can hear, and frees the slot after the last. */
function report(state: WorkerState, lease: Lease, results: Results, out: WorkerInstruction[]): void {
  const from = lease.reported;
  lease.reported += results.count;
  if (results.count > 0) lease.saved = undefined;
  const done = lease.reported >= lease.end;
  if (results.count > 0) {
    const unacked = { results, from, done };
    if (lease.unacked.length === 0) lease.unacked = [unacked];
    else lease.unacked.push(unacked);
    state.unackedBytes += results.block.length;
  }
  if (state.linked) out.push({ type: "SendProgress", lease: lease.id, from, results, done });
  dropParts(lease);
  if (done) {
    release(state, lease);
    settle(state, lease);
  }
}

function release(state: WorkerState, lease: Lease): void {
  if (lease.slot === undefined) return;
  const slot = state.slots[lease.slot]!;
  slot.lease = undefined;
  if (slot.runs.length > 0) slot.runs = [];
  lease.slot = undefined;
}

/** Ends whatever runs of it. */
function stop(
  state: WorkerState,
  lease: Lease,
  out: WorkerInstruction[],
  how: "Kill" | "Abandon" = "Kill",
): void {
  if (lease.slot === undefined) return;
  if (state.slots[lease.slot]!.runs.length > 0) out.push({ type: how, slot: lease.slot });
  release(state, lease);
}

function forget(
  state: WorkerState,
  lease: Lease,
  out: WorkerInstruction[],
  how: "Kill" | "Abandon" = "Kill",
): void {
  stop(state, lease, out, how);
  for (const { results } of lease.unacked) state.unackedBytes -= results.block.length;
  state.leases.delete(lease.id);
}

/** Hands back what has no result yet; results that are not acknowledged are kept to be sent again. */
function giveBack(
  state: WorkerState,
  lease: Lease,
  reason: ReturnReason,
  message: string,
  out: WorkerInstruction[],
): void {
  if (isOver(lease)) return;
  stop(state, lease, out);
  lease.returned = { reason, message };
  lease.handed = lease.reported;
  dropParts(lease);
  if (state.linked) out.push({ type: "SendReturn", lease: lease.id, reason, message });
  settle(state, lease);
}

const slotOfRun = (state: WorkerState, slot: number, run: number): Slot | undefined => {
  const found = state.slots[slot];
  if (found?.runs[0]?.run === run) return found;
  return found?.runs.some((candidate) => candidate.run === run) ? found : undefined;
};

function progress(
  state: WorkerState,
  at: number,
  run: number,
  results: Results,
  out: WorkerInstruction[],
): void {
  const slot = slotOfRun(state, at, run);
  const current = slot?.runs[0];
  // Anything else comes from a run that was killed in the meantime.
  if (slot?.lease === undefined || current?.run !== run) return;
  current.reported += results.count;
  if (current.reported >= current.count) slot.runs.shift();
  state.pace.learn(slot.lease.taskKey, results.count, results.elapsedMs);
  report(state, slot.lease, results, out);
}

/** Keeps what the first record without a result saved, here and at the hub, for its next attempt. */
function save(
  state: WorkerState,
  at: number,
  run: number,
  saved: Uint8Array,
  out: WorkerInstruction[],
): void {
  const slot = slotOfRun(state, at, run);
  const lease = slot?.lease;
  if (lease === undefined || slot?.runs[0]?.run !== run) return;
  lease.saved = { position: lease.reported, state: saved };
  sendState(state, lease, out);
}

function sendState(state: WorkerState, lease: Lease, out: WorkerInstruction[]): void {
  if (lease.saved !== undefined && state.linked)
    out.push({ type: "SendState", lease: lease.id, ...lease.saved });
}

/** A sandbox died: the record to blame fails; where it is not known, the suspects run again, carefully. */
function bury(
  state: WorkerState,
  event: Extract<WorkerEvent, { type: "SandboxDied" }>,
  out: WorkerInstruction[],
): void {
  const slot = slotOfRun(state, event.slot, event.run);
  const lease = slot?.lease;
  if (slot === undefined || lease === undefined) return;
  const known = event.exact || outstanding(slot) === 1 || slot.runs[0]!.careful;
  const suspectsTo = lease.handed;
  slot.runs = [];
  rewind(lease);
  if (!known) {
    lease.carefulTo = Math.max(lease.carefulTo, suspectsTo);
    return;
  }
  lease.handed = lease.reported + 1;
  report(state, lease, deathOf(event.kind, event.message), out);
}

function deathOf(kind: "timeout" | "crash", message: string): Results {
  const name = kind === "timeout" ? "TimeoutError" : "SandboxCrashed";
  const failure = { kind, name, message, stack: "" };
  const mark: FailureMark = { at: 0, kind, fingerprint: fingerprint(failure) };
  return { count: 1, block: packRecords([encodeFailure(failure)]), failures: [mark], elapsedMs: 0 };
}

function linkUp(state: WorkerState, adopted: ReadonlySet<string>, out: WorkerInstruction[]): void {
  state.linked = true;
  for (const lease of [...state.leases.values()]) {
    // The parts that were still to come were lost with the connection, and nobody sends them again.
    if (lease.returned === undefined) lease.end = Math.min(lease.end, lease.received);
    for (const { from, done: wasDone, results } of lease.unacked) {
      // A trim may have ended it after its last results, in an empty report that is not kept.
      const done = wasDone || (lease.returned === undefined && from + results.count >= lease.end);
      out.push({ type: "SendProgress", lease: lease.id, from, results, done });
    }
    // What it had done of it counts where nobody was faster; the rest is somebody else's.
    if (!adopted.has(lease.id)) {
      forget(state, lease, out);
      continue;
    }
    sendState(state, lease, out);
    if (lease.returned === undefined && lease.reported >= lease.end) {
      if (lease.unacked.length === 0) report(state, lease, nothing, out);
      else release(state, lease);
    }
    if (lease.returned !== undefined) out.push({ type: "SendReturn", lease: lease.id, ...lease.returned });
    settle(state, lease);
  }
}

/** Gives free slots their leases and sandboxes their records. */
function schedule(state: WorkerState, out: WorkerInstruction[]): void {
  if (state.phase !== "open") {
    for (const { lease, runs } of state.slots) {
      // Careful runs and rewound records wait for nobody: what is not in a sandbox goes back.
      if (lease !== undefined && runs.length === 0) {
        giveBack(state, lease, "drain", LEAVING, out);
      }
    }
    return;
  }
  if (state.paused) {
    for (const { lease, runs } of state.slots) {
      if (lease !== undefined && runs.length === 0) giveBack(state, lease, "overload", PAUSED, out);
    }
    return;
  }
  const shared = state.config.sharesSlots === true;
  let queue: Lease[] | undefined;
  for (const slot of state.slots) {
    if (slot.lease === undefined && !shared && slot.slot < state.openSlots) {
      queue ??= ready(state);
      seat(slot, queue.shift());
    }
    if (slot.lease === undefined) continue;
    while (feed(state, slot, slot.lease, out));
    // What waits for its hub need not keep others waiting.
    if (shared && slot.runs.length === 0 && isStuck(state)) unseat(state, slot, out);
  }
}

/** Leases that could begin, in the order in which they came. */
const ready = (state: WorkerState): Lease[] =>
  [...state.leases.values()].filter((lease) => lease.slot === undefined && waiting(lease) > 0);

function seat(slot: Slot, lease: Lease | undefined): void {
  if (lease === undefined) return;
  slot.lease = lease;
  lease.slot = slot.slot;
}

/** Stops what a slot does; its lease waits for another one with what has no result. */
function unseat(state: WorkerState, slot: Slot | undefined, out: WorkerInstruction[]): void {
  const lease = slot?.lease;
  if (lease === undefined) return;
  stop(state, lease, out);
  rewind(lease);
}

/** Hands the next run to a slot; false when it has enough. */
function feed(state: WorkerState, slot: Slot, lease: Lease, out: WorkerInstruction[]): boolean {
  if (waiting(lease) <= 0 || isStuck(state)) return false;
  const careful = lease.handed < lease.carefulTo;
  const last = slot.runs.at(-1);
  // A careful run has the sandbox for itself.
  if (last !== undefined && (careful || last.careful)) return false;
  const wanted = careful ? lease.carefulTo - lease.handed : state.pace.next(lease.taskKey, outstanding(slot));
  if (wanted === 0) return false;
  const taken = takeRecords(lease, wanted, state.config.blockBytesTarget);
  if (taken === undefined) return false;
  const run = state.nextRun++;
  const { count, block } = taken;
  slot.runs.push({ run, count, careful, reported: 0 });
  out.push({ type: "Run", slot: slot.slot, run, lease: lease.id, task: lease.task, count, block, careful });
  return true;
}
