import { type Limits, MusketeersError, toMusketeersError } from "../protocol/index.ts";
import { BatchIntake, type BatchIntakeOptions } from "./batch-intake.ts";
import { concatBytes } from "./bytes.ts";

export type TransferLimits = Pick<
  Limits,
  | "blobBytesMax"
  | "blobAttemptsMax"
  | "blobStallMs"
  | "blobUploadBytesPerSecondMin"
  | "reconnectDelayMinMs"
  | "reconnectDelayMaxMs"
  | "uploadsPerPeerMax"
>;

/** Of `fetch` as much as is asked of hubs. */
export interface HubFetch {
  (
    url: string,
    request: {
      readonly method: string;
      readonly headers: Record<string, string>;
      readonly redirect: "error";
      readonly signal: AbortSignal;
      readonly body?: Uint8Array<ArrayBuffer>;
      readonly parts?: readonly Uint8Array[];
    },
  ): Promise<HubAnswer>;
  /** Whether a body may be given in `parts`, which nobody has to put together then. */
  readonly takesParts?: boolean;
}

/** Of a `Response` as much as is read of a hub's. */
export interface HubAnswer {
  readonly ok: boolean;
  readonly status: number;
  /** Also an iterable of bytes, though not every browser's type says so. */
  readonly body: { cancel(): Promise<void> } | null;
  json(): Promise<unknown>;
  /** Gives what comes to a function, part by part, to the end: an iterable takes much longer. Not every `fetch` has it. */
  each?(take: (part: Uint8Array) => void): Promise<void>;
}

/** The bytes of an answer, as they come. */
export const bodyOf = ({ body }: HubAnswer): AsyncIterable<Uint8Array> =>
  (body ?? []) as unknown as AsyncIterable<Uint8Array>;

/** What becomes of blocks as they come. */
export type BlockTaking = Pick<BatchIntakeOptions, "blockBytesMax" | "onBlock"> & {
  readonly room: (length: number) => Uint8Array;
};

export interface ExchangeOptions {
  /** The hub's address, without a slash at its end. */
  readonly baseUrl: string;
  /** The session of the moment; asked anew at each try, because a reconnect changes it. */
  readonly token: () => string;
  readonly fetch?: HubFetch;
  readonly limits: TransferLimits;
  /** From 0 to below 1; spreads tries. */
  readonly random?: () => number;
}

