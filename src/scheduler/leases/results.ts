import { type FailureMark, pushRange, type Range, type Ranges, sliceRanges } from "../../protocol/index.ts";
import type { RangeSet } from "../inputs/rangeset.ts";
import { Retries } from "../inputs/retries.ts";
import { requeue } from "../matching/fairness.ts";
import { withoutCanaries } from "../state/canary.ts";
import { type Job, type Scheduler, wakeBy } from "../state/state.ts";
import type { InputClass, WorkerId } from "../types.ts";
import { foundAtMs, judge, readyAtMs } from "./verdict.ts";

/** A block of results as a worker reports it, for positions of a unit. */
export interface ResultBlock {
  readonly from: number;
  readonly count: number;
  readonly failures: readonly FailureMark[];
  /** Where the job's results are voted on: one for each record. */
  readonly digests?: readonly string[];
}

/** Whether the numbers of a block make sense; who sends others is not believed. */
export function isBlock({ from, count, failures }: ResultBlock): boolean {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || from < 0 || count < 0) return false;
  let last = -1;
  for (const { at } of failures) {
    if (!Number.isSafeInteger(at) || at <= last || at >= count) return false;
    last = at;
  }
  return true;
}

/** Whether ranges can be those of a unit of a job of so many inputs: each input once, all of them there. */
export function isUnit(ranges: Ranges, size: number): boolean {
  const sorted = withoutCanaries(ranges).toSorted(([a], [b]) => a - b);
  let last = 0;
  for (const [start, end] of sorted) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return false;
    if (start < last || end <= start || end > size) return false;
    last = end;
  }
  return true;
}

/** Sends inputs back that found nothing to read, for a while. */
export function waitFor(state: Scheduler, job: Job, inputClass: InputClass, ranges: Ranges): void {
  if (ranges.length === 0) return;
  const atMs = foundAtMs(state.nowMs, state.config);
  job.pending.delay(inputClass, ranges, atMs);
  wakeBy(state, atMs);
}

/** The inputs of a unit in the order of its positions, and the class that they share. */
type Unit = InputClass & { readonly ranges: Ranges };

/**
 * Accepts what is new in one block of results: the first value or final failure of an input is its result,
 * whoever it comes from. What may be tried again goes back to the job, if nobody else runs it.
 */
export class Acceptance {
  readonly #state: Scheduler;
  readonly #job: Job;
  readonly #block: ResultBlock;
  readonly #unit: Unit;
  readonly #kept: Range[] = [];
  readonly #ranges: Range[] = [];
  readonly #failures: FailureMark[] = [];
  readonly #retries = new Retries();
  readonly #unharmed: Range[] = [];
  readonly #absent: Range[] = [];
  #keptCount = 0;
  /** The worker says that it will not run some of these. */
  refused = false;

  constructor(state: Scheduler, job: Job, unit: Unit, block: ResultBlock) {
    this.#state = state;
    this.#job = job;
    this.#unit = unit;
    this.#block = block;
  }

  /** The inputs that were accepted. */
  get ranges(): Ranges {
    return this.#ranges;
  }

  /**
   * Takes the positions `[first, last)` of the unit.
   * @param own which of their inputs it is for this lease alone to say of that they must be tried again:
   * all, none, or those in a set.
   */
  take(first: number, last: number, own: boolean | RangeSet): void {
    if (first >= last) return;
    const { from: blockFrom, failures } = this.#block;
    let mark = failures.findIndex(({ at }) => blockFrom + at >= first);
    if (mark < 0) mark = failures.length;
    let position = first;
    for (const [start, end] of sliceRanges(this.#unit.ranges, first, last)) {
      // Position in the block of input 0, were it there.
      const shift = position - start - blockFrom;
      let from = start;
      for (; mark < failures.length && failures[mark]!.at - shift < end; mark++) {
        const failing = failures[mark]!.at - shift;
        this.#keep(from, failing, shift);
        this.#fail(failing, shift, failures[mark]!, own === true || (own !== false && own.has(failing)));
        from = failing + 1;
      }
      this.#keep(from, end, shift);
      position += end - start;
    }
    if (own !== true) this.#job.pending.remove(this.#ranges);
  }

  /** Enters what comes of it into the job and the effects. */
  record(worker: WorkerId): void {
    const { pending } = this.#job;
    const { nowMs, config } = this.#state;
    const retries = this.#retries.list();
    for (const retry of retries) {
      // A crash is no reason to wait.
      const atMs =
        retry.failures > this.#unit.failures ? readyAtMs(this.#job, retry.failures, nowMs, config) : nowMs;
      if (atMs > nowMs) {
        pending.delay(retry, retry.ranges, atMs);
        wakeBy(this.#state, atMs);
      } else {
        pending.add(retry, retry.ranges);
      }
    }
    pending.add(this.#unit, this.#unharmed);
    waitFor(this.#state, this.#job, this.#unit, this.#absent);
    requeue(this.#state, this.#job);
    this.#state.changed.add(this.#job);
    this.#job.judged += this.#keptCount;
    this.#job.misjudged += this.#failures.length;
    this.#job.failed += this.#failures.length;
    if (this.#failures[0] !== undefined) {
      const { at } = this.#failures[0];
      this.#job.culprit ??= sliceRanges(this.#ranges, at, at + 1)[0]?.[0];
    }
    if (this.#keptCount === 0 && retries.length === 0) return;
    this.#state.effects.push({
      type: "RecordResults",
      job: this.#job.id,
      worker,
      kept: this.#kept,
      ranges: this.#ranges,
      failures: this.#failures,
      retries,
      accepted: "single",
    });
  }

  /** Keeps what is not done yet of the inputs `[start, end)`. */
  #keep(start: number, end: number, shift: number): void {
    if (start >= end) return;
    for (const [from, to] of this.#job.done.missing([[start, end]])) {
      this.#job.done.add(from, to);
      pushRange(this.#kept, from + shift, to + shift);
      pushRange(this.#ranges, from, to);
      this.#keptCount += to - from;
    }
  }

  #fail(input: number, shift: number, mark: FailureMark, isOwner: boolean): void {
    if (this.#job.done.has(input)) return;
    const verdict = judge(this.#job, this.#unit, mark.kind, this.#state.config);
    if (verdict.type === "final") {
      this.#failures.push({ at: this.#keptCount, kind: verdict.kind, fingerprint: mark.fingerprint });
      this.#keep(input, input + 1, shift);
      return;
    }
    if (verdict.type === "unharmed") this.refused = true;
    if (!isOwner) return;
    if (verdict.type === "retry") this.#retries.add(verdict.inputClass, input);
    else pushRange(verdict.type === "absent" ? this.#absent : this.#unharmed, input, input + 1);
  }
}
