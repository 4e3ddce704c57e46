import { join } from "node:path";
import { crc32 } from "node:zlib";
import { decode, encode } from "cborg";
import { MusketeersError } from "../../protocol/index.ts";
import { checkRegistryEntry } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { Registry, RegistryEntry } from "../port.ts";
import { type RegistryRow, RegistryTable } from "../registry-table.ts";
import { FaultMark } from "./fault-mark.ts";
import { type Files, readWhole, replaceWhole } from "./files.ts";
import { viewOf } from "./frame.ts";

export const REGISTRY_NAME = "registry";
const CHECK_BYTES = 4;

type Row = readonly [key: string, value: Uint8Array, revision: number, expiresAtMs: number | null];

export function encodeTable(table: RegistryTable): Uint8Array {
  const rows = table.rows().map((row): Row => [row.key, row.value, row.revision, row.expiresAtMs]);
  const content = encode([table.revision, rows]);
  const bytes = new Uint8Array(CHECK_BYTES + content.length);
  bytes.set(content, CHECK_BYTES);
  viewOf(bytes).setUint32(0, crc32(content), true);
  return bytes;
}

/** @throws MusketeersError `JOURNAL_CORRUPT` for what no registry was written as */
export function decodeTable(path: string, bytes: Uint8Array, nowMs: () => number): RegistryTable {
  const damaged = (cause?: unknown) =>
    new MusketeersError("JOURNAL_CORRUPT", `${path}, offset 0: the registry is damaged`, { cause });
  const content = bytes.subarray(CHECK_BYTES);
  // The checksum of nothing is zero: so is a file of which a power cut left zeros.
  if (content.length === 0 || viewOf(bytes).getUint32(0, true) !== crc32(content)) throw damaged();
  try {
    const [revision, rows] = decode(content) as [number, readonly Row[]];
    const table = rows.map(([key, value, of, expiresAtMs]): RegistryRow => {
      return { key, value, revision: of, expiresAtMs };
    });
    return new RegistryTable(nowMs, table, revision);
  } catch (cause) {
    // Of an erased flash cell, too, the checksum is right: all ones.
    throw damaged(cause);
  }
}

export interface OpenRegistryOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: EngineLimits;
  readonly nowMs: () => number;
  /** Asked before each write; throws a MusketeersError where the directory is no longer this process's. */
  readonly guard?: () => void;
}

/** All keys in one small file, which every write replaces as a whole. */
export class EmbeddedRegistry implements Registry {
  readonly #options: OpenRegistryOptions;
  #table: RegistryTable;
  /** Why writing failed last. */
  readonly fault: FaultMark;
  /** The write before; the next one waits for it. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: OpenRegistryOptions, table: RegistryTable) {
    this.#options = options;
    this.fault = new FaultMark(options.nowMs);
    this.#table = table;
  }

  /** @throws MusketeersError `JOURNAL_CORRUPT` where the file is damaged. */
  static async open(options: OpenRegistryOptions): Promise<EmbeddedRegistry> {
    const path = join(options.directory, REGISTRY_NAME);
    const bytes = await readWhole(options.files, path);
    const table =
      bytes === undefined ? new RegistryTable(options.nowMs) : decodeTable(path, bytes, options.nowMs);
    return new EmbeddedRegistry(options, table);
  }

  async get(key: string): Promise<RegistryEntry | undefined> {
    return this.#table.get(key);
  }

  async put(
    key: string,
    value: Uint8Array,
    options: { readonly ifRevision?: number; readonly ttlMs?: number } = {},
  ): Promise<number | undefined> {
    checkRegistryEntry(key, value, this.#options.limits);
    const copy = value.slice();
    return this.#change((table) => table.put(key, copy, options));
  }

  async delete(key: string): Promise<void> {
    await this.#change((table) => table.delete(key) || undefined);
  }

  async list(prefix: string): Promise<readonly string[]> {
    return this.#table.list(prefix);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#last;
  }

  /** Changes a copy, stores it, and only then lets it be seen; undefined where nothing changed. */
  #change<T>(change: (table: RegistryTable) => T | undefined): Promise<T | undefined> {
    const done = this.#last.then(async () => {
      const table = this.#table.clone();
      const outcome = change(table);
      if (outcome === undefined) return undefined;
      const { files, directory, guard } = this.#options;
      guard?.();
      const path = join(directory, REGISTRY_NAME);
      try {
        await replaceWhole(files, path, encodeTable(table), directory);
      } catch (cause) {
        const reason = `The registry cannot be written: ${(cause as Error).message}`;
        this.fault.set(reason);
        throw new MusketeersError("STORAGE", reason, { cause });
      }
      this.fault.clear();
      this.#table = table;
      return outcome;
    });
    this.#last = done.catch(() => {});
    return done;
  }
}
