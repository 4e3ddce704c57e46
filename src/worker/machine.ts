import { availableParallelism, hostname, loadavg, totalmem } from "node:os";
import process from "node:process";
import { processorQuota } from "./cgroup.ts";

const SPEED_MS = 50;
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
  for (let atMs = start; atMs - start < SPEED_MS; ) {
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

export const machine = {
  name: (): string => hostname().slice(0, 64) || "worker",
  cores: (): number => coresOf(availableParallelism(), processorQuota()),
  memoryBytes: (): number => memoryOf(totalmem(), process.constrainedMemory()),
  /** 0 idle, 1 all cores busy; 0 where the system does not say. */
  load: (): number => Math.max(0, (loadavg()[0] ?? 0) / availableParallelism()),
  agentMemoryBytes: (): number => process.memoryUsage.rss(),
};
