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
 * the sockets were read. A beat finds stalls that ended just before a tick was due.
 */
export class SchedulerTimer {
  readonly #clock: Clock;
  readonly #onTick: () => void;
  readonly #beatTimer: ReturnType<typeof setInterval>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #beatMs: number;
  #graceUntilMs = 0;

  constructor(clock: Clock, onTick: () => void) {
    this.#clock = clock;
    this.#onTick = onTick;
    this.#beatMs = clock.nowMs();
    this.#beatTimer = setInterval(() => this.#beat(), BEAT_MS);
  }

  set(atMs: number): void {
    clearTimeout(this.#timer);
    const delayMs = Math.min(Math.max(0, Math.ceil(atMs - this.#clock.nowMs())), DELAY_MAX_MS);
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  /** Ends it. */
  cancel(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#beatTimer);
  }

  #beat(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#beatMs > STALL_MS) this.#graceUntilMs = nowMs + STALL_GRACE_MS;
    this.#beatMs = nowMs;
  }

  #fire(): void {
    this.#beat();
    const graceMs = this.#graceUntilMs - this.#clock.nowMs();
    if (graceMs > 0) this.#timer = setTimeout(() => this.#fire(), Math.ceil(graceMs));
    else this.#onTick();
  }
}
