import { readFileSync } from "node:fs";
import { processorMsOf } from "./governor/index.ts";

/** What one process uses of processors, looked at now and then. */
export class CpuMeter {
  #takenMs = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** Time used since it was taken last; undefined where the system does not tell, or where it was looked at just now. */
  take(pid: number | undefined, nowMs: number, intervalMs: number): number | undefined {
    if (pid === undefined || nowMs - this.#lookedAtMs < intervalMs) return undefined;
    this.#lookedAtMs = nowMs;
    let usedMs: number | undefined;
    try {
      usedMs = processorMsOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return undefined;
    }
    if (usedMs === undefined) return undefined;
    const spentMs = Math.max(0, usedMs - this.#takenMs);
    this.#takenMs = usedMs;
    return spentMs;
  }
}
