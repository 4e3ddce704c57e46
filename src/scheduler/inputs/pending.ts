import { countOf, pushRange, type Range, type Ranges, sliceRanges } from "../../protocol/index.ts";
import type { InputClass } from "../types.ts";
import { RangeSet } from "./rangeset.ts";

/** Where inputs wait: by their class and, where votes are asked for, by who may take them (`lanes.ts`). */
export interface Place extends InputClass {
  readonly lane?: string;
}

/** Inputs of one class that may be leased. */
export interface ClassSet extends Place {
  readonly inputs: RangeSet;
}

/** Inputs of one class whose back-off ends at the same time. */
interface Bucket extends ClassSet {
  readonly readyAtMs: number;
}

export const freshClass: InputClass = Object.freeze({ failures: 0, strikes: 0 });

export const isFresh = ({ failures, strikes }: InputClass): boolean => failures === 0 && strikes === 0;
const isPlain = (place: Place): boolean => isFresh(place) && place.lane === undefined;
const isSame = (a: Place, b: Place): boolean =>
  a.failures === b.failures && a.strikes === b.strikes && a.lane === b.lane;

/**
 * Suspects last, because they may take a worker with them; then what was begun (votes, retries) before what is
 * fresh.
 */
const byTurn = (a: Place, b: Place): number =>
  a.strikes - b.strikes || rank(b) - rank(a) || b.failures - a.failures;
const rank = ({ lane }: Place): number => (lane === undefined ? 0 : 1);

const placeOf = ({ failures, strikes, lane }: Place): Place =>
  lane === undefined ? { failures, strikes } : { failures, strikes, lane };

/**
 * The inputs of a job that nobody works on: ready to be leased, waiting for the end of their back-off, or
 * held because a worker may come back with them. An input is in one of the sets at most.
 */
export class Pending {
  readonly #ready: ClassSet[] = [{ ...freshClass, inputs: new RangeSet() }];
  #buckets: Bucket[] = [];
  readonly #held = new RangeSet();
  #heldUntilMs = Number.POSITIVE_INFINITY;

