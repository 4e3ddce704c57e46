/*
 * How many records are handed to a sandbox at once: as many as should take one progress interval, so that
 * few of them are lost to a death or withheld from a trim, and the way there and back costs nothing.
 */

const TASKS_KEPT = 64;
/** A run is at most this many times as long as the longest before it that was measured. */
const GROWTH_MAX = 16;
/** Weight of the newest measurement. */
const NEWEST = 0.5;

interface Estimate {
  msPerRecord: number;
  /** Records of the largest report so far. */
  seen: number;
}

/** What records of each task take, learnt from their reports. */
export class Pace {
  readonly #estimates = new Map<string, Estimate>();
  readonly #targetMs: number;

  constructor(targetMs: number) {
    this.#targetMs = targetMs;
  }

  learn(task: string, count: number, elapsedMs: number): void {
    if (count === 0) return;
    const known = this.#estimates.get(task);
    const ms = elapsedMs / count;
    if (known === undefined) {
      this.#estimates.set(task, { msPerRecord: ms, seen: count });
    } else {
      known.msPerRecord += NEWEST * (ms - known.msPerRecord);
      known.seen = Math.max(known.seen, count);
      if (this.#estimates.size === 1) return;
      this.#estimates.delete(task);
      this.#estimates.set(task, known);
    }
    const oldest = this.#estimates.keys().next();
    if (this.#estimates.size > TASKS_KEPT && oldest.done !== true) this.#estimates.delete(oldest.value);
  }

  /** How many records to hand out while `outstanding` are in the sandbox; 0: it has enough. */
  next(task: string, outstanding: number): number {
    const estimate = this.#estimates.get(task);
    if (estimate === undefined) return outstanding === 0 ? 1 : 0;
    const fitting = Math.floor(this.#targetMs / Math.max(estimate.msPerRecord, 1e-6));
    const batch = Math.max(1, Math.min(fitting, estimate.seen * GROWTH_MAX));
    if (outstanding === 0) return batch;
    return outstanding * estimate.msPerRecord < this.#targetMs && outstanding <= batch && fitting > 1
      ? batch
      : 0;
  }
}
