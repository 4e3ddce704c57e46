import { isSystemError, type LogFile, PAGE_BYTES, writeAll } from "../files.ts";
import type { BlobKey, Place } from "./blob-index.ts";
import { FasterWay } from "./faster-way.ts";
import { newPack, type Pack } from "./pack.ts";
import type { PackFiles } from "./pack-files.ts";
import { encodePackHead, encodeRecord, PACK_HEAD_BYTES, recordBytes } from "./pack-record.ts";

export interface Written {
  readonly key: BlobKey;
  readonly bytes: number;
  /** Where it stands in its group. */
  readonly at: number;
  /** Where it was copied from; undefined for what is new. */
  readonly from: Copied | undefined;
}

export interface Copied {
  readonly row: number;
  readonly place: Place;
}

/** Records that are written together. */
export interface Group {
  readonly records: Written[];
  /** Resolves when they are written; not synced. */
  readonly done: Promise<void>;
  /** Where, when they are. */
  readonly pack: Pack | undefined;
  readonly end: number;
}

interface FillingGroup extends Group {
  pack: Pack | undefined;
  end: number;
  readonly buffer: Uint8Array;
  used: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface PackWriterOptions {
  readonly files: PackFiles;
  readonly strict: boolean;
  readonly packBytesTarget: number;
  readonly blobBytesMax: number;
  /** Number of the next pack. */
  readonly next: number;
  /** A pack to go on with; what stands behind its end is cut off. */
  readonly current: Pack | undefined;
  readonly guard: (() => void) | undefined;
  /** Told of a pack before the first record in it. */
  readonly onPack: (pack: Pack) => void;
  /** Told of records that are written from an offset on, at once. */
  readonly onWritten: (pack: Pack, offset: number, records: readonly Written[]) => void;
  /** Told of a pack that could not be synced: what was written to it since the last sync may be lost. */
  readonly onFailed: (pack: Pack) => void;
  /** Told of a pack that is full and no longer written to; it may not be synced yet. */
  readonly onFull: (pack: Pack) => void;
}

/**
 * Two of these are in use at most: one that is written, one that is filled meanwhile. Disks take long writes at half the
 * time for each byte; memory that is not filled is not resident.
 */
const GROUP_BYTES = 4 * 1024 * 1024 + 64 * 1024;
/** Shorter writes always go through the system's cache. */
const DIRECT_BYTES_MIN = 512 * 1024;
/** A pack with so many records is full, however small they are: its index is read and written as one. */
const RECORDS_MAX = 65_536;

/**
 * Appends records to packs, one write after the other: what comes while one is under way is written together
 * with the next.
 */
export class PackWriter {
  readonly #options: PackWriterOptions;
  readonly #buffers: Uint8Array[] = [];
  #next: number;
  #pack: Pack | undefined;
  #file: LogFile | undefined;
  /** The same file, past the system's cache; null where there is no such thing. */
  #direct: LogFile | null | undefined;
  readonly #way = new FasterWay();
  #filling: FillingGroup | undefined;
  readonly #rolls: ReturnType<typeof withResolvers>[] = [];
  #isWriting = false;
  /** Resolves when the group that is filled has gone to be written. */
  #turn: Promise<void> = Promise.resolve();
  #endTurn: () => void = () => {};
  #syncing: Promise<void> | undefined;

  constructor(options: PackWriterOptions) {
    this.#options = options;
    this.#next = options.next;
    this.#pack = options.current;
  }

  /** The pack that is written to. */
  get pack(): Pack | undefined {
    return this.#pack;
  }

  /** Takes a blob, of which it keeps a copy; gives the group that it is written with. */
  async add(key: BlobKey, bytes: Uint8Array, from?: Copied): Promise<Group> {
    const size = recordBytes(bytes.length);
    while (this.#filling !== undefined && this.#filling.used + size > this.#filling.buffer.length) {
      await this.#turn;
    }
    this.#filling ??= this.#newGroup();
    const group = this.#filling;
    group.records.push({ key, bytes: bytes.length, at: group.used, from });
    group.used += encodeRecord(group.buffer, group.used, key, bytes);
    this.#start();
    return group;
  }

  #newGroup(): FillingGroup {
    const bytes = wholePages(Math.max(GROUP_BYTES, recordBytes(this.#options.blobBytesMax)));
    const { promise, resolve, reject } = withResolvers();
    promise.catch(() => {});
    this.#turn = new Promise((endTurn) => {
      this.#endTurn = endTurn;
    });
    const { files } = this.#options.files;
    const buffer = this.#buffers.pop() ?? files.pages?.(bytes) ?? new Uint8Array(bytes);
    return { records: [], done: promise, pack: undefined, end: 0, buffer, used: 0, resolve, reject };
  }

