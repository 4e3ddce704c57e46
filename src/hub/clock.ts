/** The two clocks of a hub. */
export interface Clock {
  /** Monotonic, in milliseconds; all decisions go by it. */
  nowMs(): number;
  /** Milliseconds since 1970; for people and expiry dates. */
  wallMs(): number;
}

export const systemClock: Clock = Object.freeze({
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
});

/** A tick this late means that the hub itself stood still (suspended, swapped out, starved). */
const STALL_MS = 1_000;
/** What waits in the sockets after a stall is read in this time, before anyone counts as silent. */
const STALL_GRACE_MS = 250;
const DELAY_MAX_MS = 60_000;

/** Calls back at the time that the scheduler asked for last. */
export class SchedulerTimer {
  readonly #clock: Clock;
  readonly #onTick: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onTick: () => void) {
    this.#clock = clock;
    this.#onTick = onTick;
  }

  set(atMs: number): void {
    this.#atMs = atMs;
    clearTimeout(this.#timer);
    const delayMs = Math.min(Math.max(0, Math.ceil(atMs - this.#clock.nowMs())), DELAY_MAX_MS);
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    const lateMs = this.#clock.nowMs() - this.#atMs;
    if (lateMs > STALL_MS) {
      this.#atMs = this.#clock.nowMs() + STALL_GRACE_MS;
      this.#timer = setTimeout(() => this.#fire(), STALL_GRACE_MS);
      return;
    }
    this.#onTick();
  }
}
