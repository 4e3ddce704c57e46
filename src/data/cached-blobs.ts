import type { BlobStore } from "./blob-ref.ts";
import type { Codec } from "./cid.ts";
import { left } from "./left.ts";
import { ByteLru } from "./lru.ts";

/** Told what a cache keeps. */
export interface CacheWatcher {
  /** From now on. */
  kept(cid: string): void;
  /** No more. */
  dropped(cid: string): void;
}

/** Where blobs are kept near at hand; may forget any of them at any time. */
export interface BlobCache {
  watcher?: CacheWatcher | undefined;
  /** Whether it keeps it, as far as it knows yet. */
  has(cid: string): boolean;
  /** All that it keeps, as far as it knows yet. */
  cids(): Iterable<string>;
  /** Verified bytes, or undefined where it has none. */
  get(cid: string): Promise<Uint8Array | undefined>;
  /** As `get`, in memory that nobody else has and that is used again after `giveBack`. */
  lend?(cid: string): Promise<Uint8Array | undefined>;
  /** What was lent is used no more; anything else may be given as well. */
  giveBack?(bytes: Uint8Array): void;
  /** Keeps bytes; failing to is no error. */
  put(cid: string, bytes: Uint8Array): Promise<void>;
  /** Keeps it no longer. */
  forget(cid: string): Promise<void>;
}

interface Fetching {
  readonly bytes: Promise<Uint8Array>;
  readonly stop: AbortController;
  waiting: number;
}

/** Bytes on their way into the cache that nobody waits for; who brings more waits. */
const KEEPING_BYTES_MAX = 16 * 1024 * 1024;

/** A store behind a cache; who asks for the same blob at the same time shares one fetch. */
export class CachedBlobs implements BlobStore {
  readonly #store: BlobStore;
  readonly #cache: BlobCache;
  readonly #fetching = new Map<string, Fetching>();
  /** What is on its way into the cache. */
  readonly #keeping = new Map<string, Uint8Array>();
  #keepingBytes = 0;
  /** What was used lately, verified already. */
  readonly #recent: ByteLru<string, Uint8Array>;

  /** @param recentBytesMax what it holds in memory before the cache */
  constructor(
    store: BlobStore,
    cache: BlobCache,
    { recentBytesMax = 0 }: { readonly recentBytesMax?: number } = {},
  ) {
    this.#store = store;
    this.#cache = cache;
    this.#recent = new ByteLru(recentBytesMax, (bytes) => bytes.length);
  }

  /** Whether it need not be fetched. */
  has(cid: string): boolean {
    return this.#recent.has(cid) || this.#keeping.has(cid) || this.#cache.has(cid);
  }

  async get(cid: string, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    const { signal } = options;
    signal?.throwIfAborted();
    const near = this.#recent.get(cid) ?? this.#keeping.get(cid);
    if (near !== undefined) return near;
    const fetching = this.#fetching.get(cid) ?? this.#fetch(cid);
    fetching.waiting++;
    try {
      return await unlessAborted(fetching.bytes, signal);
    } finally {
      // The fetch goes on as long as anybody waits for it.
      if (--fetching.waiting === 0) {
        if (this.#fetching.get(cid) === fetching) this.#fetching.delete(cid);
        fetching.stop.abort(left);
      }
    }
  }

  /**
   * As `get`, for whoever reads a blob once and then gives it back: what the cache has comes in memory that is
   * used again, and does not push out what was used lately.
   */
  async lend(cid: string, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    const isNear = this.#recent.has(cid) || this.#keeping.has(cid) || this.#fetching.has(cid);
    const lent = isNear || !this.#cache.has(cid) ? undefined : await this.#cache.lend?.(cid);
    return lent ?? this.get(cid, options);
  }

  /** What `lend` gave is used no more. */
  giveBack(bytes: Uint8Array): void {
    this.#cache.giveBack?.(bytes);
  }

  /**
   * What is kept, or is being fetched for somebody; undefined for what is neither. Fetches nothing.
   * @throws what the fetch throws that it waits for, or the signal's reason.
   */
  async peek(cid: string, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array | undefined> {
    const fetching = this.#fetching.get(cid);
    if (fetching === undefined) {
      return this.#recent.get(cid) ?? this.#keeping.get(cid) ?? this.#cache.get(cid);
    }
    return unlessAborted(fetching.bytes, options.signal);
  }

  async put(
    bytes: Uint8Array,
    options: { readonly signal?: AbortSignal; readonly codec?: Codec } = {},
  ): Promise<string> {
    const cid = await this.#store.put(bytes, options);
    await this.keep(cid, bytes);
    return cid;
  }

  /** Nobody needs it any more. */
  forget(cid: string): void {
    this.#recent.delete(cid);
    this.#cache.forget(cid).catch(() => {});
  }

  #fetch(cid: string): Fetching {
    const stop = new AbortController();
    const fetching: Fetching = { bytes: this.#load(cid, stop.signal), stop, waiting: 0 };
    // Those who wait hear of it; when all have left nobody has to.
    fetching.bytes.catch(() => {});
    this.#fetching.set(cid, fetching);
    return fetching;
  }

  async #load(cid: string, signal: AbortSignal): Promise<Uint8Array> {
    const kept = await this.#cache.get(cid);
    if (kept !== undefined) {
      this.#recent.set(cid, kept);
      return kept;
    }
    const bytes = await this.#store.get(cid, { signal });
    await this.keep(cid, bytes);
    return bytes;
  }

  /** Keeps a blob that was made here. Gives a promise only where the cache is behind. */
  keep(cid: string, bytes: Uint8Array): Promise<void> | undefined {
    this.#recent.set(cid, bytes);
    this.#keeping.set(cid, bytes);
    this.#keepingBytes += bytes.length;
    const kept = this.#cache.put(cid, bytes).finally(() => {
      this.#keepingBytes -= bytes.length;
      if (this.#keeping.get(cid) === bytes) this.#keeping.delete(cid);
    });
    if (this.#keepingBytes > KEEPING_BYTES_MAX) return kept;
    kept.catch(() => {});
    return undefined;
  }
}

/** The promise's outcome, or the signal's reason where that comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
