/** Sizes by key in the order of their last use; says what has to go when they are too much together. */
export class LruSizes {
  readonly #bytesMax: number;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(key: string): boolean {
    return this.#sizes.has(key);
  }

  /** Marks a key as the newest. */
  touch(key: string): void {
    const bytes = this.#sizes.get(key);
    if (bytes === undefined) return;
    this.#sizes.delete(key);
    this.#sizes.set(key, bytes);
  }

  /** Adds a key as the newest; gives the keys that went for it, which may be the new one itself. */
  add(key: string, bytes: number): string[] {
    this.remove(key);
    this.#sizes.set(key, bytes);
    this.#bytes += bytes;
    const gone: string[] = [];
    for (const oldest of this.#sizes.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.remove(oldest);
      gone.push(oldest);
    }
    return gone;
  }

  remove(key: string): void {
    this.#bytes -= this.#sizes.get(key) ?? 0;
    this.#sizes.delete(key);
  }
}
