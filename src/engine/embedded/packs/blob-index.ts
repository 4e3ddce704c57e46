import { type Codec, cidOfDigest, codecOf, parseCid } from "../../../data/index.ts";

/** Where a blob lies in a pack. */
export interface Place {
  /** Number of the pack. */
  readonly pack: number;
  /** Where its record begins. */
  readonly offset: number;
  /** Of the blob, without what stands before it. */
  readonly bytes: number;
}

export interface BlobKey {
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly codec: Codec;
}

export const keyOf = (cid: string): BlobKey => ({ digest: parseCid(cid).digest, codec: codecOf(cid) });

/** A row: 8 words of digest, the pack's number and the codec, offset, length. */
const WORDS = 11;
const DIGEST_WORDS = 8;
const PACK = 8;
const OFFSET = 9;
const LENGTH = 10;
const PAGE_ROWS = 4096;
const SLOTS_MIN = 1024;
/** More of the slots than this are never taken. */
const LOAD_MAX = 0.7;
const FREE = 0xffff_ffff;
/** Ends the list of free rows. */
const NONE = 0xffff_ffff;

interface Page {
  readonly words: Uint32Array;
  readonly usedAtMs: Float64Array;
}

const random32 = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;

/**
 * What lies where in the packs, in 52 bytes a blob and 6 to 12 for finding it: rows in pages, and an open hash
 * table (linear probing, deletion by moving back) of their numbers.
 */
export class BlobIndex {
  readonly #pages: Page[] = [];
  #slots = new Uint32Array(SLOTS_MIN);
  #rows = 0;
  #count = 0;
  #free = NONE;
  /** Nobody can choose digests that all fall into one place. */
  readonly #seeds = [random32(), random32()] as const;
  readonly #wanted = new Uint32Array(DIGEST_WORDS);
  readonly #wantedBytes = new Uint8Array(this.#wanted.buffer);

  /** How many blobs there are. */
  get count(): number {
    return this.#count;
  }

  /** The row of a blob, or undefined. Rows stay where they are until they are removed. */
  find(key: BlobKey): number | undefined {
    this.#wantedBytes.set(key.digest);
    const codec = codecBit(key.codec);
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(this.#wanted, 0) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return undefined;
      if (this.#isAt(row, codec)) return row;
    }
  }

  /** Adds a blob that is not there. */
  add(key: BlobKey, place: Place, usedAtMs: number): number {
    if (this.#count + 1 > this.#slots.length * LOAD_MAX) this.#grow();
    const row = this.#takeRow();
    const { words, usedAtMs: times } = this.#page(row);
    const at = (row % PAGE_ROWS) * WORDS;
    this.#wantedBytes.set(key.digest);
    words.set(this.#wanted, at);
    words[at + PACK] = place.pack * 2 + codecBit(key.codec);
    words[at + OFFSET] = place.offset;
    words[at + LENGTH] = place.bytes;
    times[row % PAGE_ROWS] = usedAtMs;
    this.#link(row);
    this.#count++;
    return row;
  }

  remove(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#home(row);
    while (this.#slots[slot] !== row + 1) slot = (slot + 1) & mask;
    // What stands behind without a gap moves up where it was pushed down by what goes.
    for (let next = (slot + 1) & mask; this.#slots[next] !== 0; next = (next + 1) & mask) {
      const home = this.#home(this.#slots[next]! - 1);
      if (((next - home) & mask) < ((next - slot) & mask)) continue;
      this.#slots[slot] = this.#slots[next]!;
      slot = next;
    }
    this.#slots[slot] = 0;
    const { words } = this.#page(row);
    const at = (row % PAGE_ROWS) * WORDS;
    words[at + LENGTH] = FREE;
    words[at + OFFSET] = this.#free;
    this.#free = row;
    this.#count--;
  }

  place(row: number): Place {
    const { words } = this.#page(row);
    const at = (row % PAGE_ROWS) * WORDS;
    return { pack: words[at + PACK]! >>> 1, offset: words[at + OFFSET]!, bytes: words[at + LENGTH]! };
  }

  bytes(row: number): number {
    return this.#page(row).words[(row % PAGE_ROWS) * WORDS + LENGTH]!;
  }

  move(row: number, { pack, offset }: Pick<Place, "pack" | "offset">): void {
    const { words } = this.#page(row);
    const at = (row % PAGE_ROWS) * WORDS;
    words[at + PACK] = pack * 2 + (words[at + PACK]! & 1);
    words[at + OFFSET] = offset;
  }

  key(row: number): BlobKey {
    const { words } = this.#page(row);
    const at = (row % PAGE_ROWS) * WORDS;
    const digest = new Uint8Array(words.slice(at, at + DIGEST_WORDS).buffer);
    return { digest, codec: (words[at + PACK]! & 1) === 1 ? "dag-pb" : "raw" };
  }

  cid(row: number): string {
    const { digest, codec } = this.key(row);
    return cidOfDigest(digest, codec);
  }

  usedAtMs(row: number): number {
    return this.#page(row).usedAtMs[row % PAGE_ROWS]!;
  }

  use(row: number, atMs: number): void {
    this.#page(row).usedAtMs[row % PAGE_ROWS] = atMs;
  }

  /** All rows, in no order; what is added meanwhile may be left out. */
  *rows(): Generator<number, void, undefined> {
    const end = this.#rows;
    for (let row = 0; row < end; row++) if (this.bytes(row) !== FREE) yield row;
  }

  #isAt(row: number, codec: number): boolean {
    const { words } = this.#page(row);
    const at = (row % PAGE_ROWS) * WORDS;
    for (let word = 0; word < DIGEST_WORDS; word++) {
      if (words[at + word] !== this.#wanted[word]) return false;
    }
    return (words[at + PACK]! & 1) === codec;
  }

  #takeRow(): number {
    if (this.#free !== NONE) {
      const row = this.#free;
      this.#free = this.#page(row).words[(row % PAGE_ROWS) * WORDS + OFFSET]!;
      return row;
    }
    if (this.#rows === this.#pages.length * PAGE_ROWS) {
      this.#pages.push({
        words: new Uint32Array(PAGE_ROWS * WORDS),
        usedAtMs: new Float64Array(PAGE_ROWS),
      });
    }
    return this.#rows++;
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (const row of this.rows()) this.#link(row);
  }

  #link(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#home(row);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  /** Where a row would stand if nothing were in its way. */
  #home(row: number): number {
    return this.#hash(this.#page(row).words, (row % PAGE_ROWS) * WORDS) & (this.#slots.length - 1);
  }

  #hash(words: Uint32Array, at: number): number {
    const mixed =
      Math.imul(words[at]! ^ this.#seeds[0], 0x9e37_79b1) ^
      Math.imul(words[at + 1]! ^ this.#seeds[1], 0x85eb_ca6b);
    return mixed ^ (mixed >>> 15);
  }

  #page(row: number): Page {
    return this.#pages[Math.floor(row / PAGE_ROWS)]!;
  }
}

const codecBit = (codec: Codec): number => (codec === "dag-pb" ? 1 : 0);
