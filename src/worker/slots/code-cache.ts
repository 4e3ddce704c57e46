import type { BlobStore } from "../../data/index.ts";

/** Bundles in memory, the longest unused dropped first. */
export class CodeCache {
  readonly #blobs: Pick<BlobStore, "get">;
  readonly #bytesMax: number;
  readonly #codes = new Map<string, { readonly code: Promise<Uint8Array>; bytes: number }>();

  constructor(blobs: Pick<BlobStore, "get">, bytesMax: number) {
    this.#blobs = blobs;
    this.#bytesMax = bytesMax;
  }

  /** The bundle of a CID; one that could not be fetched is tried again by the next call. */
  get(cid: string): Promise<Uint8Array> {
    const known = this.#codes.get(cid);
    if (known !== undefined) {
      this.#codes.delete(cid);
      this.#codes.set(cid, known);
      return known.code;
    }
    const entry = { code: this.#blobs.get(cid), bytes: 0 };
    this.#codes.set(cid, entry);
    entry.code.then(
      (code) => {
        entry.bytes = code.length;
        this.#shrink(cid);
      },
      () => this.#codes.delete(cid),
    );
    return entry.code;
  }

  #shrink(newest: string): void {
    let bytes = 0;
    for (const code of this.#codes.values()) bytes += code.bytes;
    for (const [cid, code] of this.#codes) {
      if (bytes <= this.#bytesMax) return;
      if (cid === newest || code.bytes === 0) continue;
      this.#codes.delete(cid);
      bytes -= code.bytes;
    }
  }
}
