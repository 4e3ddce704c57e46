/** Buffers of one length that are used again, so that what goes through does not wait for the collector. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly #free: ArrayBuffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
  }

  /** What it holds is anybody's guess. */
  take(): Uint8Array {
    const buffer = this.#free.pop() ?? new ArrayBuffer(this.chunkBytes);
    this.#lent.add(buffer);
    return new Uint8Array(buffer);
  }

  /** Takes a buffer back that nobody looks at any more; one that is none of its own is left alone. */
  give({ buffer, byteLength }: Uint8Array): void {
    // Of a part of one others may look at the rest.
    if (byteLength !== this.chunkBytes || !this.#lent.delete(buffer)) return;
    this.#free.push(buffer as ArrayBuffer);
  }
}
