import type { BlobCache } from "./cached-blobs.ts";
import { LruSizes } from "./lru.ts";

/** Blobs in memory, up to so many bytes together; the least recently used go first. */
export class MemoryBlobCache implements BlobCache {
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #sizes: LruSizes;

  constructor(options: { readonly bytesMax: number }) {
    this.#sizes = new LruSizes(options.bytesMax);
  }

  get bytes(): number {
    return this.#sizes.bytes;
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    this.#sizes.touch(cid);
    return this.#blobs.get(cid);
  }

  async put(cid: string, bytes: Uint8Array): Promise<void> {
    this.#blobs.set(cid, bytes);
    for (const gone of this.#sizes.add(cid, bytes.length)) this.#blobs.delete(gone);
  }
}
