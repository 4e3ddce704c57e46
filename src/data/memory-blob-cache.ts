import type { BlobCache } from "./cached-blobs.ts";
import { ByteLru } from "./lru.ts";

/** Blobs in memory, up to so many bytes together; the least recently used go first. */
export class MemoryBlobCache implements BlobCache {
  readonly #blobs: ByteLru<string, Uint8Array>;

  constructor(options: { readonly bytesMax: number }) {
    this.#blobs = new ByteLru(options.bytesMax, (blob) => blob.length);
  }

  get bytes(): number {
    return this.#blobs.bytes;
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    return this.#blobs.get(cid);
  }

  async put(cid: string, bytes: Uint8Array): Promise<void> {
    this.#blobs.set(cid, bytes);
  }
}
