import { defaultLimits, type Limits, MusketeersError, toMusketeersError } from "../protocol/index.ts";
import type { BlobStore } from "./blob-ref.ts";
import { concatBytes } from "./bytes.ts";
import { type Codec, cidOf, createHasherFor, parseCid } from "./cid.ts";
import { Turnstile } from "./turnstile.ts";

type TransferLimits = Pick<
  Limits,
  | "blobBytesMax"
  | "blobAttemptsMax"
  | "blobStallMs"
  | "blobUploadBytesPerSecondMin"
  | "reconnectDelayMinMs"
  | "reconnectDelayMaxMs"
  | "uploadsPerPeerMax"
>;

export interface BlobClientOptions {
  /** The hub's address, without a slash at its end. */
  readonly baseUrl: string;
  /** The session of the moment; asked anew at each try, because a reconnect changes it. */
  readonly token: () => string;
  readonly fetch?: typeof globalThis.fetch;
  readonly limits?: TransferLimits;
  /** From 0 to below 1; spreads tries. */
  readonly random?: () => number;
}

interface CallOptions {
  readonly signal?: AbortSignal;
}

interface PutOptions extends CallOptions {
  /** What kind of block the bytes are; raw where it is not said. */
  readonly codec?: Codec;
}

/** Fetches and stores blobs over the hub's HTTP (`/blobs/CID`). What comes is verified before it is given out. */
export class BlobClient implements BlobStore {
  readonly #options: BlobClientOptions;
  readonly #limits: TransferLimits;
  readonly #uploads: Turnstile;

  constructor(options: BlobClientOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultLimits;
    this.#uploads = new Turnstile(this.#limits.uploadsPerPeerMax);
  }

