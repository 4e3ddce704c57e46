import { pushRange, type Range, type Ranges } from "../../protocol/index.ts";
import { CHUNK_INPUTS, type Chunk, chunkOf } from "./chunk.ts";

/**
 * A set of input indices. What is contiguous costs next to nothing (a full chunk of 65,536 is one shared
 * object), what is scattered at worst a bit an input.
 */
export class RangeSet {
  /** Which chunks are there, sorted; a chunk's first input is its key times `CHUNK_INPUTS`. */
  #keys: number[] = [];
  #chunks: Chunk[] = [];
  #count = 0;

  constructor(ranges: Ranges = []) {
    this.addAll(ranges);
  }

  get count(): number {
    return this.#count;
  }

  has(input: number): boolean {
    return this.nextIn(input) === input;
  }

  /** Adds `[start, end)`; says how many were not there before. */
  add(start: number, end: number): number {
    const before = this.#count;
    for (let from = start; from < end; ) {
      const key = Math.floor(from / CHUNK_INPUTS);
      const base = key * CHUNK_INPUTS;
      const to = Math.min(end, base + CHUNK_INPUTS);
      const at = this.#find(key);
      const chunk = this.#keys[at] === key ? this.#chunks[at]! : undefined;
      if (chunk === undefined) {
        this.#insert(at, key, chunkOf(from - base, to - base));
        this.#count += to - from;
      } else {
        const members = chunk.count;
        const larger = chunk.add(from - base, to - base);
        this.#chunks[at] = larger;
        this.#count += larger.count - members;
      }
      from = to;
    }
    return this.#count - before;
  }

  addAll(ranges: Ranges): number {
    let added = 0;
    for (const [start, end] of ranges) added += this.add(start, end);
    return added;
  }

  /** Removes `[start, end)`; says how many were there. */
  remove(start: number, end: number): number {
    if (start >= end) return 0;
    const before = this.#count;
    let at = this.#find(Math.floor(start / CHUNK_INPUTS));
    const kept = at;
    let gone = 0;
    for (; at < this.#keys.length; at++) {
      const base = this.#keys[at]! * CHUNK_INPUTS;
      if (base >= end) break;
      const chunk = this.#chunks[at]!;
      const members = chunk.count;
      const smaller = chunk.remove(Math.max(start - base, 0), Math.min(end - base, CHUNK_INPUTS));
      this.#count += (smaller?.count ?? 0) - members;
      if (smaller === undefined) {
        gone++;
      } else {
        this.#keys[at - gone] = this.#keys[at]!;
        this.#chunks[at - gone] = smaller;
      }
    }
    if (gone > 0) {
      this.#keys.splice(Math.max(at - gone, kept), gone);
      this.#chunks.splice(Math.max(at - gone, kept), gone);
    }
    return before - this.#count;
  }

  removeAll(ranges: Ranges): number {
    let removed = 0;
    for (const [start, end] of ranges) removed += this.remove(start, end);
    return removed;
  }

  clear(): void {
    this.#keys = [];
    this.#chunks = [];
    this.#count = 0;
  }

  clone(): RangeSet {
    const copy = new RangeSet();
    copy.#keys = this.#keys.slice();
    copy.#chunks = this.#chunks.map((chunk) => chunk.clone());
    copy.#count = this.#count;
    return copy;
  }

