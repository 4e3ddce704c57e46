import { close, open, read } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import type { BlobCache, CacheWatcher } from "./cached-blobs.ts";
import { isCid, isNamedBy } from "./cid.ts";
import { ByteLru } from "./lru.ts";

/** Files that are being written; those of processes that share the directory by accident do not collide. */
const DRAFT_PREFIX = "draft";
const DRAFT_NAME = `${DRAFT_PREFIX}-${process.pid}`;
/** Files that are looked at together when a process starts. */
const STATS_AT_ONCE = 64;
/** How much more than a blob needs is thrown away when the disk is full. */
const SPACE_FACTOR = 8;
/** How exactly a later process is to know what was used last. */
const TOUCH_INTERVAL_MS = 60_000;

/** What file systems commonly set aside space in: ten thousand small files take far more than their bytes. */
const FILE_BLOCK_BYTES = 4_096;

/** What a file of so many bytes takes on the disk. */
export const fileBytesOnDisk = (bytes: number, blockBytes = FILE_BLOCK_BYTES): number =>
  Math.max(1, Math.ceil(bytes / blockBytes)) * blockBytes;

/** Blobs up to this size are lent in memory that is used again; chunks of files are no larger. */
const LENT_BYTES_MAX = 262_144;
/** Pieces of such memory that wait to be used again. */
const SPARE_MAX = 32;

const openFile = promisify(open);
const readFrom = promisify(read);
const closeFile = promisify(close);

