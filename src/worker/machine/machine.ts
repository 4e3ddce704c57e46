import type { Limits } from "../../protocol/index.ts";

/** What an agent asks of the machine that it runs on. */
export interface Machine {
  memoryBytes(): number;
  /** 0 idle, 1 all cores busy; 0 where the system does not say. */
  load(): number;
  /** Of the agent itself; 0 where it cannot be told. */
  agentMemoryBytes(): number;
  /** Counts the processor time of one sandbox; without it the time that inputs took stands for that. */
  readonly newCpuMeter?: () => CpuMeter;
}

/** What one process uses of processors, looked at now and then. */
export interface CpuMeter {
  /** Time used since it was taken last; undefined where the system does not tell, or where it was looked at just now. */
  take(pid: number | undefined, nowMs: number, intervalMs: number): number | undefined;
}

const SPEED_MS = 50;
/** On a busy machine the time may be over with the first round: these are taken all the same, unless it takes too long. */
const SPEED_ROUNDS_MIN = 40;
const SPEED_MS_MAX = 1_000;
const STEPS = 100_000;

/**
 * Speed of one core: millions of steps of a fixed loop of integer and float work a second. The best of many short
 * rounds counts: in the others something else had the core, or the loop was not compiled yet.
 */
export function measureSpeed(clock = () => performance.now()): number {
  let state = 1;
  let sum = 0;
  let best = 0;
  const start = clock();
  const isOver = (round: number, sinceMs: number) =>
    sinceMs >= SPEED_MS_MAX || (round >= SPEED_ROUNDS_MIN && sinceMs >= SPEED_MS);
  for (let round = 0, atMs = start; !isOver(round, atMs - start); round++) {
    for (let step = 0; step < STEPS; step++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      sum += state * 2.3283064365386963e-10;
    }
    const nowMs = clock();
    if (nowMs > atMs) best = Math.max(best, STEPS / (nowMs - atMs) / 1000);
    atMs = nowMs;
  }
  // The sum is used, so that no compiler drops the loop.
  return Number.isNaN(sum) ? 0 : Math.round(best * 10) / 10;
}

/** Cores that a process may use: those of the machine, and no more than its container has time of. */
export const coresOf = (cores: number, quota: number): number =>
  Math.max(1, Math.floor(Math.min(cores, quota)));

/**
 * Memory that a process may use, in bytes.
 * @param bound of its control group; 0 or more than any machine has where there is none
 */
export const memoryOf = (total: number, bound: number | undefined): number =>
  bound !== undefined && bound > 0 ? Math.min(total, bound) : total;

/** Whether a machine has so little memory that it is worth some time to do with less. */
export const isLean = (memoryBytes: number, limits: Pick<Limits, "leanMachineBytesMax">): boolean =>
  memoryBytes <= limits.leanMachineBytesMax;
