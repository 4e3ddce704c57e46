/** How many there are of each. */
export class HeadCount {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): number {
    const count = this.of(key) + 1;
    this.#counts.set(key, count);
    return count;
  }

  remove(key: string): void {
    const rest = this.of(key) - 1;
    if (rest > 0) this.#counts.set(key, rest);
    else this.#counts.delete(key);
  }

  /** The key that there are most of. */
  get largest(): string | undefined {
    let largest: string | undefined;
    let most = 0;
    for (const [key, count] of this.#counts) {
      if (count > most) [largest, most] = [key, count];
    }
    return largest;
  }
}
