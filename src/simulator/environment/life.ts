import type { EventQueue } from "./event-queue.ts";

/** Timers of a process that may be killed: what was planned before that does not happen. */
export class Life {
  readonly #queue: EventQueue;
  #alarmMs = Number.POSITIVE_INFINITY;
  /** How often it was killed. */
  number = 0;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /** It is killed. */
  end(): void {
    this.number++;
    this.#alarmMs = Number.POSITIVE_INFINITY;
  }

  later(delayMs: number, then: () => void): void {
    this.#at(this.#queue.nowMs + delayMs, then);
  }

  /** Rings then; replaces the alarm before. */
  alarm(atMs: number, then: () => void): void {
    this.#alarmMs = atMs;
    this.#at(atMs, () => {
      if (this.#alarmMs !== atMs) return;
      this.#alarmMs = Number.POSITIVE_INFINITY;
      then();
    });
  }

  #at(atMs: number, then: () => void): void {
    const life = this.number;
    this.#queue.at(atMs, () => {
      if (this.number === life) then();
    });
  }
}