  /**
   * Fetches a blob.
   * @throws MusketeersError `NOT_FOUND`, `BLOB_MISMATCH`, `LIMIT_EXCEEDED`, `HUB_UNREACHABLE` …, or the
   * signal's reason.
   */
  get(cid: string, options: CallOptions = {}): Promise<Uint8Array> {
    parseCid(cid);
    return this.#retry(options.signal, async (moves) => {
      const response = await this.#request("GET", cid, moves.signal);
      await this.#check(response);
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
      const response = await this.#request("PUT", cid, moves.signal, bytes);
      await this.#check(response);
      await response.body?.cancel();
    };
    const store = () => this.#retry(options.signal, attempt, isRefusedByDisk);
    await this.#uploads.pass(store, options.signal);
    return cid;
  }

  /** Whether the hub holds a blob. */
  has(cid: string, options: CallOptions = {}): Promise<boolean> {
    parseCid(cid);
    return this.#retry(options.signal, async ({ signal }) => {
      const response = await this.#request("HEAD", cid, signal);
      if (response.status === 404) return false;
      await this.#check(response);
      return true;
    });
  }

  async #request(method: string, cid: string, signal: AbortSignal, body?: Uint8Array): Promise<Response> {
    const { baseUrl, token, fetch = globalThis.fetch } = this.#options;
    const headers: Record<string, string> = { authorization: `Bearer ${token()}` };
    if (body !== undefined) headers["content-type"] = "application/octet-stream";
    try {
      return await fetch(`${baseUrl}/blobs/${cid}`, {
        method,
        headers,
        redirect: "error",
        signal,
        ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
      });
    } catch (cause) {
      throw this.#unreachable(cause, signal);
    }
  }

  #unreachable(cause: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const reason = inner instanceof Error ? inner.message : String(inner);
    return new MusketeersError("HUB_UNREACHABLE", `${this.#options.baseUrl} does not answer: ${reason}`, {
      cause,
    });
  }

  /** Turns an answer that is no success into the error that its body names. */
  async #check(response: Response): Promise<void> {
    if (response.ok) return;
    let data: unknown;
    try {
      data = await response.json();
    } catch {
      data = undefined;
    }
    if (typeof data === "object" && data !== null && "code" in data) throw MusketeersError.from(data);
    const message = `The hub answered ${response.status} to a request for a blob`;
    const codes = { 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 413: "LIMIT_EXCEEDED" } as const;
    const code = codes[response.status as keyof typeof codes];
    if (code !== undefined) throw new MusketeersError(code, message);
    throw new MusketeersError(response.status >= 500 ? "HUB_UNREACHABLE" : "PROTOCOL", message);
  }

  async #receive(cid: string, response: Response, moves: Moves): Promise<Uint8Array> {
    const hasher = createHasherFor(cid);
    const parts: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        length += part.length;
        moves.allow();
        if (length > this.#limits.blobBytesMax) {
          throw new MusketeersError("LIMIT_EXCEEDED", `The blob ${cid} is over blobBytesMax`);
        }
        hasher.update(part);
        parts.push(part);
      }
    } catch (cause) {
      throw cause instanceof MusketeersError ? cause : this.#unreachable(cause, moves.signal);
    }
    if (hasher.cid() !== cid) {
      throw new MusketeersError("BLOB_MISMATCH", `What came as the blob ${cid} has other bytes`);
    }
    return concatBytes(parts, length);
  }

  /** Tries again, with growing jittered pauses, what may succeed later; `isFree` says what costs no try. */
  async #retry<T>(
    signal: AbortSignal | undefined,
    attempt: (moves: Moves) => Promise<T>,
    isFree: (error: MusketeersError) => boolean = () => false,
  ): Promise<T> {
    const { blobAttemptsMax, reconnectDelayMinMs, reconnectDelayMaxMs } = this.#limits;
    const random = this.#options.random ?? Math.random;
    let missing = false;
    let counted = 0;
    for (let attempts = 1; ; attempts++) {
      signal?.throwIfAborted();
      const moves = new Moves(this.#limits.blobStallMs, this.#options.baseUrl, signal);
      let error: MusketeersError;
      try {
        return await attempt(moves);
      } catch (thrown) {
        signal?.throwIfAborted();
        error = toMusketeersError(thrown);
        if (!isFree(error)) counted++;
        // A name that was damaged on its way is not to be found either.
        const again = mayPass(error) || (error.code === "NOT_FOUND" && !missing);
        if (counted >= blobAttemptsMax || !again) throw thrown;
      } finally {
        moves.end();
      }
      missing = error.code === "NOT_FOUND";
      const longestMs = Math.min(reconnectDelayMaxMs, reconnectDelayMinMs * 2 ** Math.min(attempts - 1, 30));
      await pause(longestMs * (0.5 + random() / 2), signal);
    }
  }
}

/** Does not count as a try. */
const isRefusedByDisk = ({ code }: MusketeersError): boolean => code === "STORAGE";

/** Ends an attempt that moves nothing: a half-open connection reports nothing by itself. */
class Moves {
  readonly signal: AbortSignal;
  readonly #stallMs: number;
  readonly #stalled = new AbortController();
  readonly #baseUrl: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stallMs: number, baseUrl: string, signal: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.#baseUrl = baseUrl;
    this.signal =
      signal === undefined ? this.#stalled.signal : AbortSignal.any([signal, this.#stalled.signal]);
    this.allow();
  }

  /** Something moved; the next may take `extraMs` longer than usual. */
  allow(extraMs = 0): void {
    clearTimeout(this.#timer);
    const waitMs = Math.min(this.#stallMs + extraMs, TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      const message = `Nothing moved on the way to or from ${this.#baseUrl} for ${Math.round(waitMs)} ms`;
      this.#stalled.abort(new MusketeersError("HUB_UNREACHABLE", message));
    }, waitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Longer timers would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Whether a next try may succeed. A token that is not known may belong to a connection that is being
 * replaced; what the hub does not understand was damaged on its way.
 */
const mayPass = ({ retryable, code }: MusketeersError): boolean =>
  retryable || code === "UNAUTHORIZED" || code === "BAD_ARGUMENT" || code === "PROTOCOL";

/** Waits; rejects with the signal's reason when it is aborted. */
function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, delayMs);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
