import type { Clock } from "../clock.ts";

const WINDOW_SECONDS = 5;

/** Counts accepted results, in all and a second over the last seconds. */
export class Throughput {
  readonly #clock: Clock;
  readonly #counts = new Float64Array(WINDOW_SECONDS + 1);
  readonly #seconds = new Float64Array(WINDOW_SECONDS + 1).fill(-1);
  total = 0;
  /** Of these, how many are failures. */
  failed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(count: number, failed: number): void {
    this.total += count;
    this.failed += failed;
    const second = Math.floor(this.#clock.nowMs() / 1000);
    const slot = second % this.#counts.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot]! += count;
  }

  /** Results a second, over the last whole seconds. */
  get perSecond(): number {
    const second = Math.floor(this.#clock.nowMs() / 1000);
    let sum = 0;
    for (let slot = 0; slot < this.#counts.length; slot++) {
      const age = second - this.#seconds[slot]!;
      if (age >= 1 && age <= WINDOW_SECONDS) sum += this.#counts[slot]!;
    }
    return sum / WINDOW_SECONDS;
  }
}
