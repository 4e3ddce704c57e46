import type { BlobCache, CacheWatcher } from "../../data/index.ts";
import type { ReplicaStore } from "./replica-store.ts";

/** Replicas and a cache as one: what a worker keeps near at hand, for whatever reason. */
export class ReplicaCache implements BlobCache {
  readonly #replicas: ReplicaStore;
  readonly #cache: BlobCache;
  #watcher: CacheWatcher | undefined;

  constructor(replicas: ReplicaStore, cache: BlobCache) {
    this.#replicas = replicas;
    this.#cache = cache;
  }

  get watcher(): CacheWatcher | undefined {
    return this.#watcher;
  }

  set watcher(watcher: CacheWatcher | undefined) {
    this.#watcher = watcher;
    this.#cache.watcher = watcher;
    this.#replicas.watcher = watcher;
  }

  *cids(): Iterable<string> {
    yield* this.#replicas.cids();
    yield* this.#cache.cids();
  }

  has(cid: string): boolean {
    return this.#replicas.keeps(cid) || this.#cache.has(cid);
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    return (await this.#replicas.get(cid)) ?? (await this.#cache.get(cid));
  }

  put(cid: string, bytes: Uint8Array): Promise<void> {
    return this.#cache.put(cid, bytes);
  }

  /** Replicas stay as long as the hub says so. */
  forget(cid: string): Promise<void> {
    return this.#cache.forget(cid);
  }
}
