import type { TimelineView } from "../../protocol/index.ts";

const STEPS_MAX = 240;
const FIRST_STEP_MS = 1_000;

/** What is kept of a timeline. */
export type PackedTimeline = [
  startMs: number,
  stepMs: number,
  done: readonly number[],
  failed: readonly number[],
];

/**
 * Counts over time in up to `STEPS_MAX` steps from the first count on. When it outgrows them, each two become one;
 * or, where it rolls, the oldest are forgotten.
 */
export class Timeline {
  #startMs = 0;
  #stepMs = FIRST_STEP_MS;
  #done: number[] = [];
  #failed: number[] = [];
  readonly #rolls: boolean;

  constructor({ rolls = false } = {}) {
    this.#rolls = rolls;
  }

  add(done: number, failed: number, nowMs: number): void {
    const step = this.#stepAt(nowMs);
    this.#done[step]! += done;
    this.#failed[step]! += failed;
  }

  /** @param untilMs up to when there was nothing where nothing was counted */
  view(untilMs: number): TimelineView {
    if (this.#done.length > 0) this.#stepAt(untilMs);
    return { startMs: this.#startMs, stepMs: this.#stepMs, done: this.#done, failed: this.#failed };
  }

  /** Results a second over the last whole steps, of as many milliseconds at least. */
  rate(overMs: number, nowMs: number): number {
    if (this.#done.length === 0) return 0;
    const now = this.#stepAt(nowMs);
    const steps = Math.min(now, Math.ceil(overMs / this.#stepMs));
    if (steps === 0) return 0;
    let sum = 0;
    for (let step = now - steps; step < now; step++) sum += this.#done[step]!;
    return (sum * 1000) / (steps * this.#stepMs);
  }

  pack(): PackedTimeline {
    return [this.#startMs, this.#stepMs, this.#done, this.#failed];
  }

  static unpack([startMs, stepMs, done, failed]: PackedTimeline): Timeline {
    const timeline = new Timeline();
    timeline.#startMs = startMs;
    timeline.#stepMs = stepMs;
    timeline.#done = [...done];
    timeline.#failed = [...failed];
    return timeline;
  }

  /** The step of a time, made if need be; clocks that go back count into the latest. */
  #stepAt(nowMs: number): number {
    if (this.#done.length === 0) {
      this.#startMs = nowMs - (nowMs % FIRST_STEP_MS);
      this.#push();
    }
    let step = Math.floor((nowMs - this.#startMs) / this.#stepMs);
    while (step >= STEPS_MAX) {
      if (this.#rolls) {
        const excess = step - STEPS_MAX + 1;
        this.#done.splice(0, excess);
        this.#failed.splice(0, excess);
        this.#startMs += excess * this.#stepMs;
        step -= excess;
      } else {
        this.#done = inPairs(this.#done);
        this.#failed = inPairs(this.#failed);
        this.#stepMs *= 2;
        step = Math.floor((nowMs - this.#startMs) / this.#stepMs);
      }
    }
    while (this.#done.length <= step) this.#push();
    return this.#done.length - 1;
  }

  #push(): void {
    this.#done.push(0);
    this.#failed.push(0);
  }
}

const inPairs = (counts: readonly number[]): number[] =>
  Array.from(
    { length: Math.ceil(counts.length / 2) },
    (_, at) => counts[2 * at]! + (counts[2 * at + 1] ?? 0),
  );
