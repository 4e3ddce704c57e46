import { checkRegistryEntry } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { Registry, RegistryEntry } from "../port.ts";
import { RegistryTable } from "../registry-table.ts";

/** A registry that is lost with the process. */
export class MemoryRegistry implements Registry {
  readonly #table: RegistryTable;
  readonly #limits: EngineLimits;

  constructor(limits: EngineLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#table = new RegistryTable(nowMs);
  }

  async get(key: string): Promise<RegistryEntry | undefined> {
    return this.#table.get(key);
  }

  async put(
    key: string,
    value: Uint8Array,
    options: { readonly ifRevision?: number; readonly ttlMs?: number } = {},
  ): Promise<number | undefined> {
    checkRegistryEntry(key, value, this.#limits);
    return this.#table.put(key, value, options);
  }

  async delete(key: string): Promise<void> {
    this.#table.delete(key);
  }

  async list(prefix: string): Promise<readonly string[]> {
    return this.#table.list(prefix);
  }
}