  /** The first member from an input on; infinity where there is none. */
  nextIn(input: number): number {
    const key = Math.floor(input / CHUNK_INPUTS);
    for (let at = this.#find(key); at < this.#keys.length; at++) {
      const base = this.#keys[at]! * CHUNK_INPUTS;
      const offset = this.#chunks[at]!.nextIn(Math.max(input - base, 0));
      if (offset < CHUNK_INPUTS) return base + offset;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** The first input from this one on that is no member. */
  nextOut(input: number): number {
    let key = Math.floor(input / CHUNK_INPUTS);
    let offset = input - key * CHUNK_INPUTS;
    for (let at = this.#find(key); this.#keys[at] === key; at++) {
      const end = this.#chunks[at]!.nextOut(offset);
      if (end < CHUNK_INPUTS) return key * CHUNK_INPUTS + end;
      offset = 0;
      key++;
    }
    return key * CHUNK_INPUTS + offset;
  }

  /** The whole set, in order, as ranges that do not touch. */
  *ranges(): Generator<Range, void, undefined> {
    for (let start = this.nextIn(0); start < Number.POSITIVE_INFINITY; ) {
      const end = this.nextOut(start);
      yield [start, end];
      start = this.nextIn(end);
    }
  }

  /** Removes the first members, up to `countMax` of them in up to `rangesMax` ranges, and gives them. */
  takeFirst(countMax: number, rangesMax = Number.POSITIVE_INFINITY): Range[] {
    let taken: Range[] = [];
    let left = countMax;
    for (let start = this.nextIn(0); left > 0 && start < Number.POSITIVE_INFINITY; ) {
      const end = Math.min(this.nextOut(start), start + left);
      // Leases keep them, mostly one: a push to an empty array reserves room for many.
      if (taken.length === 0) taken = [[start, end]];
      else taken.push([start, end]);
      left -= end - start;
      if (taken.length >= rangesMax) break;
      start = this.nextIn(end);
    }
    // Between the ranges there is nothing to lose.
    if (taken.length > 0) this.remove(taken[0]![0], taken.at(-1)![1]);
    return taken;
  }

  /** Takes the members below an input out as a set of their own. Costs what its chunks do, not its ranges. */
  takeBelow(end: number): RangeSet {
    const key = Math.floor(end / CHUNK_INPUTS);
    const below = new RangeSet();
    const at = this.#find(key);
    below.#keys = this.#keys.splice(0, at);
    below.#chunks = this.#chunks.splice(0, at);
    for (const { count } of below.#chunks) below.#count += count;
    this.#count -= below.#count;
    const rest = this.intersect([[key * CHUNK_INPUTS, end]]);
    below.addAll(rest);
    this.removeAll(rest);
    return below;
  }

  /** Adds the members of another set, which is used up. Costs what its chunks do where they are new here. */
  addSet(other: RangeSet): void {
    for (const [at, chunk] of other.#chunks.entries()) {
      const key = other.#keys[at]!;
      const base = key * CHUNK_INPUTS;
      const here = this.#find(key);
      if (this.#keys[here] !== key) {
        this.#insert(here, key, chunk);
        this.#count += chunk.count;
        continue;
      }
      for (let start = chunk.nextIn(0); start < CHUNK_INPUTS; ) {
        const end = chunk.nextOut(start);
        this.add(base + start, base + end);
        start = chunk.nextIn(end);
      }
    }
    other.clear();
  }

  /** The first ranges of inputs that are members of this set but not of another, up to so many. */
  without(other: RangeSet, rangesMax: number): Range[] {
    const found: Range[] = [];
    for (const range of this.ranges()) {
      for (const [start, end] of other.#gaps(range)) {
        if (found.length === rangesMax) return found;
        found.push([start, end]);
      }
    }
    return found;
  }

  *#gaps([start, end]: Range): Generator<Range, void, undefined> {
    for (let from = this.nextOut(start); from < end; ) {
      const to = Math.min(this.nextIn(from), end);
      yield [from, to];
      from = this.nextOut(to);
    }
  }

  /** Which inputs of the ranges are members, in the order of the ranges. */
  intersect(ranges: Ranges): Range[] {
    const members: Range[] = [];
    for (const [start, end] of ranges) {
      for (let from = this.nextIn(start); from < end; ) {
        const to = Math.min(this.nextOut(from), end);
        pushRange(members, from, to);
        from = this.nextIn(to);
      }
    }
    return members;
  }

  /** Which inputs of the ranges are no members, in the order of the ranges. */
  missing(ranges: Ranges): Range[] {
    // Most units are one range of which nothing is there.
    const first = ranges[0];
    if (first !== undefined && ranges.length === 1) {
      const [start, end] = first;
      if (start < end && this.nextIn(start) >= end) return [first];
    }
    const absent: Range[] = [];
    for (const [start, end] of ranges) {
      for (let from = this.nextOut(start); from < end; ) {
        const to = Math.min(this.nextIn(from), end);
        pushRange(absent, from, to);
        from = this.nextOut(to);
      }
    }
    return absent;
  }

  /** How many inputs of the ranges are members. */
  countIn(ranges: Ranges): number {
    let count = 0;
    for (const [start, end] of this.intersect(ranges)) count += end - start;
    return count;
  }

  /** Where a key stands or would stand. */
  #find(key: number): number {
    const keys = this.#keys;
    // Inputs arrive and leave at the ends.
    if (keys.length === 0 || key <= keys[0]!) return 0;
    let low = 0;
    let high = keys.length;
    if (key >= keys[high - 1]!) return key === keys[high - 1]! ? high - 1 : high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(at: number, key: number, chunk: Chunk): void {
    if (at === this.#keys.length) {
      this.#keys.push(key);
      this.#chunks.push(chunk);
      return;
    }
    this.#keys.splice(at, 0, key);
    this.#chunks.splice(at, 0, chunk);
  }
}
