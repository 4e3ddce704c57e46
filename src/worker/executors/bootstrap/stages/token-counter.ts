import {
  Arena,
  finishHash,
  HASH_PRIME,
  HASH_START,
  orderOf,
  TEXT_TAG,
} from "../../../../data/pairs/index.ts";
import { MusketeersError } from "../../../../protocol/index.ts";
import type { Emit } from "./definition.ts";
import type { PartitionFiles } from "./partition-files.ts";
import { pushRecord, pushValue } from "./small-value.ts";

/** The hash of a key before its text's bytes. */
const TEXT_HASH = Math.imul(HASH_START ^ TEXT_TAG, HASH_PRIME);
const SLOTS_FIRST = 1 << 14;
const ENTRY_BYTES = 48;

const untext = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Counts pieces of bytes without making texts of them: a hash table with open addressing over one buffer that
 * holds each different piece once, as the key that it will be.
 */
export class TokenCounter {
  readonly #onFull: () => void;
  readonly #bytesMax: number;
  #keys = new Arena(64 * 1024);
  #slots = new Int32Array(SLOTS_FIRST);
  #hashes = new Int32Array(SLOTS_FIRST / 2);
  #starts = new Uint32Array(SLOTS_FIRST / 2 + 1);
  #counts = new Float64Array(SLOTS_FIRST / 2);
  #size = 0;
  #separators = new Uint8Array(256);
  #separatorsOf: string | undefined;

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
    let hash = TEXT_HASH;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, HASH_PRIME);
    this.#count(bytes, start, end, hash, by);
  }

  /**
   * Counts what stands between separators, empty pieces left out.
   * @param separators ASCII characters; line ends and spaces where nothing is said
   */
  addTokens(bytes: Uint8Array, separators = " \r\n"): void {
    const table = this.#tableOf(separators);
    const length = bytes.length;
    let hash = TEXT_HASH;
    let start = 0;
    for (let at = 0; at < length; at++) {
      const byte = bytes[at]!;
      if (table[byte] === 0) hash = Math.imul(hash ^ byte, HASH_PRIME);
      else {
        if (at > start) this.#count(bytes, start, at, hash, 1);
        start = at + 1;
        hash = TEXT_HASH;
      }
    }
    if (length > start) this.#count(bytes, start, length, hash, 1);
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
      const arena = files.arena((this.#hashes[entry]! >>> 0) % files.partitions);
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

  #count(bytes: Uint8Array, start: number, end: number, unfinished: number, by: number): void {
    const hash = finishHash(unfinished) | 0;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const keys = this.#keys.bytes;
    let slot = hash & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (this.#hashes[entry - 1] === hash) {
        const from = this.#starts[entry - 1]! + 1;
        if (this.#starts[entry]! - from === end - start) {
          let at = start;
          while (at < end && keys[from + at - start] === bytes[at]) at++;
          if (at === end) {
            this.#counts[entry - 1]! += by;
            return;
          }
        }
      }
      slot = (slot + 1) & mask;
    }
    this.#insert(bytes.subarray(start, end), hash, slot, by);
  }

  #insert(piece: Uint8Array, hash: number, slot: number, by: number): void {
    const entry = this.#size++;
    this.#slots[slot] = entry + 1;
    this.#hashes[entry] = hash;
    this.#counts[entry] = by;
    this.#starts[entry] = this.#keys.length;
    this.#keys.pushByte(TEXT_TAG);
    this.#keys.push(piece);
    this.#starts[entry + 1] = this.#keys.length;
    if (this.#keys.length + this.#size * ENTRY_BYTES > this.#bytesMax) this.#onFull();
    else if (this.#size === this.#hashes.length) this.#enlarge();
  }

  #enlarge(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      let slot = this.#hashes[entry]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
    const capacity = slots.length / 2;
    this.#hashes = grown(this.#hashes, new Int32Array(capacity));
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
    this.#separatorsOf = separators;
    return this.#separators;
  }
}

function grown<A extends Int32Array | Float64Array | Uint32Array>(from: A, to: A): A {
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