  /** Ends the pack that is written to; the next record begins another. */
  roll(): Promise<void> {
    const roll = withResolvers();
    this.#rolls.push(roll);
    this.#start();
    return roll.promise;
  }

  #start(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    // What is given in one go is written together.
    queueMicrotask(() => this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      const roll = this.#rolls.shift();
      const group = roll === undefined ? this.#filling : undefined;
      const next = roll ?? group;
      if (next === undefined) break;
      if (group !== undefined) {
        this.#filling = undefined;
        this.#endTurn();
      }
      try {
        await (group === undefined ? this.#finish() : this.#write(group));
        next.resolve();
      } catch (error) {
        next.reject(error);
      }
      if (group !== undefined) this.#buffers.push(group.buffer);
    }
    this.#isWriting = false;
  }

  async #write(group: FillingGroup): Promise<void> {
    const { guard, onWritten } = this.#options;
    guard?.();
    const pack = await this.#packFor(group.used);
    let offset: number;
    try {
      offset = await this.#writeTo(pack, group);
    } catch (error) {
      // What is left of it is written over, or cut off at the next start.
      await this.#file!.truncate(pack.bytes).catch(() => {});
      throw error;
    }
    if (pack.failure !== undefined) throw pack.failure;
    group.pack = pack;
    group.end = offset + group.used;
    pack.bytes = group.end;
    pack.records += group.records.length;
    onWritten(pack, offset, group.records);
  }

  /** Writes a group behind what is there; says where it begins. */
  async #writeTo(pack: Pack, { buffer, used }: FillingGroup): Promise<number> {
    const startMs = performance.now();
    if (used >= DIRECT_BYTES_MIN && this.#way.next() === "direct" && this.#openDirect(pack)) {
      const offset = wholePages(pack.bytes);
      const bytes = wholePages(used);
      buffer.fill(0, used, bytes);
      try {
        await writeAll(this.#direct!, [buffer.subarray(0, bytes)], bytes, offset);
        this.#way.took("direct", bytes, performance.now() - startMs);
        return offset;
      } catch (error) {
        // A file system that opens files so, and does not write them so.
        if (!isSystemError(error, "EINVAL")) throw error;
        this.#way.close("direct");
      }
    }
    await writeAll(this.#file!, [buffer.subarray(0, used)], used, pack.bytes);
    if (used >= DIRECT_BYTES_MIN) this.#way.took("cached", used, performance.now() - startMs);
    return pack.bytes;
  }

  #openDirect(pack: Pack): boolean {
    const { files } = this.#options;
    this.#direct ??= files.files.openDirect?.(files.packPath(pack.number)) ?? null;
    if (this.#direct === null) this.#way.close("direct");
    return this.#direct !== null;
  }

  /** The pack with room for a group, open for writing. */
  async #packFor(bytes: number): Promise<Pack> {
    const pack = this.#pack;
    if (pack === undefined) return this.#begin();
    const isFull = pack.bytes + bytes > this.#options.packBytesTarget && pack.records > 0;
    if (isFull || pack.records >= RECORDS_MAX || pack.failure !== undefined) {
      await this.#finish();
      return this.#begin();
    }
    this.#file ??= await this.#reopen(pack);
    return pack;
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
    const { files, onPack, strict } = this.#options;
    const number = this.#next;
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
    this.#next = number + 1;
    const pack = newPack(number, PACK_HEAD_BYTES);
    this.#pack = pack;
    this.#file = file;
    onPack(pack);
    return pack;
  }

  async #finish(): Promise<void> {
    const pack = this.#pack;
    if (pack === undefined) return;
    if (this.#options.strict && pack.failure === undefined) await this.sync(pack, pack.bytes);
    await this.#syncing?.catch(() => {});
    const open = [this.#file, this.#direct];
    this.#pack = undefined;
    this.#file = undefined;
    this.#direct = undefined;
    this.#options.onFull(pack);
    for (const file of open) await file?.close();
  }

  /**
   * Resolves when the beginning of the pack that is written to survives a power cut, or when it is no longer
   * written to: a strict writer has synced it then.
   * @throws what the disk says; nothing that was written since the last sync can be relied on then.
   */
  async sync(pack: Pack, end: number): Promise<void> {
    while (pack.synced < end && pack === this.#pack) {
      if (pack.failure !== undefined) throw pack.failure;
      this.#syncing ??= this.#syncNow(pack).finally(() => {
        this.#syncing = undefined;
      });
      await this.#syncing;
    }
  }

  async #syncNow(pack: Pack): Promise<void> {
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

const wholePages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

function withResolvers() {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
