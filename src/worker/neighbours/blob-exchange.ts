import { type BlobCache, type BlobStore, CachedBlobs } from "../../data/index.ts";
import {
  type HubToNeighbour,
  type Limits,
  MusketeersError,
  type NeighbourToHub,
} from "../../protocol/index.ts";
import { type FetchBlob, Neighbours } from "./neighbours.ts";
import type { Places } from "./places.ts";
import type { NeighbourServer, NeighbourServerOptions } from "./server.ts";

/** Where a worker is, and what it serves there. */
export interface Surroundings {
  /** As they are now: machines move. */
  places(): Places;
  /** Undefined: nobody is served. */
  readonly server: Pick<NeighbourServer, "port" | "key" | "nowMs"> | undefined;
  /** How blobs are fetched from neighbours. */
  readonly fetchBlob: FetchBlob;
  /** Says what is to be served. */
  attach(peek: NeighbourServerOptions["peek"]): void;
  close(): Promise<void>;
}

export interface BlobExchangeOptions {
  readonly hub: BlobStore;
  readonly limits: Limits;
  readonly send: (message: NeighbourToHub) => boolean;
  readonly cache?: BlobCache;
  readonly surroundings?: Surroundings;
}

type CallOptions = Parameters<BlobStore["get"]>[1];

const nowhere: Places = { places: [], includes: () => false };

const nobodyIsThere: FetchBlob = async () => {
  throw new MusketeersError("NOT_FOUND", "There are no neighbours");
};

/** A worker's blobs: what it keeps, what its neighbours have, what the hub has, in this order. */
export class BlobExchange implements BlobStore {
  readonly #options: BlobExchangeOptions;
  readonly #neighbours: Neighbours;
  readonly #store: BlobStore;
  readonly #cached: CachedBlobs | undefined;
  #places = nowhere;
  #telling: ReturnType<typeof setInterval> | undefined;

  constructor(options: BlobExchangeOptions) {
    const { hub, limits, send, cache } = options;
    this.#options = options;
    this.#neighbours = new Neighbours({
      hub,
      limits,
      send,
      includes: (address) => this.#places.includes(address),
      fetchBlob: options.surroundings?.fetchBlob ?? nobodyIsThere,
    });
    this.#cached =
      cache === undefined
        ? undefined
        : new CachedBlobs(this.#neighbours, cache, { recentBytesMax: limits.recentBlobsBytesMax });
    this.#store = this.#cached ?? this.#neighbours;
    if (cache !== undefined) cache.watcher = this.#neighbours;
    options.surroundings?.attach((cid, call) => this.peek(cid, call));
  }

  /** Whether it is here already. */
  has(cid: string): boolean {
    return this.#cached?.has(cid) === true;
  }

  get(cid: string, options?: CallOptions): Promise<Uint8Array> {
    return this.#store.get(cid, options);
  }

  /** As `get`; see `CachedBlobs.lend`. */
  lend(cid: string, options?: CallOptions): Promise<Uint8Array> {
    return this.#cached?.lend(cid, options) ?? this.get(cid, options);
  }

  giveBack(bytes: Uint8Array): void {
    this.#cached?.giveBack(bytes);
  }

  /** Keeps what was made here. Gives a promise where the cache is behind. */
  keep(cid: string, bytes: Uint8Array): Promise<void> | undefined {
    return this.#cached?.keep(cid, bytes);
  }

  put(bytes: Uint8Array, options?: Parameters<BlobStore["put"]>[1]): Promise<string> {
    return this.#store.put(bytes, options);
  }

  /** As `get`, but what had to be fetched is not kept. */
  async borrow(cid: string, options?: CallOptions): Promise<Uint8Array> {
    return (await this.peek(cid, options)) ?? this.#neighbours.get(cid, options);
  }

  /** What is kept or being fetched; undefined for anything else. */
  async peek(cid: string, options?: CallOptions): Promise<Uint8Array | undefined> {
    return this.#cached?.peek(cid, options);
  }

  /** Connected: says where it is and what it keeps. */
  onWelcome(): void {
    const { surroundings, limits, cache } = this.#options;
    this.#neighbours.onUp(cache?.cids() ?? []);
    if (surroundings === undefined) return;
    const tell = () => this.#tell(surroundings);
    tell();
    clearInterval(this.#telling);
    this.#telling = setInterval(tell, limits.whereaboutsIntervalMs);
    this.#telling.unref?.();
  }

  /** Says where it is now, and what the clock says by which tokens end: machines move, and clocks drift apart. */
  #tell({ places, server }: Surroundings): void {
    this.#places = places();
    this.#options.send({
      type: "whereabouts",
      places: this.#places.places,
      port: server?.port ?? 0,
      key: server?.key ?? new Uint8Array(0),
      nowMs: server?.nowMs() ?? 0,
    });
  }

  onDown(): void {
    clearInterval(this.#telling);
    this.#neighbours.onDown();
  }

  onMessage(message: HubToNeighbour): void {
    switch (message.type) {
      case "near":
        this.#neighbours.onNear(message.anyone);
        break;
      case "located":
        this.#neighbours.onLocated(message);
        break;
      case "forget":
        for (const cid of message.cids) this.#cached?.forget(cid);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#telling);
    this.#neighbours.close();
    await this.#options.surroundings?.close();
  }
}
