import { cpus } from "node:os";

/** Processor time of the machine so far, in milliseconds of all processors together. */
export interface ProcessorTimes {
  readonly busyMs: number;
  readonly totalMs: number;
}

function machineTimes(): ProcessorTimes {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    totalMs += busy + times.idle;
  }
  return { busyMs, totalMs };
}

/**
 * Watches how much of the processors other programs use: what the machine uses less what this worker does.
 * @param own processor time of this worker and its sandboxes so far, in milliseconds
 * @returns a probe; each call speaks of the time since the call before, smoothed over about `overMs`
 */
export function othersProbe(
  own: () => Promise<number>,
  { times = machineTimes, overCalls = 5 }: { times?: () => ProcessorTimes; overCalls?: number } = {},
): () => Promise<number | undefined> {
  let before: (ProcessorTimes & { ownMs: number }) | undefined;
  let smoothed: number | undefined;
  return async () => {
    const now = { ...times(), ownMs: await own() };
    const last = before;
    before = now;
    if (last === undefined || now.totalMs <= last.totalMs) return smoothed;
    const others = now.busyMs - last.busyMs - (now.ownMs - last.ownMs);
    const share = Math.min(1, Math.max(0, others / (now.totalMs - last.totalMs)));
    smoothed = smoothed === undefined ? share : smoothed + (share - smoothed) / overCalls;
    return smoothed;
  };
}
