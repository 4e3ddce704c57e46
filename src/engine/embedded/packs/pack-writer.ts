import { isSystemError, type LogFile, PAGE_BYTES, writeAll } from "../files.ts";
import type { BlobKey, Place } from "./blob-index.ts";
import { FasterWay, type Way } from "./faster-way.ts";
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

/** A blob that is to be written. */
export interface Writing {
  readonly key: BlobKey;
  readonly bytes: Uint8Array;
  readonly from?: Copied;
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

/** Who waits for the end of a pack. */
type Roll = ReturnType<typeof withResolvers>;

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
 * Three of these are in use at most: two that are written, one that is filled meanwhile. Disks take long writes at half
 * the time for each byte; memory that is not filled is not resident.
 */
const GROUP_BYTES = 2 * 1024 * 1024 + 64 * 1024;
/** A disk that has the next write when it ends one does not wait for this process in between. */
const IN_FLIGHT_MAX = 2;
/** A shorter one waits for the end of the one before, and grows meanwhile. */
const OVERLAP_BYTES_MIN = 1024 * 1024;
/** Shorter writes always go through the system's cache. */
const DIRECT_BYTES_MIN = 512 * 1024;
/** A pack with so many records is full, however small they are: its index is read and written as one. */
const RECORDS_MAX = 65_536;

/**
 * Appends records to packs: what comes while a write is under way is written together with the next. Only long
 * writes past the cache overlap; also these count one after the other, in order.
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
  readonly #rolls: Roll[] = [];
  #isWriting = false;
  /** Where the next write begins: behind what is written, or is being written. */
  #end = 0;
  #inFlight = 0;
  #lastWay: Way = "cached";
  #lastEndMs = 0;
  /** Writes count one behind the other. */
  #landing: Promise<void> = Promise.resolve();
  /** Why a write failed; what is behind it fails with it, and nothing is written until all have ended. */
  #failure: { readonly error: unknown } | undefined;
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
  async add({ key, bytes, from }: Writing): Promise<Group> {
    const size = recordBytes(bytes.length);
    while (this.#filling !== undefined && this.#filling.used + size > this.#filling.buffer.length) {
      await this.#turn;
    }
    this.#filling ??= this.#newGroup();
    const group = this.#filling;
    group.records.push({ key, bytes: bytes.length, at: group.used, from });
    group.used += encodeRecord(group.buffer, group.used, { key, bytes });
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
    for (let next = this.#nextStep(); next !== undefined; next = this.#nextStep()) {
      try {
        if ("records" in next) await this.#write(next);
        else {
          await this.#finish();
          next.resolve();
        }
      } catch (error) {
        if ("records" in next) this.#buffers.push(next.buffer);
        next.reject(error);
      }
    }
    this.#isWriting = false;
  }

  /** What is to be done now; undefined where there is nothing, or a write has to end first. */
  #nextStep(): FillingGroup | Roll | undefined {
    const isFree = this.#inFlight === 0;
    if (this.#rolls.length > 0) return isFree ? this.#rolls.shift() : undefined;
    const group = this.#filling;
    if (group === undefined || !(isFree || this.#canOverlap(group))) return undefined;
    this.#filling = undefined;
    this.#endTurn();
    return group;
  }

  #canOverlap({ used }: FillingGroup): boolean {
    const pack = this.#pack;
    if (pack === undefined || pack.failure !== undefined || this.#failure !== undefined) return false;
    if (this.#inFlight >= IN_FLIGHT_MAX || used < OVERLAP_BYTES_MIN) return false;
    if (wholePages(this.#end) + used > this.#options.packBytesTarget || pack.records >= RECORDS_MAX)
      return false;
    // Pages that are written past the cache must not be in it at the same time.
    return this.#lastWay === "direct" && this.#way.best === "direct";
  }

  /** Begins to write a group behind what is there. */
  async #write(group: FillingGroup): Promise<void> {
    this.#options.guard?.();
    const pack = await this.#packFor(group.used);
    if (this.#inFlight === 0) this.#end = pack.bytes;
    const isLong = group.used >= DIRECT_BYTES_MIN;
    const way = isLong && this.#way.next() === "direct" && this.#openDirect(pack) ? "direct" : "cached";
    const offset = way === "direct" ? wholePages(this.#end) : this.#end;
    this.#lastWay = way;
    this.#end = offset + group.used;
    this.#inFlight++;
    const writing = this.#writeTo(offset, group, way);
    writing.catch(() => {});
    this.#landing = this.#landing.then(() => this.#land(pack, offset, group, writing));
  }

  /** Counts a group when it and all before it are written. */
  async #land(pack: Pack, offset: number, group: FillingGroup, writing: Promise<void>): Promise<void> {
    try {
      await writing.catch((error: unknown) => {
        this.#failure ??= { error };
      });
      if (this.#failure !== undefined) {
        // What is left of it is written over, or cut off at the next start.
        if (this.#inFlight === 1) await this.#file!.truncate(pack.bytes).catch(() => {});
        throw this.#failure.error;
      }
      if (pack.failure !== undefined) throw pack.failure;
      group.pack = pack;
      group.end = offset + group.used;
      pack.bytes = group.end;
      pack.records += group.records.length;
      this.#options.onWritten(pack, offset, group.records);
      group.resolve();
    } catch (error) {
      group.reject(error);
    }
    this.#buffers.push(group.buffer);
    if (--this.#inFlight === 0) this.#failure = undefined;
    this.#start();
  }

  async #writeTo(offset: number, { buffer, used }: FillingGroup, way: Way): Promise<void> {
    const startMs = performance.now();
    if (way === "direct") {
      const bytes = wholePages(used);
      buffer.fill(0, used, bytes);
      try {
        await writeAll(this.#direct!, [buffer.subarray(0, bytes)], bytes, offset);
        return this.#took("direct", bytes, startMs);
      } catch (error) {
        // A file system that opens files so, and does not write them so.
        if (!isSystemError(error, "EINVAL")) throw error;
        this.#way.close("direct");
      }
    }
    await writeAll(this.#file!, [buffer.subarray(0, used)], used, offset);
    if (used >= DIRECT_BYTES_MIN) this.#took("cached", used, startMs);
  }

  #took(way: Way, bytes: number, startMs: number): void {
    const endMs = performance.now();
    // A write that overlaps the one before takes what it adds.
    this.#way.took(way, bytes, endMs - Math.max(startMs, this.#lastEndMs));
    this.#lastEndMs = endMs;
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
