import { pageMemory } from "./page-memory.ts";

export interface ChunkPoolOptions {
  /** Whether threads may fill them. */
  readonly shared?: boolean;
  /** Whether they begin at pages of memory; then they come out of larger pieces. */
  readonly atPages?: boolean;
}

/** Each piece at a page takes gigabytes of addresses, most of them without memory. */
const SLAB_BYTES = 2 * 1_048_576;

/** Buffers of one length that are used again, so that what goes through does not wait for the collector. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly isShared: boolean;
  readonly #slabChunks: number;
  readonly #atPages: boolean;
  readonly #free: Uint8Array[] = [];
  /** Of each piece of memory which of the chunks in it somebody has. */
  readonly #lent = new WeakMap<ArrayBufferLike, Uint8Array>();

  /** Of all buffers that it ever made. */
  allocatedBytes = 0;

  constructor(chunkBytes: number, { shared = false, atPages = false }: ChunkPoolOptions = {}) {
    this.chunkBytes = chunkBytes;
    this.isShared = shared;
    this.#atPages = atPages;
    this.#slabChunks = atPages ? Math.max(1, Math.floor(SLAB_BYTES / chunkBytes)) : 1;
  }

  /** What it holds is anybody's guess. */
  take(): Uint8Array {
    if (this.#free.length === 0) this.#allocate();
    const chunk = this.#free.pop()!;
    this.#lent.get(chunk.buffer)![chunk.byteOffset / this.chunkBytes] = 1;
    return chunk;
  }

  /** Takes a buffer back that nobody looks at any more; one that is none of its own is left alone. */
  give(chunk: Uint8Array): void {
    // Of a part of one others may look at the rest.
    if (chunk.byteLength === this.chunkBytes && this.#end(chunk)) this.#free.push(chunk);
  }

  /** Leaves a buffer for good to those who have it. */
  keep(chunk: Uint8Array): void {
    this.#end(chunk);
  }

  /** Says whether it was lent. */
  #end({ buffer, byteOffset }: Uint8Array): boolean {
    const lent = this.#lent.get(buffer);
    const index = byteOffset / this.chunkBytes;
    if (lent?.[index] !== 1) return false;
    lent[index] = 0;
    return true;
  }

  #allocate(): void {
    const { buffer } = this.#memory(this.#slabChunks * this.chunkBytes);
    this.#lent.set(buffer, new Uint8Array(this.#slabChunks));
    for (let index = this.#slabChunks - 1; index >= 0; index--) {
      this.#free.push(new Uint8Array(buffer, index * this.chunkBytes, this.chunkBytes));
    }
  }

  #memory(bytes: number): Uint8Array {
    this.allocatedBytes += bytes;
    if (this.#atPages) return pageMemory(bytes, { shared: this.isShared });
    return new Uint8Array(this.isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  }
}
