import { Arena, orderOf, partitionOf, TEXT_TAG } from "../../../../data/pairs/index.ts";
import { MusketeersError } from "../../../../protocol/index.ts";
import type { Emit } from "./definition.ts";
import type { PartitionFiles } from "./partition-files.ts";
import { pushRecord, pushValue } from "./small-value.ts";

/** Slots, and what they hold: the number of an entry, counted from 1, or 0 for none, and its hash. */
const SLOTS_FIRST = 1 << 14;
const SLOT_CELLS = 2;
const SLOT_SHIFT = 1;
const ENTRY_BYTES = 48;

const untext = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes are read four at a time, which is twice as fast as one by one. */
const WORD_BYTES = 4;
/** A space and one; less than this is where words mostly end. */
const ABOVE_SPACE = 0x21;
const EACH_ABOVE_SPACE = 0x2121_2121;
const EACH_HIGH_BIT = 0x8080_8080 | 0;

/** Of MurmurHash3's finish. */
const PRIME_A = 0x85eb_ca6b | 0;
const PRIME_B = 0xc2b2_ae35 | 0;
/** Small as all that follows from it, or engines would take it for a float. */
const HASH_START = 0x9e37_79b9 | 0;

/** A hash with four more bytes of the piece. */
function mixed(hash: number, word: number): number {
  const next = Math.imul(hash ^ word, PRIME_A);
  return next ^ (next >>> 15);
}

/** A piece's hash from that of its whole words and the up to three bytes behind these. */
function finished(hash: number, rest: number, length: number): number {
  const next = Math.imul(mixed(hash, rest) ^ length, PRIME_B);
  return next ^ (next >>> 13);
}

