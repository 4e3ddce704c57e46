import { join } from "node:path";
import { type Files, isSystemError, type LogFile, readWhole, replaceWhole, writeAll } from "../files.ts";
import { decodePackIndex, encodePackIndex, type PackIndex } from "./pack-index.ts";

/** Packs that are kept open for reading. */
const OPEN_MAX = 64;

interface OpenPack {
  readonly file: LogFile;
  users: number;
  /** To be closed by its last user. */
  isGone: boolean;
}

const PACK = ".pack";
const INDEX = ".index";

/** The files of a directory of packs: by number, and open as long as they are in use. */
export class PackFiles {
  readonly files: Files;
  readonly directory: string;
  readonly #open = new Map<number, OpenPack>();

  constructor(files: Files, directory: string) {
    this.files = files;
    this.directory = directory;
  }

  packPath(number: number): string {
    return join(this.directory, `${nameOf(number)}${PACK}`);
  }

  #indexPath(number: number): string {
    return join(this.directory, `${nameOf(number)}${INDEX}`);
  }

  /** Numbers of packs, and of index files, rising. */
  async numbers(): Promise<{ readonly packs: readonly number[]; readonly indexes: readonly number[] }> {
    let names: readonly string[] = [];
    try {
      names = await this.files.list(this.directory);
    } catch (cause) {
      if (!isSystemError(cause, "ENOENT")) throw cause;
    }
    const numbered = (ending: string) =>
      names
        .filter((name) => name.endsWith(ending) && /^\d{8,}\.\w+$/.test(name))
        .map((name) => Number.parseInt(name, 10))
        .sort((a, b) => a - b);
    return { packs: numbered(PACK), indexes: numbered(INDEX) };
  }

  bytes(number: number): number {
    return this.files.stat(this.packPath(number))?.bytes ?? 0;
  }

  /**
   * Reads a part of a pack, which stays readable to its end although the pack is removed meanwhile.
   * @throws what the disk says; `ENOENT` where the pack was removed before.
   */
  async read(number: number, offset: number, bytes: number): Promise<Uint8Array> {
    const pack = await this.#take(number);
    try {
      const buffer = Buffer.allocUnsafeSlow(bytes);
      return buffer.subarray(0, await pack.file.read(buffer, offset));
    } finally {
      pack.users--;
      await this.#shrink(pack);
    }
  }

  async #take(number: number): Promise<OpenPack> {
    let pack = this.#open.get(number);
    if (pack === undefined) {
      const file = await this.files.open(this.packPath(number), "read");
      pack = this.#open.get(number);
      if (pack === undefined) pack = { file, users: 0, isGone: false };
      else await file.close();
    }
    pack.users++;
    // The latest is the last to be closed.
    this.#open.delete(number);
    if (!pack.isGone) this.#open.set(number, pack);
    return pack;
  }

  async #shrink(used: OpenPack): Promise<void> {
    if (used.isGone && used.users === 0) await used.file.close();
    if (this.#open.size <= OPEN_MAX) return;
    for (const [number, pack] of this.#open) {
      if (pack.users > 0) continue;
      this.#open.delete(number);
      await pack.file.close();
      return;
    }
  }

  /** Removes a pack and its index; the index first, which would belong to another pack of that number. */
  async remove(number: number): Promise<void> {
    const pack = this.#open.get(number);
    this.#open.delete(number);
    await this.files.remove(this.#indexPath(number));
    await this.files.remove(this.packPath(number));
    if (pack === undefined) return;
    pack.isGone = true;
    if (pack.users === 0) await pack.file.close();
  }

  removeIndex(number: number): Promise<void> {
    return this.files.remove(this.#indexPath(number));
  }

  /** What the index of a pack says; undefined where there is none that can be believed. */
  async readIndex(number: number): Promise<PackIndex | undefined> {
    const bytes = await readWhole(this.files, this.#indexPath(number));
    return bytes && decodePackIndex(bytes);
  }

  /**
   * Replaces an index: after a power cut it is the old one or the new one where that is asked for; else it may also
   * be neither, and is made anew from its pack then.
   */
  async writeIndex(number: number, index: PackIndex, isSynced: boolean): Promise<void> {
    const path = this.#indexPath(number);
    const bytes = encodePackIndex(index);
    if (isSynced) return replaceWhole(this.files, path, bytes, this.directory);
    const draft = `${path}.tmp`;
    const file = await this.files.open(draft, "create");
    try {
      await writeAll(file, [bytes], bytes.length, 0);
    } finally {
      await file.close();
    }
    await this.files.rename(draft, path);
  }

  async close(): Promise<void> {
    const packs = [...this.#open.values()];
    this.#open.clear();
    for (const pack of packs) {
      pack.isGone = true;
      if (pack.users === 0) await pack.file.close();
    }
  }
}

const nameOf = (number: number): string => String(number).padStart(8, "0");
