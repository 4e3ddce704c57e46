import { readFileSync } from "node:fs";
import { processorMsOf } from "../governor/index.ts";
import type { CpuMeter } from "./machine.ts";

/** Reads what Linux says of a process. */
export class ProcCpuMeter implements CpuMeter {
  #takenMs = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

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
