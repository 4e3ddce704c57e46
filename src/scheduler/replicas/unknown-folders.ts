/** A worker that brings folders, as far as it matters here. */
interface Bringer {
  readonly told: ReadonlySet<string>;
  readonly whole: ReadonlySet<string>;
  readonly partial: ReadonlySet<string>;
  /** What it was told to let go, and has not said yet that it has. */
  readonly leaving: ReadonlySet<string>;
}

/**
 * Folders that workers bring to a hub that lost its disk and does not know them: either they were removed, or the
 * catalogue that names them is with a worker that is still away.
 */
export class UnknownFolders {
  readonly #graceMs: number;
  /** Until when each is to stay. */
  readonly #untilMs = new Map<string, number>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /**
   * Begins a grace for each folder that is new and has no name. One that its worker was told to keep had a name, and was removed.
   * @param named the folders that the hub knows
   */
  look(bringers: readonly Bringer[], named: ReadonlySet<string>, nowMs: number): void {
    const brought = new Set(bringers.flatMap(({ whole, partial }) => [...whole, ...partial]));
    for (const [cid, untilMs] of this.#untilMs) {
      if (named.has(cid) || (untilMs <= nowMs && !brought.has(cid))) this.#untilMs.delete(cid);
    }
    const known = new Set([...named, ...bringers.flatMap(({ told, leaving }) => [...told, ...leaving])]);
    for (const cid of brought) {
      if (known.has(cid) || this.#untilMs.has(cid)) continue;
      this.#untilMs.set(cid, nowMs + this.#graceMs);
    }
  }

  isInGrace(cid: string, nowMs: number): boolean {
    return (this.#untilMs.get(cid) ?? 0) > nowMs;
  }

  /** When graces end that have not yet. */
  ends(nowMs: number): readonly number[] {
    return [...this.#untilMs.values()].filter((untilMs) => untilMs > nowMs);
  }
}
