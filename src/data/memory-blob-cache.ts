import type { BlobCache, CacheWatcher } from "./cached-blobs.ts";
import { ByteLru } from "./lru.ts";

/** Blobs in memory, up to so many bytes together; the least recently used go first. */
export class MemoryBlobCache implements BlobCache {
  watcher: CacheWatcher | undefined;
  readonly #blobs: ByteLru<string, Uint8Array>;

  constructor(options: { readonly bytesMax: number }) {
    this.#blobs = new ByteLru(options.bytesMax, (blob) => blob.length);
  }

  get bytes(): number {
    return this.#blobs.bytes;
  }

  has(cid: string): boolean {
    return this.#blobs.has(cid);
  }

  cids(): Iterable<string> {
    return this.#blobs.keys();
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    return this.#blobs.get(cid);
  }

  async put(cid: string, bytes: Uint8Array): Promise<void> {
    const gone = this.#blobs.set(cid, bytes);
    if (!gone.includes(cid)) this.watcher?.kept(cid);
    for (const other of gone) if (other !== cid) this.watcher?.dropped(other);
  }

  async forget(cid: string): Promise<void> {
    if (!this.#blobs.has(cid)) return;
    this.#blobs.delete(cid);
    this.watcher?.dropped(cid);
  }
}
