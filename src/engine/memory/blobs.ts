import { createCidHasher, createHasherFor } from "../../data/index.ts";
import { blobMismatch, blobTooLarge, checkBlock, clampRange, noBlob } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { BlobStat, Blobs, NamedBlock, StoredBlob } from "../port.ts";

const CHUNK_BYTES = 256 * 1024;

/** Blobs that are lost with the process. */
export class MemoryBlobs implements Blobs {
  readonly #limits: EngineLimits;
  readonly #nowMs: () => number;
  readonly #blobs = new Map<string, { readonly bytes: Uint8Array; usedAtMs: number }>();

  constructor(limits: EngineLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly expect?: string; readonly bytesMax?: number } = {},
  ): Promise<BlobStat> {
    const bytesMax = Math.min(options.bytesMax ?? this.#limits.blobBytesMax, this.#limits.blobBytesMax);
    const hasher = options.expect === undefined ? createCidHasher() : createHasherFor(options.expect);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of bytes instanceof Uint8Array ? [bytes] : bytes) {
      length += part.length;
      if (length > bytesMax) throw blobTooLarge(bytesMax);
      hasher.update(part);
      parts.push(part.slice());
    }
    const cid = hasher.cid();
    if (options.expect !== undefined && options.expect !== cid) throw blobMismatch(options.expect, cid);
    if (!this.#blobs.has(cid)) {
      const whole = new Uint8Array(await new Blob(parts).arrayBuffer());
      this.#blobs.set(cid, { bytes: whole, usedAtMs: 0 });
    }
    await this.touch(cid);
    return { cid, bytes: length };
  }

  async putBatch(blocks: AsyncIterable<NamedBlock> | Iterable<NamedBlock>): Promise<number> {
    let count = 0;
    for await (const block of blocks) {
      try {
        checkBlock(block, this.#limits.blobBytesMax);
        await this.put(block.bytes, { expect: block.cid });
        count++;
      } finally {
        block.release?.();
      }
    }
    return count;
  }

  async stat(cid: string): Promise<BlobStat | undefined> {
    const blob = this.#blobs.get(cid);
    return blob && { cid, bytes: blob.bytes.length };
  }

  async touch(cid: string): Promise<BlobStat | undefined> {
    const blob = this.#blobs.get(cid);
    if (blob !== undefined) blob.usedAtMs = this.#nowMs();
    return this.stat(cid);
  }

  async *read(
    cid: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> {
    const blob = this.#blobs.get(cid)?.bytes;
    if (blob === undefined) throw noBlob(cid);
    const { start, end } = clampRange(range, blob.length);
    for (let at = start; at < end; at += CHUNK_BYTES) yield blob.slice(at, Math.min(end, at + CHUNK_BYTES));
  }

  async delete(cid: string, unusedSinceMs = Number.POSITIVE_INFINITY): Promise<void> {
    const blob = this.#blobs.get(cid);
    if (blob !== undefined && blob.usedAtMs < unusedSinceMs) this.#blobs.delete(cid);
  }

  async *list(): AsyncIterable<StoredBlob> {
    for (const [cid, { bytes, usedAtMs }] of [...this.#blobs]) yield { cid, bytes: bytes.length, usedAtMs };
  }
}