/** The up to three bytes of `[from, to)` as a number, the first of them lowest. */
function restOf(bytes: Uint8Array, from: number, to: number): number {
  let rest = 0;
  for (let at = to - 1; at >= from; at--) rest = (rest << 8) | bytes[at]!;
  return rest;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Counts pieces of bytes without making texts of them: a hash table with open addressing over one buffer that
 * holds each different piece once, as the key that it will be.
 */
export class TokenCounter {
  readonly #onFull: () => void;
  readonly #bytesMax: number;
  #keys = new Arena(64 * 1024);
  #keysView = viewOf(this.#keys.bytes);
  #slots = new Int32Array(SLOTS_FIRST * SLOT_CELLS);
  #starts = new Uint32Array(SLOTS_FIRST / 2 + 1);
  #counts = new Float64Array(SLOTS_FIRST / 2);
  #size = 0;
  #separators = new Uint8Array(256);
  #separatorsOf: string | undefined;
  /** All separators are spaces or below, of which a word is free at one look. */
  #separatorsLow = false;

  /** @param onFull called between two pieces when it holds more than `bytesMax`; it has to empty it */
  constructor(bytesMax: number, onFull: () => void) {
    this.#bytesMax = bytesMax;
    this.#onFull = onFull;
  }

  /** How many different pieces it holds. */
  get size(): number {
    return this.#size;
  }

  /**
   * Counts `bytes[start..end)`.
   * @param by how often
   */
  add(bytes: Uint8Array, start = 0, end = bytes.length, by = 1): void {
    const view = viewOf(bytes);
    const wordsEnd = start + ((end - start) & -WORD_BYTES);
    let hash = HASH_START;
    for (let at = start; at < wordsEnd; at += WORD_BYTES) hash = mixed(hash, view.getInt32(at, true));
    this.#count(view, start, end, hash, restOf(bytes, wordsEnd, end), by);
  }

  /**
   * Counts what stands between separators, empty pieces left out.
   * @param separators ASCII characters; line ends and spaces where nothing is said
   */
  addTokens(bytes: Uint8Array, separators = " \r\n"): void {
    const table = this.#tableOf(separators);
    if (this.#separatorsLow) this.#addSpaced(bytes, table);
    else this.#addSeparated(bytes, table);
  }

  /** As `addTokens`, where no separator is above a space. */
  #addSpaced(bytes: Uint8Array, table: Uint8Array): void {
    const view = viewOf(bytes);
    const { length } = bytes;
    const wordMax = length - WORD_BYTES;
    for (let start = 0; start < length; ) {
      let hash = HASH_START;
      let rest = -1;
      let end = start;
      for (; end <= wordMax; end += WORD_BYTES) {
        const word = view.getInt32(end, true);
        // The lowest bit that is set here is that of the first byte below (a borrow may set others above it).
        const below = (word - EACH_ABOVE_SPACE) & ~word & EACH_HIGH_BIT;
        if (below !== 0) {
          const bits = (31 - Math.clz32(below & -below)) & 24;
          if (table[(word >>> bits) & 0xff] !== 0) {
            rest = word & ((1 << bits) - 1);
            end += bits >>> 3;
          }
          break;
        }
        hash = mixed(hash, word);
      }
      if (rest < 0) {
        // What is left of the bytes is no word, or has something below a space that does not separate.
        while (end < length && table[bytes[end]!] === 0) end++;
        if (end > start) this.add(bytes, start, end);
      } else if (end > start) this.#count(view, start, end, hash, rest, 1);
      start = end + 1;
    }
  }

  /** As `addTokens`, whatever separates. */
  #addSeparated(bytes: Uint8Array, table: Uint8Array): void {
    const { length } = bytes;
    let start = 0;
    for (let at = 0; at < length; at++) {
      if (table[bytes[at]!] === 0) continue;
      if (at > start) this.add(bytes, start, at);
      start = at + 1;
    }
    if (length > start) this.add(bytes, start, length);
  }

  /**
   * Sends everything off, as one run for each partition, and begins anew.
   * @throws MusketeersError `INVALID_DATA` for pieces that are no UTF-8
   */
  flush(files: PartitionFiles): void {
    if (this.#size === 0) return;
    const bytes = this.#keys.bytes;
    const starts = this.#starts;
    const ends = starts.subarray(1);
    for (const entry of orderOf({ bytes, starts, ends, count: this.#size })) {
      const key = bytes.subarray(starts[entry]!, ends[entry]!);
      checkText(key);
      const arena = files.arena(partitionOf(key, files.partitions));
      pushRecord(arena, key);
      pushValue(arena, this.#counts[entry]!);
    }
    files.endRuns();
    this.#clear();
  }

  /** Emits everything, as texts with their counts, and begins anew. */
  emitAll(emit: Emit): void {
    for (let entry = 0; entry < this.#size; entry++) {
      const key = this.#keys.bytes.subarray(this.#starts[entry]!, this.#starts[entry + 1]!);
      checkText(key);
      emit(untext.decode(key.subarray(1)), this.#counts[entry]!);
    }
    this.#clear();
  }

  #clear(): void {
    this.#slots.fill(0);
    this.#keys.length = 0;
    this.#size = 0;
  }

  /** @param hash of the whole words; `rest` are the bytes behind these */
  #count(view: DataView, start: number, end: number, hash: number, rest: number, by: number): void {
    const length = end - start;
    const whole = finished(hash, rest, length);
    const slots = this.#slots;
    const starts = this.#starts;
    const keys = this.#keysView;
    const mask = slots.length - 1;
    const wordsBytes = length & -WORD_BYTES;
    const restMask = (1 << ((length & (WORD_BYTES - 1)) * 8)) - 1;
    let slot = (whole << SLOT_SHIFT) & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (slots[slot + 1] === whole) {
        const from = starts[entry - 1]! + 1;
        if (starts[entry]! - from === length) {
          let at = 0;
          while (at < wordsBytes && keys.getInt32(from + at, true) === view.getInt32(start + at, true)) {
            at += WORD_BYTES;
          }
          if (at === wordsBytes && (keys.getInt32(from + at, true) & restMask) === rest) {
            this.#counts[entry - 1]! += by;
            return;
          }
        }
      }
      slot = (slot + SLOT_CELLS) & mask;
    }
    slots[slot] = this.#size + 1;
    slots[slot + 1] = whole;
    this.#insert(view, start, end, by);
  }

  #insert({ buffer, byteOffset }: DataView, start: number, end: number, by: number): void {
    const keys = this.#keys;
    const entry = this.#size++;
    this.#counts[entry] = by;
    this.#starts[entry] = keys.length;
    keys.pushByte(TEXT_TAG);
    keys.push(new Uint8Array(buffer, byteOffset + start, end - start));
    this.#starts[entry + 1] = keys.length;
    // The last key is read by whole words, too.
    keys.reserve(WORD_BYTES);
    if (this.#keysView.buffer !== keys.bytes.buffer) this.#keysView = viewOf(keys.bytes);
    if (keys.length + this.#size * ENTRY_BYTES > this.#bytesMax) this.#onFull();
    else if (this.#size === this.#counts.length) this.#enlarge();
  }

  #enlarge(): void {
    const before = this.#slots;
    const slots = new Int32Array(before.length * 2);
    const mask = slots.length - 1;
    for (let from = 0; from < before.length; from += SLOT_CELLS) {
      if (before[from] === 0) continue;
      const hash = before[from + 1]!;
      let slot = (hash << SLOT_SHIFT) & mask;
      while (slots[slot] !== 0) slot = (slot + SLOT_CELLS) & mask;
      slots[slot] = before[from]!;
      slots[slot + 1] = hash;
    }
    this.#slots = slots;
    const capacity = slots.length / SLOT_CELLS / 2;
    this.#counts = grown(this.#counts, new Float64Array(capacity));
    this.#starts = grown(this.#starts, new Uint32Array(capacity + 1));
  }

  #tableOf(separators: string): Uint8Array {
    if (this.#separatorsOf === separators) return this.#separators;
    const bytes = encoder.encode(separators);
    if (bytes.length === 0 || bytes.some((byte) => byte >= 0x80)) {
      throw new MusketeersError("BAD_ARGUMENT", `Separators have to be ASCII: ${JSON.stringify(separators)}`);
    }
    this.#separators = new Uint8Array(256);
    for (const byte of bytes) this.#separators[byte] = 1;
    this.#separatorsLow = bytes.every((byte) => byte < ABOVE_SPACE);
    this.#separatorsOf = separators;
    return this.#separators;
  }
}

function grown<A extends Float64Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

function checkText(key: Uint8Array): void {
  let at = 1;
  while (at < key.length && key[at]! < 0x80) at++;
  if (at === key.length) return;
  try {
    untext.decode(key.subarray(1));
  } catch (cause) {
    throw new MusketeersError("INVALID_DATA", "What was counted is no UTF-8", {
      hint: "Keys of a counter are texts; emit bytes as keys where they are none.",
      cause,
    });
  }
}
