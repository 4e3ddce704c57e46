export interface ChunkPoolOptions {
  /** Whether threads may fill them. */
  readonly shared?: boolean;
}

/** Buffers of one length that are used again, so that what goes through does not wait for the collector. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly isShared: boolean;
  readonly #free: ArrayBufferLike[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** Of all buffers that it ever made. */
  allocatedBytes = 0;

  constructor(chunkBytes: number, { shared = false }: ChunkPoolOptions = {}) {
    this.chunkBytes = chunkBytes;
    this.isShared = shared;
  }

  /** What it holds is anybody's guess. */
  take(): Uint8Array {
    const buffer = this.#free.pop() ?? this.#allocate();
    this.#lent.add(buffer);
    return new Uint8Array(buffer);
  }

  /** Takes a buffer back that nobody looks at any more; one that is none of its own is left alone. */
  give({ buffer, byteLength }: Uint8Array): void {
    // Of a part of one others may look at the rest.
    if (byteLength !== this.chunkBytes || !this.#lent.delete(buffer)) return;
    this.#free.push(buffer);
  }

  /** Leaves a buffer for good to those who have it. */
  keep({ buffer }: Uint8Array): void {
    this.#lent.delete(buffer);
  }

  #allocate(): ArrayBufferLike {
    this.allocatedBytes += this.chunkBytes;
    return this.isShared ? new SharedArrayBuffer(this.chunkBytes) : new ArrayBuffer(this.chunkBytes);
  }
}