/** Requests to a hub's HTTP beside a connection, and what is tried again of them. */
export class HubExchange {
  readonly limits: TransferLimits;
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.limits = options.limits;
  }

  /**
   * @param path behind the hub's address, with a slash
   * @param parts of the body, one behind the other
   */
  async request(
    method: string,
    path: string,
    signal: AbortSignal,
    ...parts: readonly Uint8Array[]
  ): Promise<HubAnswer> {
    const { baseUrl, token, fetch = globalThis.fetch as HubFetch } = this.#options;
    const headers: Record<string, string> = { authorization: `Bearer ${token()}` };
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (parts.length > 0) headers["content-type"] = "application/octet-stream";
    try {
      return await fetch(baseUrl + path, {
        method,
        headers,
        redirect: "error",
        signal,
        ...(parts.length === 0
          ? {}
          : fetch.takesParts === true
            ? { parts }
            : { body: concatBytes(parts, length) as Uint8Array<ArrayBuffer> }),
      });
    } catch (cause) {
      throw this.unreachable(cause, signal);
    }
  }

  /**
   * Stores a batch, given in parts.
   * @throws MusketeersError what the hub refuses it with; `HUB_UNREACHABLE`, or the signal's reason
   */
  async storeBlocks(parts: readonly Uint8Array[], moves: Moves): Promise<void> {
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    moves.allow((bytes / this.limits.blobUploadBytesPerSecondMin) * 1_000);
    const response = await this.request("POST", "/blocks", moves.signal, ...parts);
    await this.check(response);
    await response.body?.cancel();
  }

  /**
   * Fetches those of these blocks that the hub has.
   * @throws MusketeersError as `storeBlocks`; `PROTOCOL`; what `taking` throws
   */
  async fetchBlocks(cids: readonly string[], taking: BlockTaking, moves: Moves): Promise<void> {
    const body = new TextEncoder().encode(cids.join("\n"));
    const response = await this.request("POST", "/blocks/get", moves.signal, body);
    await this.check(response);
    const intake = new BatchIntake(taking);
    const take = (part: Uint8Array): void => {
      moves.moved();
      intake.pour(part);
    };
    if (response.each !== undefined) await response.each(take);
    else for await (const part of bodyOf(response)) take(part);
    intake.end();
  }

  /** What a request or its answer broke with, as one of ours; the signal's reason where it was aborted. */
  unreachable(cause: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const reason = inner instanceof Error ? inner.message : String(inner);
    return new MusketeersError("HUB_UNREACHABLE", `${this.#options.baseUrl} does not answer: ${reason}`, {
      cause,
    });
  }

  /** Turns an answer that is no success into the error that its body names. */
  async check(response: HubAnswer): Promise<void> {
    if (response.ok) return;
    let data: unknown;
    try {
      data = await response.json();
    } catch {
      data = undefined;
    }
    if (typeof data === "object" && data !== null && "code" in data) throw MusketeersError.from(data);
    const message = `The hub answered ${response.status} to a request for blobs`;
    const codes = { 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 413: "LIMIT_EXCEEDED" } as const;
    const code = codes[response.status as keyof typeof codes];
    if (code !== undefined) throw new MusketeersError(code, message);
    throw new MusketeersError(response.status >= 500 ? "HUB_UNREACHABLE" : "PROTOCOL", message);
  }

  /** One try, which ends when nothing moves. */
  async attempt<T>(signal: AbortSignal | undefined, attempt: (moves: Moves) => Promise<T>): Promise<T> {
    const moves = new Moves(this.limits.blobStallMs, this.#options.baseUrl, signal);
    try {
      return await attempt(moves);
    } finally {
      moves.end();
    }
  }

  /** Tries again, with growing jittered pauses, what may succeed later; `isFree` says what costs no try. */
  async retry<T>(
    signal: AbortSignal | undefined,
    attempt: (moves: Moves) => Promise<T>,
    isFree: (error: MusketeersError) => boolean = () => false,
  ): Promise<T> {
    const { blobAttemptsMax, reconnectDelayMinMs, reconnectDelayMaxMs } = this.limits;
    const random = this.#options.random ?? Math.random;
    let missing = false;
    let counted = 0;
    for (let attempts = 1; ; attempts++) {
      signal?.throwIfAborted();
      let error: MusketeersError;
      try {
        return await this.attempt(signal, attempt);
      } catch (thrown) {
        signal?.throwIfAborted();
        error = toMusketeersError(thrown);
        if (!isFree(error)) counted++;
        // A name that was damaged on its way is not to be found either.
        const again = mayPass(error) || (error.code === "NOT_FOUND" && !missing);
        if (counted >= blobAttemptsMax || !again) throw thrown;
      }
      missing = error.code === "NOT_FOUND";
      const longestMs = Math.min(reconnectDelayMaxMs, reconnectDelayMinMs * 2 ** Math.min(attempts - 1, 30));
      await pause(longestMs * (0.5 + random() / 2), signal);
    }
  }
}

/** Does not count as a try. */
export const isRefusedByDisk = ({ code }: MusketeersError): boolean => code === "STORAGE";

/** Ends an attempt that moves nothing: a half-open connection reports nothing by itself. */
export class Moves {
  readonly signal: AbortSignal;
  readonly #stallMs: number;
  readonly #stalled = new AbortController();
  readonly #baseUrl: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = 0;
  #movedAtMs = 0;

  constructor(stallMs: number, baseUrl: string, signal: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.#baseUrl = baseUrl;
    this.signal =
      signal === undefined ? this.#stalled.signal : AbortSignal.any([signal, this.#stalled.signal]);
    this.allow();
  }

  /** Something moved; the next may take `extraMs` longer than usual. */
  allow(extraMs = 0): void {
    this.#waitMs = Math.min(this.#stallMs + extraMs, TIMER_MS_MAX);
    this.#movedAtMs = performance.now();
    this.#wait(this.#waitMs);
  }

  /** Something moved, and more is to: as `allow`, for what happens often. */
  moved(): void {
    if (this.#waitMs > this.#stallMs) this.allow();
    else this.#movedAtMs = performance.now();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #wait(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const leftMs = this.#movedAtMs + this.#waitMs - performance.now();
      if (leftMs >= 1) {
        this.#wait(leftMs);
        return;
      }
      const message = `Nothing moved on the way to or from ${this.#baseUrl} for ${Math.round(this.#waitMs)} ms`;
      this.#stalled.abort(new MusketeersError("HUB_UNREACHABLE", message));
    }, delayMs);
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