  get readyCount(): number {
    let count = 0;
    for (const { inputs } of this.#ready) count += inputs.count;
    return count;
  }

  get count(): number {
    let count = this.readyCount + this.#held.count;
    for (const { inputs } of this.#buckets) count += inputs.count;
    return count;
  }

  /** Inputs that were tried before. */
  get retryingCount(): number {
    let count = 0;
    for (const { inputs } of this.#buckets) count += inputs.count;
    for (const set of this.#ready) if (!isFresh(set)) count += set.inputs.count;
    return count;
  }

  /** When `mature` has something to do. */
  get nextMs(): number {
    let nextMs = this.#held.count > 0 ? this.#heldUntilMs : Number.POSITIVE_INFINITY;
    for (const { readyAtMs } of this.#buckets) nextMs = Math.min(nextMs, readyAtMs);
    return nextMs;
  }

  /** What may be leased, in its turn. */
  get ready(): readonly ClassSet[] {
    return this.#ready;
  }

  /** What waits for the end of its back-off. */
  protected get delayed(): readonly Bucket[] {
    return this.#buckets;
  }

  /** The class whose turn it is. */
  next(): ClassSet | undefined {
    return this.#ready.find(({ inputs }) => inputs.count > 0);
  }

  /** Takes inputs of the class whose turn it is, the first first. */
  take(from: ClassSet, countMax: number, rangesMax: number): Range[] {
    const taken = from.inputs.takeFirst(countMax, rangesMax);
    this.sweep();
    return taken;
  }

  /** The same, but only inputs that are in `advice` as well, which loses what was looked at. */
  takeAdvised(from: ClassSet, advice: RangeSet, countMax: number, rangesMax: number): Range[] {
    const taken: Range[] = [];
    for (let left = countMax; left > 0 && taken.length < rangesMax; ) {
      const advised = advice.takeFirst(left, 1);
      if (advised.length === 0) break;
      for (const [start, end] of from.inputs.intersect(advised)) {
        if (taken.length < rangesMax || taken.at(-1)![1] === start) pushRange(taken, start, end);
        else advice.add(start, end);
      }
      left = countMax - countOf(taken);
    }
    from.inputs.removeAll(taken);
    this.sweep();
    return taken;
  }

  /** The same, but only inputs that are not in `others`. */
  takeUnlike(from: ClassSet, others: RangeSet, countMax: number, rangesMax: number): Range[] {
    const found = from.inputs.without(others, Math.min(countMax, rangesMax));
    const taken = sliceRanges(found, 0, Math.min(countMax, countOf(found)));
    from.inputs.removeAll(taken);
    this.sweep();
    return taken;
  }

  /** May be leased from now on. */
  add(place: Place, ranges: Ranges): void {
    if (ranges.length > 0) this.#readySet(place).addAll(ranges);
  }

  #readySet(place: Place): RangeSet {
    let set = this.#ready.find((other) => isSame(other, place));
    if (set === undefined) {
      set = { ...placeOf(place), inputs: new RangeSet() };
      this.#ready.push(set);
      this.#ready.sort(byTurn);
    }
    return set.inputs;
  }

  /** May be leased from `readyAtMs` on; round that time, so that buckets stay few. */
  delay(place: Place, ranges: Ranges, readyAtMs: number): void {
    let bucket = this.#buckets.find((other) => other.readyAtMs === readyAtMs && isSame(other, place));
    if (bucket === undefined) {
      bucket = { ...placeOf(place), readyAtMs, inputs: new RangeSet() };
      this.#buckets.push(bucket);
    }
    bucket.inputs.addAll(ranges);
  }

  /** Holds back the fresh inputs below `mark`. */
  holdFresh(mark: number, untilMs: number): void {
    const fresh = this.#ready.find(isPlain)!.inputs;
    this.#held.addSet(fresh.takeBelow(mark));
    this.#heldUntilMs = untilMs;
  }

  /** Makes ready what waited long enough. */
  mature(nowMs: number): void {
    if (nowMs < this.nextMs) return;
    if (nowMs >= this.#heldUntilMs) {
      this.#readySet(freshClass).addSet(this.#held);
    }
    const due = this.#buckets.filter(({ readyAtMs }) => readyAtMs <= nowMs);
    this.#buckets = this.#buckets.filter(({ readyAtMs }) => readyAtMs > nowMs);
    for (const bucket of due) this.#readySet(bucket).addSet(bucket.inputs);
  }

  /** Takes inputs out wherever they are; says how many were there. */
  remove(ranges: Ranges): number {
    let removed = 0;
    for (const { inputs } of this.sets()) if (inputs.count > 0) removed += inputs.removeAll(ranges);
    this.sweep();
    return removed;
  }

  /**
   * Takes inputs out for a worker that still has them from a lease of this class: those that are here and were
   * not tried since. (A strike does not count: it was for the worker's absence.) Gives what it took.
   */
  claim(inputClass: InputClass, ranges: Ranges): RangeSet {
    const { failures, strikes } = inputClass;
    const claimed = new RangeSet();
    for (const set of this.sets()) {
      const extra = set.strikes - strikes;
      if (set.failures !== failures || (extra !== 0 && extra !== 1)) continue;
      const found = set.inputs.intersect(ranges);
      set.inputs.removeAll(found);
      claimed.addAll(found);
    }
    this.sweep();
    return claimed;
  }

  /** All sets: ready ones, back-off buckets, the held one. */
  *sets(): Generator<ClassSet, void, undefined> {
    yield* this.#ready;
    yield* this.#buckets;
    yield { ...freshClass, inputs: this.#held };
  }

  protected sweep(): void {
    for (let at = this.#ready.length - 1; at >= 0; at--) {
      const set = this.#ready[at]!;
      if (set.inputs.count === 0 && !isPlain(set)) this.#ready.splice(at, 1);
    }
    if (this.#buckets.some(({ inputs }) => inputs.count === 0)) {
      this.#buckets = this.#buckets.filter(({ inputs }) => inputs.count > 0);
    }
  }
}