/** So many bytes of a file; three calls, where the usual way needs five and a copy. */
async function readBytes(path: string, into: Uint8Array): Promise<Uint8Array> {
  const { length } = into;
  const file = await openFile(path, "r");
  try {
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await readFrom(file, into, filled, length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return into.subarray(0, filled);
  } finally {
    await closeFile(file);
  }
}

/**
 * Blobs as files of one directory, up to so many bytes together; the least recently used go first, also
 * across restarts. What is read is verified, by its name the first time and by a checksum from then on, so that a
 * file that a crash or a bad disk left damaged is thrown away and not believed. For one process at a time.
 */
export class DiskBlobCache implements BlobCache {
  watcher: CacheWatcher | undefined;
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #sizeOf: (bytes: number) => number;
  /** The lengths of the files. */
  readonly #sizes: ByteLru<string, number>;
  readonly #ready: Promise<boolean>;
  /** When files were marked as used, for a later process. */
  readonly #touchedAtMs = new Map<string, number>();
  /** Of blobs that this process has verified: what damages them shows by these, too, and they cost little. */
  readonly #checksums = new Map<string, number>();
  readonly #lent = new WeakSet<ArrayBufferLike>();
  readonly #spare: ArrayBufferLike[] = [];
  #last: Promise<unknown> = Promise.resolve();

  /** @param options.bytesMax on the disk, where files take whole blocks of `blockBytes` */
  constructor(directory: string, options: { readonly bytesMax: number; readonly blockBytes?: number }) {
    const { bytesMax, blockBytes = FILE_BLOCK_BYTES } = options;
    this.#directory = directory;
    this.#bytesMax = bytesMax;
    this.#sizeOf = (bytes) => fileBytesOnDisk(bytes, blockBytes);
    this.#sizes = new ByteLru(bytesMax, this.#sizeOf);
    // A cache that cannot be used has nothing and keeps nothing; its owner fetches everything.
    this.#ready = this.#open().then(
      () => true,
      () => false,
    );
  }

  /** What all files that it keeps take on the disk. */
  get bytes(): number {
    return this.#sizes.bytes;
  }

  has(cid: string): boolean {
    return this.#sizes.has(cid);
  }

  cids(): Iterable<string> {
    return this.#sizes.keys();
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    if (!isCid(cid) || !(await this.#ready) || !this.#sizes.has(cid)) return undefined;
    const bytes = await this.#read(cid);
    if (bytes === undefined) return this.#alone(() => this.#readOrForget(cid));
    await this.#touch(cid);
    return bytes;
  }

  /** As `get`, in memory of its own that is used again after `giveBack`. */
  async lend(cid: string): Promise<Uint8Array | undefined> {
    const length = this.#sizes.get(cid);
    if (length === undefined || length > LENT_BYTES_MAX || !(await this.#ready)) return this.get(cid);
    const memory = this.#spare.pop() ?? new ArrayBuffer(LENT_BYTES_MAX);
    const bytes = await this.#read(cid, new Uint8Array(memory, 0, length));
    if (bytes === undefined) return this.get(cid);
    this.#lent.add(memory);
    await this.#touch(cid);
    return bytes;
  }

  /** The memory of what was lent may be used again; of anything else nothing happens. */
  giveBack({ buffer }: Uint8Array): void {
    if (this.#lent.delete(buffer) && this.#spare.length < SPARE_MAX) this.#spare.push(buffer);
  }

  async #touch(cid: string): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - (this.#touchedAtMs.get(cid) ?? 0) < TOUCH_INTERVAL_MS) return;
    this.#touchedAtMs.set(cid, nowMs);
    await utimes(this.#path(cid), nowMs / 1000, nowMs / 1000).catch(() => {});
  }

  async put(cid: string, bytes: Uint8Array): Promise<void> {
    if (!isCid(cid) || !(await this.#ready)) return;
    await this.#alone(() => this.#write(cid, bytes));
  }

  async forget(cid: string): Promise<void> {
    if (!isCid(cid) || !(await this.#ready)) return;
    await this.#alone(async () => {
      if (!this.#sizes.has(cid)) return;
      this.#sizes.delete(cid);
      await this.#remove(cid);
    });
  }

  /** Verified bytes, or undefined where the file is not there or is not what it should be. */
  async #read(cid: string, into?: Uint8Array): Promise<Uint8Array | undefined> {
    const length = this.#sizes.get(cid);
    if (length === undefined) return undefined;
    try {
      const memory = into ?? new Uint8Array(new ArrayBuffer(length));
      const bytes = await readBytes(this.#path(cid), memory);
      return this.#isWhole(cid, bytes) ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  #isWhole(cid: string, bytes: Uint8Array): boolean {
    const checksum = this.#checksums.get(cid);
    if (checksum !== undefined) return crc32(bytes) === checksum;
    if (!isNamedBy(bytes, cid)) return false;
    this.#checksums.set(cid, crc32(bytes));
    return true;
  }

  /** Once more, because the file may have been replaced meanwhile; then it is thrown away. */
  async #readOrForget(cid: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#read(cid);
    if (bytes !== undefined) return bytes;
    this.#sizes.delete(cid);
    await this.#remove(cid);
    return undefined;
  }

  async #write(cid: string, bytes: Uint8Array): Promise<void> {
    if (this.#sizes.has(cid) || this.#sizeOf(bytes.length) > this.#bytesMax) return;
    if (!(await this.#writeFile(cid, bytes))) {
      // The disk may be full: what was used longest ago makes room, or nothing more is kept.
      await this.#dropOldest(bytes.length * SPACE_FACTOR);
      if (!(await this.#writeFile(cid, bytes))) return;
    }
    this.#touchedAtMs.set(cid, Date.now());
    const dropped = this.#sizes.set(cid, bytes.length);
    this.watcher?.kept(cid);
    for (const gone of dropped) await this.#remove(gone);
  }

  async #writeFile(cid: string, bytes: Uint8Array): Promise<boolean> {
    const draft = join(this.#directory, DRAFT_NAME);
    try {
      await writeFile(draft, bytes);
      await rename(draft, this.#path(cid));
      return true;
    } catch {
      await rm(draft, { force: true }).catch(() => {});
      return false;
    }
  }

  async #dropOldest(bytes: number): Promise<void> {
    const bytesMax = this.#sizes.bytes - bytes;
    for (const cid of this.#sizes.keys()) {
      if (this.#sizes.bytes <= bytesMax) return;
      this.#sizes.delete(cid);
      await this.#remove(cid);
    }
  }

  /** What is no longer among the sizes. */
  async #remove(cid: string): Promise<void> {
    this.#touchedAtMs.delete(cid);
    this.#checksums.delete(cid);
    this.watcher?.dropped(cid);
    await rm(this.#path(cid), { force: true }).catch(() => {});
  }

  /** Changes happen one after the other, or one would remove what another has just written. */
  #alone<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Takes stock of what an earlier process left. */
  async #open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const names = await readdir(this.#directory);
    for (const name of names) {
      if (name.startsWith(DRAFT_PREFIX)) await rm(join(this.#directory, name), { force: true });
    }
    const kept = names.filter(isCid);
    const found: { name: string; bytes: number; usedAtMs: number }[] = [];
    for (let from = 0; from < kept.length; from += STATS_AT_ONCE) {
      const some = kept.slice(from, from + STATS_AT_ONCE).map(async (name) => {
        const { size, mtimeMs } = await stat(this.#path(name));
        found.push({ name, bytes: size, usedAtMs: mtimeMs });
      });
      await Promise.all(some);
    }
    found.sort((a, b) => a.usedAtMs - b.usedAtMs);
    for (const { name, bytes } of found) {
      for (const gone of this.#sizes.set(name, bytes)) await rm(this.#path(gone), { force: true });
    }
    for (const cid of this.#sizes.keys()) this.watcher?.kept(cid);
  }

  #path(cid: string): string {
    return join(this.#directory, cid);
  }
}
