import type { RegistryEntry } from "./port.ts";

/** A row as it is kept; times are milliseconds since 1970. */
export interface RegistryRow extends RegistryEntry {
  readonly key: string;
  readonly expiresAtMs: number | null;
}

/** Keys with compare-and-set and expiry, in memory. */
export class RegistryTable {
  readonly #nowMs: () => number;
  readonly #rows: Map<string, RegistryRow>;
  #revision: number;

  /** @param revision the highest that was ever given; new ones are larger, also for a key that comes back. */
  constructor(nowMs: () => number, rows: Iterable<RegistryRow> = [], revision = 0) {
    this.#nowMs = nowMs;
    this.#rows = new Map(Array.from(rows, (row) => [row.key, row]));
    this.#revision = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  /** What has not expired. */
  rows(): RegistryRow[] {
    return [...this.#rows.keys()].flatMap((key) => this.#row(key) ?? []);
  }

  clone(): RegistryTable {
    return new RegistryTable(this.#nowMs, this.rows(), this.#revision);
  }

  get(key: string): RegistryEntry | undefined {
    const row = this.#row(key);
    return row && { value: row.value.slice(), revision: row.revision };
  }

  put(
    key: string,
    value: Uint8Array,
    options: { readonly ifRevision?: number; readonly ttlMs?: number },
  ): number | undefined {
    const { ifRevision, ttlMs } = options;
    if (ifRevision !== undefined && (this.#row(key)?.revision ?? 0) !== ifRevision) return undefined;
    const expiresAtMs = ttlMs === undefined ? null : this.#nowMs() + ttlMs;
    const revision = ++this.#revision;
    this.#rows.set(key, { key, value: value.slice(), revision, expiresAtMs });
    return revision;
  }

  /** Whether there was one. */
  delete(key: string): boolean {
    const there = this.#row(key) !== undefined;
    this.#rows.delete(key);
    return there;
  }

  list(prefix: string): string[] {
    return this.rows()
      .map((row) => row.key)
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  #row(key: string): RegistryRow | undefined {
    const row = this.#rows.get(key);
    if (row === undefined || row.expiresAtMs === null || this.#nowMs() < row.expiresAtMs) return row;
    this.#rows.delete(key);
    return undefined;
  }
}
