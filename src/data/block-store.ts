export type { FileRef } from "../protocol/index.ts";

/** Where blocks come from: a hub, a disk, neighbours, or several behind each other. */
export interface BlockSource {
  /**
   * The bytes of a block, verified.
   * @throws MusketeersError `NOT_FOUND`, `BLOB_MISMATCH`, `HUB_UNREACHABLE` …, or the signal's reason.
   */
  get(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /** Takes a block back that nobody looks at any more; its memory may be used again. */
  release?(bytes: Uint8Array): void;
}

/** A chunk of a file whose name is known. */
export interface NamedChunk {
  readonly cid: string;
  /** What it holds; only its length where nobody wants more. */
  readonly bytes: Uint8Array | number;
}

/** Where blocks go that are made. */
export interface BlockSink {
  /**
   * Takes a block whose CID is known to be right, and keeps `bytes`: who gives them must not change them.
   * Gives a promise where its giver has to wait before the next; what fails later fails a later call.
   */
  put(cid: string, bytes: Uint8Array): undefined | Promise<void>;
}
