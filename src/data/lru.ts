export interface LruOptions {
  /** The newest stays whatever its size; else it goes at once where it is too large by itself. */
  readonly keepsNewest?: boolean;
}

/** Keeps the most recently used things up to a number of bytes. */
export class ByteLru<K, V> {
  readonly #bytesMax: number;
  readonly #sizeOf: (value: V) => number;
  readonly #keepsNewest: boolean;
  readonly #entries = new Map<K, V>();
  #bytes = 0;

  constructor(bytesMax: number, sizeOf: (value: V) => number, { keepsNewest = false }: LruOptions = {}) {
    this.#bytesMax = bytesMax;
    this.#sizeOf = sizeOf;
    this.#keepsNewest = keepsNewest;
  }

  /** Bytes of all that it keeps. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** The oldest first. */
  keys(): Iterable<K> {
    return this.#entries.keys();
  }

  /** Gives a value and marks it as the newest. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  /** Adds a value as the newest; gives the keys that went for it, which may be the new one itself. */
  set(key: K, value: V): K[] {
    this.delete(key);
    this.#entries.set(key, value);
    this.#bytes += this.#sizeOf(value);
    const gone: K[] = [];
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax || (this.#keepsNewest && this.#entries.size === 1)) break;
      this.delete(oldest);
      gone.push(oldest);
    }
    return gone;
  }

  delete(key: K): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= this.#sizeOf(value);
  }
}
