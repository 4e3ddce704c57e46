import { isSystemError, type LogFile, writeAll } from "../files.ts";
import type { FasterWay, Way } from "./faster-way.ts";
import { type GroupBytes, wholePages } from "./group-bytes.ts";
import { newPack, type Pack } from "./pack.ts";
import type { PackFiles } from "./pack-files.ts";
import type { FillingGroup, Written } from "./pack-group.ts";
import { encodePackHead, PACK_HEAD_BYTES } from "./pack-record.ts";

export interface PackTailOptions {
  readonly files: PackFiles;
  readonly strict: boolean;
  readonly packBytesTarget: number;
  /** Gives a number that no pack has had. */
  readonly nextNumber: () => number;
  readonly way: FasterWay;
  /** Milliseconds since whenever; says how long writes take. */
  readonly clockMs: () => number;
  /** Writes that are under way, in all packs. */
  readonly underWay: () => number;
  /** Told of a pack before the first record in it. */
  readonly onPack: (pack: Pack) => void;
  /** Told of records that are written from an offset on, at once. */
  readonly onWritten: (pack: Pack, offset: number, records: readonly Written[]) => void;
  /** Told of a pack that could not be synced: what was written to it since the last sync may be lost. */
  readonly onFailed: (pack: Pack) => void;
  /** Told of a pack that is full and no longer written to; it may not be synced yet. */
  readonly onFull: (pack: Pack) => void;
}

/** Shorter writes always go through the system's cache. */
const DIRECT_BYTES_MIN = 512 * 1024;
/** A pack with so many records is full, however small they are: its index is read and written as one. */
const RECORDS_MAX = 65_536;

/** The end of a pack that is written to, where records are appended with one write at a time. */
export class PackTail {
  readonly #options: PackTailOptions;
  #pack: Pack | undefined;
  #file: LogFile | undefined;
  /** The same file, past the system's cache; null where there is no such thing. */
  #direct: LogFile | null | undefined;
  #syncing: Promise<void> | undefined;

  /** @param current a pack to go on with; what stands behind its end is cut off */
  constructor(options: PackTailOptions, current: Pack | undefined) {
    this.#options = options;
    this.#pack = current;
  }

  /** Undefined before the first write, and behind the end of the last pack. */
  get pack(): Pack | undefined {
    return this.#pack;
  }

  /** Whether so many bytes go to another pack. */
  isFullFor(bytes: number): boolean {
    const pack = this.#pack;
    if (pack === undefined) return false;
    const isFull = pack.bytes + bytes > this.#options.packBytesTarget && pack.records > 0;
    return isFull || pack.records >= RECORDS_MAX || pack.failure !== undefined;
  }

  /** Writes a group behind what is there. @throws what the disk says */
  async write(group: FillingGroup): Promise<void> {
    const { content, records } = group;
    const pack = this.#pack ?? (await this.#begin());
    this.#file ??= await this.#reopen(pack);
    const way = this.#wayFor(content.bytes, pack);
    const offset = way === "direct" ? wholePages(pack.bytes) : pack.bytes;
    try {
      await this.#writeTo(offset, content, way);
    } catch (error) {
      // What is left of it is written over, or cut off at the next start.
      await this.#file.truncate(pack.bytes).catch(() => {});
      throw error;
    }
    if (pack.failure !== undefined) throw pack.failure;
    group.pack = pack;
    group.start = offset;
    group.end = offset + content.bytes;
    pack.bytes = group.end;
    pack.records += records.length;
    this.#options.onWritten(pack, offset, records);
  }

  #wayFor(bytes: number, pack: Pack): Way {
    const isLong = bytes >= DIRECT_BYTES_MIN;
    return isLong && this.#options.way.next() === "direct" && this.#openDirect(pack) ? "direct" : "cached";
  }

  async #writeTo(offset: number, content: GroupBytes, way: Way): Promise<void> {
    const { clockMs, underWay } = this.#options;
    const startMs = clockMs();
    const count = underWay();
    // Writes that overlap share the disk.
    const took = (bytes: number) => this.#options.way.took(way, bytes, (clockMs() - startMs) / count);
    if (way === "direct") {
      const bytes = wholePages(content.bytes);
      try {
        await writeAll(this.#direct!, content.pieces(bytes), bytes, offset);
        return took(bytes);
      } catch (error) {
        // A file system that opens files so, and does not write them so.
        if (!isSystemError(error, "EINVAL")) throw error;
        this.#options.way.close("direct");
      }
    }
    const { bytes } = content;
    await writeAll(this.#file!, content.pieces(), bytes, offset);
    if (way === "cached" && bytes >= DIRECT_BYTES_MIN) took(bytes);
  }

  #openDirect(pack: Pack): boolean {
    const { files, way } = this.#options;
    this.#direct ??= files.files.openDirect?.(files.packPath(pack.number)) ?? null;
    if (this.#direct === null) way.close("direct");
    return this.#direct !== null;
  }

  async #reopen(pack: Pack): Promise<LogFile> {
    const { files } = this.#options;
    const file = await files.files.open(files.packPath(pack.number), "write");
    try {
      if ((await file.size()) > pack.bytes) await file.truncate(pack.bytes);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #begin(): Promise<Pack> {
    const { files, onPack, strict, nextNumber } = this.#options;
    const number = nextNumber();
    const file = await files.files.open(files.packPath(number), "create");
    try {
      const head = encodePackHead();
      await writeAll(file, [head], head.length, 0);
      if (strict) await files.files.syncDirectory(files.directory);
    } catch (error) {
      await file.close();
      await files.files.remove(files.packPath(number)).catch(() => {});
      throw error;
    }
    const pack = newPack(number, PACK_HEAD_BYTES);
    this.#pack = pack;
    this.#file = file;
    onPack(pack);
    return pack;
  }

  /** Ends the pack; the next write begins another. @throws what the disk says of a strict writer's last sync */
  async finish(): Promise<void> {
    const pack = this.#pack;
    if (pack === undefined) return;
    if (this.#options.strict && pack.failure === undefined && pack.synced < pack.bytes) await this.sync();
    await this.#syncing?.catch(() => {});
    const open = [this.#file, this.#direct];
    this.#pack = undefined;
    this.#file = undefined;
    this.#direct = undefined;
    this.#options.onFull(pack);
    for (const file of open) await file?.close();
  }

  /**
   * Syncs what is written at the moment, or waits for the sync that is under way.
   * @throws what the disk says; nothing that was written since the last sync can be relied on then.
   */
  async sync(): Promise<void> {
    this.#syncing ??= this.#syncNow().finally(() => {
      this.#syncing = undefined;
    });
    await this.#syncing;
  }

  async #syncNow(): Promise<void> {
    const pack = this.#pack!;
    const { bytes } = pack;
    try {
      this.#file ??= await this.#reopen(pack);
      await this.#file.sync();
      pack.synced = bytes;
    } catch (error) {
      pack.failure = error as Error;
      this.#options.onFailed(pack);
      throw error;
    }
  }
}
