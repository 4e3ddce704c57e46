import { createCidHasher } from "../../data/index.ts";
import { blobMismatch, blobTooLarge, clampRange, noBlob } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { BlobStat, Blobs } from "../port.ts";

const CHUNK_BYTES = 256 * 1024;

/** Blobs that are lost with the process. */
export class MemoryBlobs implements Blobs {
  readonly #limits: EngineLimits;
  readonly #blobs = new Map<string, Uint8Array>();

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly expect?: string; readonly bytesMax?: number } = {},
  ): Promise<BlobStat> {
    const bytesMax = Math.min(options.bytesMax ?? this.#limits.blobBytesMax, this.#limits.blobBytesMax);
    const hasher = createCidHasher();
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
    if (!this.#blobs.has(cid)) this.#blobs.set(cid, new Uint8Array(await new Blob(parts).arrayBuffer()));
    return { cid, bytes: length };
  }

  async stat(cid: string): Promise<BlobStat | undefined> {
    const blob = this.#blobs.get(cid);
    return blob && { cid, bytes: blob.length };
  }

  async *read(
    cid: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> {
    const blob = this.#blobs.get(cid);
    if (blob === undefined) throw noBlob(cid);
    const { start, end } = clampRange(range, blob.length);
    for (let at = start; at < end; at += CHUNK_BYTES) yield blob.slice(at, Math.min(end, at + CHUNK_BYTES));
  }

  async delete(cid: string): Promise<void> {
    this.#blobs.delete(cid);
  }

  async *list(): AsyncIterable<BlobStat> {
    for (const [cid, blob] of [...this.#blobs]) yield { cid, bytes: blob.length };
  }
}
