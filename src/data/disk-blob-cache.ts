import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobCache, CacheWatcher } from "./cached-blobs.ts";
import { isCid, isNamedBy } from "./cid.ts";
import { ByteLru } from "./lru.ts";

const DRAFT_NAME = "draft";

/**
 * Blobs as files of one directory, up to so many bytes together; the least recently used go first, also
 * across restarts. What is read is verified, so that a file that a crash or a bad disk left damaged is
 * thrown away and not believed. For one process at a time.
 */
export class DiskBlobCache implements BlobCache {
  watcher: CacheWatcher | undefined;
  readonly #directory: string;
  readonly #sizes: ByteLru<string, number>;
  readonly #ready: Promise<boolean>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, options: { readonly bytesMax: number }) {
    this.#directory = directory;
    this.#sizes = new ByteLru(options.bytesMax, (bytes) => bytes);
    // A cache that cannot be used has nothing and keeps nothing; its owner fetches everything.
    this.#ready = this.#open().then(
      () => true,
      () => false,
    );
  }

  /** Bytes of all files that it keeps. */
  get bytes(): number {
    return this.#sizes.bytes;
  }

  cids(): Iterable<string> {
    return this.#sizes.keys();
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    if (!isCid(cid) || !(await this.#ready) || !this.#sizes.has(cid)) return undefined;
    this.#sizes.get(cid);
    const bytes = await this.#read(cid);
    if (bytes === undefined) return this.#alone(() => this.#readOrForget(cid));
    const now = new Date();
    await utimes(this.#path(cid), now, now).catch(() => {});
    return bytes;
  }

  async put(cid: string, bytes: Uint8Array): Promise<void> {
    if (!isCid(cid) || !(await this.#ready)) return;
    await this.#alone(() => this.#write(cid, bytes));
  }

  /** Verified bytes, or undefined where the file is not there or is not what it should be. */
  async #read(cid: string): Promise<Uint8Array | undefined> {
    try {
      const bytes = new Uint8Array(await readFile(this.#path(cid)));
      return isNamedBy(bytes, cid) ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** Once more, because the file may have been replaced meanwhile; then it is thrown away. */
  async #readOrForget(cid: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#read(cid);
    if (bytes !== undefined) return bytes;
    this.#sizes.delete(cid);
    this.watcher?.dropped(cid);
    await rm(this.#path(cid), { force: true }).catch(() => {});
    return undefined;
  }

  async #write(cid: string, bytes: Uint8Array): Promise<void> {
    if (this.#sizes.has(cid)) return;
    const draft = join(this.#directory, DRAFT_NAME);
    try {
      await writeFile(draft, bytes);
      await rename(draft, this.#path(cid));
    } catch {
      await rm(draft, { force: true }).catch(() => {});
      return;
    }
    const dropped = this.#sizes.set(cid, bytes.length);
    if (!dropped.includes(cid)) this.watcher?.kept(cid);
    for (const gone of dropped) {
      if (gone !== cid) this.watcher?.dropped(gone);
      await rm(this.#path(gone), { force: true }).catch(() => {});
    }
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
    await rm(join(this.#directory, DRAFT_NAME), { force: true });
    const found: { name: string; bytes: number; usedAtMs: number }[] = [];
    for (const name of await readdir(this.#directory)) {
      if (isCid(name)) {
        const { size, mtimeMs } = await stat(this.#path(name));
        found.push({ name, bytes: size, usedAtMs: mtimeMs });
      }
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
