import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type BlobCache, MemoryBlobCache } from "../../data/index.ts";
import { type DirectoryLock, DiskBlobCache, fileBytesOnDisk, lockDirectory } from "../../data/node.ts";
import { toMusketeersError } from "../../protocol/index.ts";
import type { Shelf } from "./catalogue-keeper.ts";
import { FileShelf } from "./file-shelf.ts";
import { ReplicaCache } from "./replica-cache.ts";
import { ReplicaStore } from "./replica-store.ts";

/** Blobs that a worker without a directory keeps in memory. */
const MEMORY_CACHE_BYTES = 64 * 1024 * 1024;
/** Workers of one machine that keep blobs of the same hub; further ones keep them in memory. */
const CACHES_MAX = 8;
/** Caches that no worker uses at the moment, of this and other hubs, that are kept for later. */
const CACHES_KEPT = 4;

const REPLICAS_NAME = "replicas";
const HUB_NAME_CHARS = 16;
const HUB_PATTERN = /^[0-9a-f]{16}$/;

export interface OpenCache {
  /** With the replicas, where there are some. */
  readonly cache: BlobCache;
  /** Folders that are kept for the hub; only where that was asked for, and there is a directory. */
  readonly replicas?: ReplicaStore;
  /** Where the hub's catalogue is kept, where there is a directory. */
  readonly shelf?: Shelf;
  /** Where its accounts are kept. */
  readonly accountsShelf?: Shelf;
  /** Leaves the directory to the next process, with what is in it. */
  close(): Promise<void>;
}

export interface CacheOptions {
  /** Without one blobs are kept in memory. */
  readonly directory?: string;
  readonly bytesMax: number;
  readonly hubKey: Uint8Array;
  /** Keeps folders for the hub, too. */
  readonly replicas?: boolean;
}

const inMemory = (bytesMax: number): OpenCache => ({
  cache: new MemoryBlobCache({ bytesMax: Math.min(bytesMax, MEMORY_CACHE_BYTES) }),
  close: async () => {},
});

/**
 * Opens the cache of a hub's blobs: a directory of this process's own below the given one, which a later
 * worker goes on with; in memory where there is none or it cannot be written.
 */
export async function openCache(options: CacheOptions): Promise<OpenCache> {
  const { directory, bytesMax, hubKey } = options;
  if (directory === undefined || bytesMax <= 0) return inMemory(bytesMax);
  const ofHub = join(directory, Buffer.from(hubKey).toString("hex").slice(0, HUB_NAME_CHARS));
  try {
    const own = await claim(ofHub);
    if (own === undefined) return inMemory(bytesMax);
    const { path, lock } = own;
    const cache = new DiskBlobCache(join(path, "blobs"), { bytesMax });
    const shelves = {
      shelf: new FileShelf(join(path, "catalogue")),
      accountsShelf: new FileShelf(join(path, "accounts")),
    };
    const swept = sweep(directory, bytesMax).catch(() => {});
    const close = () => swept.then(() => lock.release());
    const replicas = options.replicas === true ? await openReplicas(path) : undefined;
    if (replicas === undefined) return { cache, ...shelves, close };
    return { cache: new ReplicaCache(replicas, cache), replicas, ...shelves, close };
  } catch {
    return inMemory(bytesMax);
  }
}

/** A disk that refuses keeps nothing for anybody. */
const openReplicas = (path: string): Promise<ReplicaStore | undefined> =>
  ReplicaStore.open(join(path, REPLICAS_NAME)).catch(() => undefined);

interface Claim {
  readonly path: string;
  readonly lock: DirectoryLock;
}

/** The first directory that no other process has. */
async function claim(ofHub: string): Promise<Claim | undefined> {
  for (let number = 0; number < CACHES_MAX; number++) {
    const path = join(ofHub, String(number));
    await mkdir(path, { recursive: true, mode: 0o700 });
    try {
      return { path, lock: await lockDirectory(path) };
    } catch (error) {
      if (toMusketeersError(error).code !== "DATA_IN_USE") throw error;
    }
  }
  return undefined;
}

/** Files that are looked at together. */
const STATS_AT_ONCE = 64;

/** What the files of a folder take on the disk. */
async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  let bytes = 0;
  for (let from = 0; from < names.length; from += STATS_AT_ONCE) {
    const some = names.slice(from, from + STATS_AT_ONCE).map((name) => stat(join(folder, name)));
    for (const { size } of await Promise.all(some)) bytes += fileBytesOnDisk(size);
  }
  return bytes;
}

/** Removes the caches that were not used for longest by anybody, but for some, which have so many bytes at most. */
async function sweep(directory: string, bytesMax: number): Promise<void> {
  const unused: { readonly path: string; readonly blobs: string; readonly usedAtMs: number }[] = [];
  for (const hub of await readdir(directory)) {
    if (!HUB_PATTERN.test(hub)) continue;
    for (const number of await readdir(join(directory, hub))) {
      const path = join(directory, hub, number);
      const blobs = join(path, "blobs");
      const { mtimeMs } = await stat(blobs).catch(() => ({ mtimeMs: 0 }));
      unused.push({ path, blobs, usedAtMs: mtimeMs });
    }
  }
  unused.sort((a, b) => b.usedAtMs - a.usedAtMs);
  let kept = 0;
  let bytes = 0;
  for (const { path, blobs } of unused) {
    const lock = await lockDirectory(path).catch(() => undefined);
    if (lock === undefined) continue;
    try {
      bytes += await bytesOf(blobs).catch(() => 0);
      if (++kept <= CACHES_KEPT && bytes <= bytesMax) continue;
      // What a hub may want back some day is not removed unasked.
      const replicas = await readdir(join(path, REPLICAS_NAME)).catch(() => []);
      await rm(replicas.length > 0 ? blobs : path, { recursive: true, force: true, maxRetries: 10 });
    } finally {
      await lock.release();
    }
  }
}
