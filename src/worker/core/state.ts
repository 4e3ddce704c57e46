import type { PresentedLease } from "../../protocol/index.ts";
import { isOver, type Lease, waiting } from "./lease.ts";
import { Pace } from "./pace.ts";
import type { WorkerConfig } from "./types.ts";

export interface Run {
  readonly run: number;
  readonly count: number;
  readonly careful: boolean;
  /** How many of them have a result. */
  reported: number;
}

export interface Slot {
  readonly slot: number;
  /** What it works on. */
  lease: Lease | undefined;
  /** In the sandbox, oldest first. */
  runs: Run[];
}

export interface WorkerState {
  readonly config: WorkerConfig;
  /** In the order in which they came. */
  readonly leases: Map<string, Lease>;
  readonly slots: readonly Slot[];
  readonly pace: Pace;
  nextRun: number;
  unackedBytes: number;
  linked: boolean;
  phase: "open" | "draining" | "left";
  /** Its volunteer wants the machine: nothing begins, and what has begun stands still. */
  paused: boolean;
  /** Slots that leases may begin in: the first so many. */
  openSlots: number;
}

export const newWorkerState = (config: WorkerConfig): WorkerState => ({
  config,
  leases: new Map(),
  slots: Array.from({ length: config.slots }, (_, slot) => ({ slot, lease: undefined, runs: [] })),
  pace: new Pace(config.progressIntervalMs),
  nextRun: 1,
  unackedBytes: 0,
  linked: false,
  phase: "open",
  paused: false,
  openSlots: config.slots,
});

/** What a reconnecting worker tells the hub that it still holds. */
export const presentedLeases = (state: WorkerState): PresentedLease[] =>
  [...state.leases.values()].map(({ id, acked }) => ({ lease: id, from: acked }));

/** A unit that runs, for people. */
export interface RunningUnit {
  readonly lease: string;
  readonly task: string;
  readonly inputs: number;
  readonly done: number;
}

/** What runs at the moment. */
export const runningUnits = (state: WorkerState): RunningUnit[] =>
  state.slots.flatMap(({ lease }) =>
    lease === undefined
      ? []
      : [{ lease: lease.id, task: lease.task.title, inputs: lease.end, done: lease.reported }],
  );

/** Slots that have work. */
export const busySlots = (state: WorkerState): number =>
  state.slots.filter(({ lease }) => lease !== undefined).length;

/** Whether results have to be acknowledged before anything more may begin. */
export const isStuck = (state: WorkerState): boolean =>
  state.unackedBytes >= state.config.resultBytesUnackedMax;

/** Leases that could begin if there were a slot for them. */
export function waitingLeases(state: WorkerState): number {
  if (state.phase !== "open" || state.paused || isStuck(state)) return 0;
  let count = 0;
  for (const lease of state.leases.values()) if (lease.slot === undefined && waiting(lease) > 0) count++;
  return count;
}

export const outstanding = (slot: Slot): number =>
  slot.runs.reduce((sum, { count, reported }) => sum + count - reported, 0);

/** Everything is handed back and acknowledged. */
export const isIdle = (state: WorkerState): boolean =>
  [...state.leases.values()].every((lease) => isOver(lease) && lease.unacked.length === 0);
