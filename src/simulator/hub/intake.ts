import type { EventQueue } from "../environment/event-queue.ts";

/** How the hub's process comes to read what has arrived: in order, one message at a time, or later. */
export class Intake {
  readonly #queue: EventQueue;
  readonly #messageMs: number;
  readonly #pressedUntilMs: () => number;
  #life = 0;
  #waiting: (() => void)[] = [];
  #isPlanned = false;
  /** The process does nothing before this time. */
  stalledUntilMs = 0;
  /** Since when it has been at work. */
  awakeSinceMs = 0;

  /**
   * @param messageMs what reading one message takes
   * @param pressedUntilMs nothing is read before this time, because too much waits to be stored
   */
  constructor(queue: EventQueue, messageMs: number, pressedUntilMs: () => number) {
    this.#queue = queue;
    this.#messageMs = messageMs;
    this.#pressedUntilMs = pressedUntilMs;
  }

  /** When what is sent now is read. */
  get readsAtMs(): number {
    return Math.max(this.stalledUntilMs, this.#pressedUntilMs());
  }

  /** The process stands still for a while: nothing is read, no timer fires. */
  stall(forMs: number): void {
    this.stalledUntilMs = Math.max(this.stalledUntilMs, this.#queue.nowMs + forMs);
    this.awakeSinceMs = this.stalledUntilMs;
  }

  /** The process is killed: what it has not read it never will. */
  stop(): void {
    this.#life++;
    this.stalledUntilMs = 0;
    this.#waiting = [];
    this.#isPlanned = false;
  }

  read(action: () => void): void {
    if (this.#waiting.length === 0 && this.#messageMs === 0 && this.readsAtMs <= this.#queue.nowMs) {
      action();
      return;
    }
    this.#waiting.push(action);
    this.#plan();
  }

  /** Sees to it that what waits is read, each behind the one before. */
  #plan(): void {
    if (this.#isPlanned || this.#waiting.length === 0) return;
    this.#isPlanned = true;
    const life = this.#life;
    this.#queue.at(Math.max(this.readsAtMs, this.#queue.nowMs + this.#messageMs), () => {
      if (this.#life !== life) return;
      this.#isPlanned = false;
      while (this.readsAtMs <= this.#queue.nowMs) {
        this.#waiting.shift()?.();
        if (this.#life !== life) return;
        if (this.#waiting.length === 0 || this.#messageMs > 0) break;
      }
      this.#plan();
    });
  }
}
