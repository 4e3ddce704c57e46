const SLOTS_FIRST = 1 << 12;
/** FNV-1a's prime. */
const PRIME = 0x0100_0193;
/** Longer texts are left to a `Map`, whose hash is computed once a text and by the engine. */
const CHARS_MAX = 64;

/**
 * Cells by text, in the order in which the texts came first (long texts behind the others). A `Map` does the same; but words that have just
 * been cut out of a line are new strings each, and to hash and look up these takes it twice as long as a hash
 * table of our own (open addressing, linear probing).
 */
export class TextCells<C> {
  readonly #long = new Map<string, C>();
  /** Number of the entry, counted from 1, that has the slot; 0 for none. */
  #slots = new Int32Array(SLOTS_FIRST);
  #hashes = new Int32Array(SLOTS_FIRST / 2);
  #texts: string[] = [];
  #cells: C[] = [];

  get size(): number {
    return this.#texts.length + this.#long.size;
  }

  get(text: string): C | undefined {
    if (text.length > CHARS_MAX) return this.#long.get(text);
    const entry = this.#slots[this.#slotOf(text, hashOf(text))]!;
    return entry === 0 ? undefined : this.#cells[entry - 1];
  }

  /** Adds a text that is not there. */
  add(text: string, cell: C): void {
    if (text.length > CHARS_MAX) {
      this.#long.set(text, cell);
      return;
    }
    const hash = hashOf(text);
    const slot = this.#slotOf(text, hash);
    this.#cells.push(cell);
    const entry = this.#texts.push(text);
    this.#slots[slot] = entry;
    this.#hashes[entry - 1] = hash;
    if (entry === this.#hashes.length) this.#enlarge();
  }

  *values(): Generator<C, void, undefined> {
    yield* this.#cells;
    yield* this.#long.values();
  }

  clear(): void {
    this.#slots = new Int32Array(SLOTS_FIRST);
    this.#hashes = new Int32Array(SLOTS_FIRST / 2);
    this.#texts = [];
    this.#cells = [];
    this.#long.clear();
  }

  /** Where the text stands, or would. */
  #slotOf(text: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (this.#hashes[entry - 1] === hash && this.#texts[entry - 1] === text) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #enlarge(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const hashes = new Int32Array(slots.length / 2);
    hashes.set(this.#hashes);
    const mask = slots.length - 1;
    for (let entry = 1; entry <= this.#texts.length; entry++) {
      let slot = hashes[entry - 1]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
    this.#slots = slots;
    this.#hashes = hashes;
  }
}

function hashOf(text: string): number {
  const { length } = text;
  let hash = length;
  for (let at = 0; at < length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash ^ (hash >>> 15);
}
