import type { Limits } from "../protocol/index.ts";
import type { BatchBlock } from "./block-batch.ts";
import type { BlockSource } from "./block-store.ts";
import { ChunkPool } from "./chunk-pool.ts";
import { isNamedBy, parseCid } from "./cid.ts";
import type { HubExchange, Moves } from "./hub-exchange.ts";
import { left } from "./left.ts";
import { allowManyListeners } from "./many-listeners.ts";
import { Turnstile } from "./turnstile.ts";
import { CHUNK_BYTES } from "./unixfs/file-builder.ts";

type FetcherLimits = Pick<Limits, "blockBytesMax" | "blocksPerBatchMax" | "blockBatchesAtOnce">;

interface CallOptions {
  readonly signal?: AbortSignal;
}

interface Wanted {
  readonly cid: string;
  readonly promise: Promise<Uint8Array>;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
  /** Who waits for it; nobody, and it need not be fetched. */
  waiting: number;
  /** Its batch, while one is under way. */
  batch: Batch | undefined;
}

interface Batch {
  readonly stop: AbortController;
  /** Blocks that have not come and that somebody waits for. */
  open: number;
}

export interface BlockFetcherOptions {
  readonly exchange: HubExchange;
  readonly limits: FetcherLimits;
  /** One by one, with all that is tried again: for what did not come with its batch. */
  readonly single: BlockSource;
}

/** When all that can go on now has. */
const later: (action: () => void) => void = globalThis.setImmediate ?? ((action) => setTimeout(action, 0));

/** Blocks that are asked for one by one beside batches. */
const SINGLES_AT_ONCE = 8;
/** Fewer blocks in one request are not worth another one beside. */
const BATCH_BLOCKS_MIN = 8;
/** Most blocks in one request: what comes waits in memory for who asked. */
const BATCH_BLOCKS_MAX = 64;

/**
 * Fetches blocks from the hub, those that are asked for at the same time with few requests. Each is verified
 * as it comes. What does not come, or comes wrong, is asked for by itself: a cut costs a block, not a file.
 */
export class BlockFetcher implements BlockSource {
  readonly #options: BlockFetcherOptions;
  readonly #wanted = new Map<string, Wanted>();
  readonly #waiting: Wanted[] = [];
  readonly #singles = new Turnstile(SINGLES_AT_ONCE);
  readonly #pool = new ChunkPool(CHUNK_BYTES);
  #underWay = 0;
  #scheduled = false;

  constructor(options: BlockFetcherOptions) {
    this.#options = options;
  }

  /** @throws MusketeersError as `BlobClient.get`, or the signal's reason. */
  async get(cid: string, { signal }: CallOptions = {}): Promise<Uint8Array> {
    parseCid(cid);
    signal?.throwIfAborted();
    const wanted = this.#wanted.get(cid) ?? this.#want(cid);
    wanted.waiting++;
    let stop: (() => void) | undefined;
    try {
      if (signal === undefined) return await wanted.promise;
      const aborted = new Promise<never>((_resolve, reject) => {
        stop = () => reject(signal.reason);
        signal.addEventListener("abort", stop, { once: true });
      });
      return await Promise.race([wanted.promise, aborted]);
    } finally {
      if (stop !== undefined) signal?.removeEventListener("abort", stop);
      if (--wanted.waiting === 0) this.#leave(wanted);
    }
  }

  #want(cid: string): Wanted {
    const { promise, resolve, reject } = withResolvers<Uint8Array>();
    promise.catch(() => {});
    const wanted: Wanted = { cid, promise, resolve, reject, waiting: 0, batch: undefined };
    this.#wanted.set(cid, wanted);
    this.#waiting.push(wanted);
    if (!this.#scheduled) {
      this.#scheduled = true;
      // What is asked for in one go travels together.
      later(() => {
        this.#scheduled = false;
        this.#pump();
      });
    }
    return wanted;
  }

  /** Nobody waits for it any more, or all have it. */
  #leave(wanted: Wanted): void {
    if (this.#wanted.get(wanted.cid) === wanted) this.#wanted.delete(wanted.cid);
    const { batch } = wanted;
    wanted.batch = undefined;
    if (batch !== undefined && --batch.open === 0) batch.stop.abort(left);
  }

  #pump(): void {
    const { limits } = this.#options;
    while (this.#underWay < limits.blockBatchesAtOnce && this.#waiting.length > 0) {
      const share = Math.ceil(this.#waiting.length / (limits.blockBatchesAtOnce - this.#underWay));
      const count = Math.min(Math.max(share, BATCH_BLOCKS_MIN), BATCH_BLOCKS_MAX, limits.blocksPerBatchMax);
      const wanted = this.#waiting.splice(0, count).filter(({ waiting }) => waiting > 0);
      if (wanted.length === 0) continue;
      this.#underWay++;
      this.#fetch(wanted)
        .catch(() => {})
        .finally(() => {
          this.#underWay--;
          this.#pump();
        });
    }
  }

  async #fetch(wanted: readonly Wanted[]): Promise<void> {
    const { exchange, single } = this.#options;
    const batch: Batch = { stop: new AbortController(), open: wanted.length };
    allowManyListeners(batch.stop.signal);
    const missing = new Map(wanted.map((each) => [each.cid, each]));
    for (const each of wanted) each.batch = batch;
    try {
      await exchange.attempt(batch.stop.signal, (moves) => this.#receive(missing, moves));
    } catch {
      // Asked for by themselves below, where what is wrong is said.
    }
    for (const each of missing.values()) {
      if (each.waiting === 0) continue;
      const one = () => single.get(each.cid, { signal: batch.stop.signal });
      this.#singles.pass(one, batch.stop.signal).then(each.resolve, each.reject);
    }
  }

  /** Gives what comes to those who wait, and takes it off the list. */
  async #receive(missing: Map<string, Wanted>, moves: Moves): Promise<void> {
    const { exchange, limits } = this.#options;
    const taking = {
      blockBytesMax: limits.blockBytesMax,
      room: (length: number) =>
        length === this.#pool.chunkBytes ? this.#pool.take() : new Uint8Array(length),
      onBlock: (block: BatchBlock) => this.#take(missing, block),
    };
    await exchange.fetchBlocks([...missing.keys()], taking, moves);
  }

  #take(missing: Map<string, Wanted>, { cid, bytes }: BatchBlock): void {
    const wanted = missing.get(cid);
    if (wanted === undefined || !isNamedBy(bytes, cid)) {
      this.#pool.give(bytes);
      return;
    }
    missing.delete(cid);
    if (wanted.batch !== undefined) wanted.batch.open--;
    wanted.batch = undefined;
    // Only who has it alone may give it back; who asks from now on gets another one.
    if (wanted.waiting > 1) this.#pool.keep(bytes);
    if (this.#wanted.get(cid) === wanted) this.#wanted.delete(cid);
    wanted.resolve(bytes);
  }

  /** Takes a block back that came from here and that nobody looks at any more. */
  release(bytes: Uint8Array): void {
    this.#pool.give(bytes);
  }
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
