import { availableParallelism, hostname, loadavg, totalmem } from "node:os";
import process from "node:process";

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

export const machine = {
  name: (): string => hostname().slice(0, 64) || "worker",
  cores: (): number => availableParallelism(),
  memoryBytes: (): number => totalmem(),
  /** 0 idle, 1 all cores busy; 0 where the system does not say. */
  load: (): number => Math.max(0, (loadavg()[0] ?? 0) / availableParallelism()),
  agentMemoryBytes: (): number => process.memoryUsage.rss(),
};
