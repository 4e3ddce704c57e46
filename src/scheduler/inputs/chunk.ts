/*
 * A chunk holds a subset of 65,536 neighbouring inputs in the smallest of three forms, after Roaring
 * bitmaps (Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software Library", 2018): all of
 * them, a few runs, or a bitmap of 8 KiB. Offsets count from the chunk's first input.
 */

export const CHUNK_INPUTS = 65_536;

/** With more runs than this the two 8-byte bounds of each would outweigh a bitmap. */
const RUNS_MAX = 512;
/** A bitmap with fewer members (or fewer gaps) than this becomes runs again; far from RUNS_MAX, so that it stays so. */
const SPARSE_MAX = 128;
const WORD_BITS = 32;
const ALL_BITS = 0xffff_ffff;

export interface Chunk {
  readonly count: number;
  /** The first member from an offset on, or `CHUNK_INPUTS`. */
  nextIn(offset: number): number;
  /** The first offset from this one on that is no member, or `CHUNK_INPUTS`. */
  nextOut(offset: number): number;
  /** Adds `[start, end)`; gives the chunk in the form that now fits. The old object is used up. */
  add(start: number, end: number): Chunk;
  /** Removes `[start, end)`; undefined when nothing is left. The old object is used up. */
  remove(start: number, end: number): Chunk | undefined;
  clone(): Chunk;
}

/** Every input of its range. Shared: it never changes. */
const fullChunk: Chunk = Object.freeze({
  count: CHUNK_INPUTS,
  nextIn: (offset: number) => offset,
  nextOut: () => CHUNK_INPUTS,
  add: () => fullChunk,
  remove: (start: number, end: number) => new RunChunk([0, CHUNK_INPUTS]).remove(start, end),
  clone: () => fullChunk,
});

/** A chunk with one run. */
export const chunkOf = (start: number, end: number): Chunk =>
  end - start === CHUNK_INPUTS ? fullChunk : new RunChunk([start, end]);

/**
 * Sorted runs as one flat list of bounds, `[start, end, start, end, …]`, strictly rising. How many bounds
 * lie at or before an offset tells by its parity whether the offset is inside a run.
 */
class RunChunk implements Chunk {
  readonly #bounds: number[];
  #count: number;

  constructor(bounds: number[]) {
    this.#bounds = bounds;
    this.#count = 0;
    for (let at = 0; at < bounds.length; at += 2) this.#count += bounds[at + 1]! - bounds[at]!;
  }

  get count(): number {
    return this.#count;
  }

  nextIn(offset: number): number {
    const before = this.#boundsUpTo(offset);
    return before % 2 === 1 ? offset : (this.#bounds[before] ?? CHUNK_INPUTS);
  }

  nextOut(offset: number): number {
    const before = this.#boundsUpTo(offset);
    return before % 2 === 0 ? offset : this.#bounds[before]!;
  }

  add(start: number, end: number): Chunk {
    this.#replace(start, end, 0);
    if (this.#count === CHUNK_INPUTS) return fullChunk;
    return this.#bounds.length <= 2 * RUNS_MAX ? this : new BitmapChunk(this);
  }

  remove(start: number, end: number): Chunk | undefined {
    this.#replace(start, end, 1);
    if (this.#count === 0) return undefined;
    return this.#bounds.length <= 2 * RUNS_MAX ? this : new BitmapChunk(this);
  }

  clone(): Chunk {
    return new RunChunk(this.#bounds.slice());
  }

  /**
   * Makes everything in `[start, end)` a member (0) or not (1): the bounds from `start` to `end` go, and
   * each end of the span becomes a bound where what lies beyond it differs.
   */
  #replace(start: number, end: number, outside: 0 | 1): void {
    const bounds = this.#bounds;
    const first = this.#boundsUpTo(start - 1);
    const last = this.#boundsUpTo(end);
    let members = 0;
    for (let at = first; at <= last; at++) {
      // Of the span's pieces between bounds, those behind an odd number of bounds are members.
      if (at % 2 === 0) continue;
      const from = at === first ? start : bounds[at - 1]!;
      const to = at === last ? end : bounds[at]!;
      members += to - from;
    }
    this.#count += (outside === 0 ? end - start : 0) - members;
    const bound = [];
    if (first % 2 === outside) bound.push(start);
    if (last % 2 === outside) bound.push(end);
    bounds.splice(first, last - first, ...bound);
  }

  /** How many bounds are at or before an offset. */
  #boundsUpTo(offset: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class BitmapChunk implements Chunk {
  readonly #words: Uint32Array;
  #count: number;

  constructor(from: Chunk | Uint32Array, count = 0) {
    this.#count = count;
    if (from instanceof Uint32Array) {
      this.#words = from;
      return;
    }
    this.#words = new Uint32Array(CHUNK_INPUTS / WORD_BITS);
    for (const [start, end] of runsOf(from)) this.#fill(start, end, true);
  }

  get count(): number {
    return this.#count;
  }

  nextIn(offset: number): number {
    return this.#next(offset, 0);
  }

  nextOut(offset: number): number {
    return this.#next(offset, ALL_BITS);
  }

  add(start: number, end: number): Chunk {
    this.#fill(start, end, true);
    if (this.#count === CHUNK_INPUTS) return fullChunk;
    return CHUNK_INPUTS - this.#count < SPARSE_MAX ? toRuns(this) : this;
  }

  remove(start: number, end: number): Chunk | undefined {
    this.#fill(start, end, false);
    if (this.#count === 0) return undefined;
    return this.#count < SPARSE_MAX ? toRuns(this) : this;
  }

  clone(): Chunk {
    return new BitmapChunk(this.#words.slice(), this.#count);
  }

  /** The first offset from this one on whose bit, after the flip, is set. */
  #next(offset: number, flip: number): number {
    if (offset >= CHUNK_INPUTS) return CHUNK_INPUTS;
    const words = this.#words;
    let at = offset >>> 5;
    let word = ((words[at]! ^ flip) >>> 0) & (ALL_BITS << (offset & 31));
    while (word === 0) {
      if (++at === words.length) return CHUNK_INPUTS;
      word = words[at]! ^ flip;
    }
    return at * WORD_BITS + 31 - Math.clz32(word & -word);
  }

  #fill(start: number, end: number, member: boolean): void {
    const words = this.#words;
    for (let at = start >>> 5; at * WORD_BITS < end; at++) {
      const low = Math.max(start - at * WORD_BITS, 0);
      const high = Math.min(end - at * WORD_BITS, WORD_BITS);
      const mask = (ALL_BITS << low) & (ALL_BITS >>> (WORD_BITS - high));
      const before = words[at]!;
      const after = member ? before | mask : before & ~mask;
      words[at] = after;
      this.#count += bitsIn(after) - bitsIn(before);
    }
  }
}

function* runsOf(chunk: Chunk): Generator<[start: number, end: number], void, undefined> {
  for (let start = chunk.nextIn(0); start < CHUNK_INPUTS; ) {
    const end = chunk.nextOut(start);
    yield [start, end];
    start = chunk.nextIn(end);
  }
}

const toRuns = (chunk: Chunk): Chunk => new RunChunk([...runsOf(chunk)].flat());

/** Set bits of a word (Warren, "Hacker's Delight", 5-1). */
function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
