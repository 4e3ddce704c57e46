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

/** An event loop that did nothing for so long stood still (suspended, swapped out, starved). */
const STALL_MS = 1_000;
const BEAT_MS = STALL_MS / 4;
/** What waits in the sockets after a stall is read in this time, before anyone counts as silent. */
const STALL_GRACE_MS = 250;
const DELAY_MAX_MS = 60_000;

/**
 * Calls back at the time that the scheduler asked for last; but after a stall of the hub itself only when
 * the sockets were read. Beats find stalls that ended just before a tick was due: they begin `STALL_MS` before it,
 * since an idle hub should sleep until then.
 */
export class SchedulerTimer {
  readonly #clock: Clock;
  readonly #onTick: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the tick is wanted, and when `#timer` should fire for it. */
  #atMs = Number.POSITIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;
  #graceUntilMs = 0;

  constructor(clock: Clock, onTick: () => void) {
    this.#clock = clock;
    this.#onTick = onTick;
  }

  set(atMs: number): void {
    this.#noteStall();
    this.#atMs = atMs;
    this.#arm(atMs);
  }

  /** Ends it. */
  cancel(): void {
    clearTimeout(this.#timer);
  }

  #arm(atMs: number): void {
    clearTimeout(this.#timer);
    const nowMs = this.#clock.nowMs();
    const leftMs = Math.max(0, atMs - nowMs);
    const delayMs = Math.ceil(
      leftMs > STALL_MS ? Math.min(leftMs - STALL_MS, DELAY_MAX_MS) : Math.min(leftMs, BEAT_MS),
    );
    this.#dueMs = nowMs + delayMs;
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  #noteStall(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#dueMs > STALL_MS - BEAT_MS) this.#graceUntilMs = nowMs + STALL_GRACE_MS;
  }

  #fire(): void {
    this.#noteStall();
    const atMs = Math.max(this.#atMs, this.#graceUntilMs);
    if (this.#clock.nowMs() < atMs) {
      this.#arm(atMs);
      return;
    }
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#onTick();
  }
}
