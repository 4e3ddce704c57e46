import { defaultLimits, MusketeersError } from "../protocol/index.ts";
import type { BlobStore } from "./blob-ref.ts";
import { concatBytes } from "./bytes.ts";
import { type Codec, cidOf, createHasherFor, parseCid } from "./cid.ts";
import {
  bodyOf,
  type ExchangeOptions,
  type HubAnswer,
  HubExchange,
  isRefusedByDisk,
  type Moves,
  type TransferLimits,
} from "./hub-exchange.ts";
import { Turnstile } from "./turnstile.ts";

export type BlobClientOptions = Omit<ExchangeOptions, "limits"> & { readonly limits?: TransferLimits };

interface CallOptions {
  readonly signal?: AbortSignal;
}

interface PutOptions extends CallOptions {
  /** What kind of block the bytes are; raw where it is not said. */
  readonly codec?: Codec;
}

/** Fetches and stores blobs over the hub's HTTP (`/blobs/CID`). What comes is verified before it is given out. */
export class BlobClient implements BlobStore {
  readonly #exchange: HubExchange;
  readonly #limits: TransferLimits;
  readonly #uploads: Turnstile;

  constructor(options: BlobClientOptions) {
    this.#exchange = new HubExchange({ ...options, limits: options.limits ?? defaultLimits });
    this.#limits = this.#exchange.limits;
    this.#uploads = new Turnstile(this.#limits.uploadsPerPeerMax);
  }

  /**
   * Fetches a blob.
   * @throws MusketeersError `NOT_FOUND`, `BLOB_MISMATCH`, `LIMIT_EXCEEDED`, `HUB_UNREACHABLE` …, or the
   * signal's reason.
   */
  get(cid: string, options: CallOptions = {}): Promise<Uint8Array> {
    parseCid(cid);
    return this.#exchange.retry(options.signal, async (moves) => {
      const response = await this.#exchange.request("GET", `/blobs/${cid}`, moves.signal);
      await this.#exchange.check(response);
      return this.#receive(cid, response, moves);
    });
  }

  /**
   * Stores bytes, unless the hub has them; says their CID. As long as the hub's disk refuses, it is asked
   * again: what is stored waits for space, as everything else does.
   */
  async put(bytes: Uint8Array, options: PutOptions = {}): Promise<string> {
    if (bytes.length > this.#limits.blobBytesMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `${bytes.length} bytes are over blobBytesMax`);
    }
    const cid = cidOf(bytes, options.codec);
    const allowedMs = (bytes.length / this.#limits.blobUploadBytesPerSecondMin) * 1_000;
    const attempt = async (moves: Moves) => {
      moves.allow(allowedMs);
      const response = await this.#exchange.request("PUT", `/blobs/${cid}`, moves.signal, bytes);
      await this.#exchange.check(response);
      await response.body?.cancel();
    };
    const store = () => this.#exchange.retry(options.signal, attempt, isRefusedByDisk);
    await this.#uploads.pass(store, options.signal);
    return cid;
  }

  /** Whether the hub holds a blob. */
  has(cid: string, options: CallOptions = {}): Promise<boolean> {
    parseCid(cid);
    return this.#exchange.retry(options.signal, async ({ signal }) => {
      const response = await this.#exchange.request("HEAD", `/blobs/${cid}`, signal);
      if (response.status === 404) return false;
      await this.#exchange.check(response);
      return true;
    });
  }

  async #receive(cid: string, response: HubAnswer, moves: Moves): Promise<Uint8Array> {
    const hasher = createHasherFor(cid);
    const parts: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const part of bodyOf(response)) {
        length += part.length;
        moves.allow();
        if (length > this.#limits.blobBytesMax) {
          throw new MusketeersError("LIMIT_EXCEEDED", `The blob ${cid} is over blobBytesMax`);
        }
        hasher.update(part);
        parts.push(part);
      }
    } catch (cause) {
      throw cause instanceof MusketeersError ? cause : this.#exchange.unreachable(cause, moves.signal);
    }
    if (hasher.cid() !== cid) {
      throw new MusketeersError("BLOB_MISMATCH", `What came as the blob ${cid} has other bytes`);
    }
    return concatBytes(parts, length);
  }
}
