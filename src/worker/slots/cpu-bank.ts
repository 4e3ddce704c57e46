import type { CpuMeter } from "../machine/machine.ts";

/** A process's time is looked at this often at most. */
const LOOK_MS = 50;
/** What may be kept for results that come later: systems count in steps, and reports come in between. */
const BANK_MS_MAX = 1_000;

/**
 * What results cost of a processor, of a process whose time the system tells from time to time. No more is given for
 * results than they took on their slot; of what the process used before its first ones, to start and to load, so much counts as they took.
 */
export class CpuBank {
  readonly #meter: CpuMeter;
  #bankMs = 0;
  #isNew = true;

  constructor(meter: CpuMeter) {
    this.#meter = meter;
  }

  /** Of results that took so long; undefined where nobody can say. */
  take(pid: number | undefined, elapsedMs: number, nowMs: number): number | undefined {
    const spentMs = this.#meter.take(pid, nowMs, LOOK_MS);
    if (spentMs === undefined && this.#isNew) return undefined;
    this.#bankMs += spentMs ?? 0;
    if (this.#isNew) this.#bankMs = Math.min(this.#bankMs, elapsedMs);
    this.#isNew = false;
    const cpuMs = Math.min(this.#bankMs, elapsedMs);
    this.#bankMs = Math.min(this.#bankMs - cpuMs, BANK_MS_MAX);
    return cpuMs;
  }
}
