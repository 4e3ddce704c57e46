import type { Limits, MusketeersError } from "../protocol/index.ts";
import { BatchPace } from "./batch-pace.ts";
import { type BatchBlock, blockParts } from "./block-batch.ts";
import type { BlockSink } from "./block-store.ts";
import { type HubExchange, isRefusedByDisk, type Moves } from "./hub-exchange.ts";
import { allowManyListeners } from "./many-listeners.ts";

export interface BlockUploadOptions {
  readonly exchange: HubExchange;
  readonly limits: Pick<
    Limits,
    "blockBatchBytesTarget" | "blocksPerBatchMax" | "blockBatchesAtOnce" | "blobUploadBytesPerSecondMin"
  >;
  /** Which of these blocks the hub holds. */
  readonly has: (cids: readonly string[], signal: AbortSignal) => Promise<readonly boolean[]>;
  /** Tries again what failed because the connection broke. */
  readonly persist: <T>(attempt: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly signal?: AbortSignal;
  /** Told of bytes that it needs no more. */
  readonly onReleased?: (bytes: Uint8Array) => void;
  /** Told when blocks are surely at the hub: bytes of them, and how many of these had to be sent. */
  readonly onStored?: (bytes: number, sentBytes: number) => void;
  /** Told why the hub's disk refuses what it is given, which is tried again; of nothing once it has taken something. */
  readonly onWaiting?: (why: MusketeersError | undefined) => void;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

/** Blocks whose names are remembered, so that a file of equal chunks is sent once. */
const RECENT_MAX = 10_000;

/**
 * Sends blocks to the hub, in batches, several at once, and only those that it lacks. Holds no more than
 * these batches: its giver waits.
 */
export class BlockUpload implements BlockSink {
  readonly #options: BlockUploadOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #underWay = new Set<Promise<void>>();
  readonly #recent = new Set<string>();
  readonly #pace: BatchPace;
  readonly #now: () => number;
  #underWayBytes = 0;
  #batch: BatchBlock[] = [];
  #batchBytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #isWaiting = false;

  constructor(options: BlockUploadOptions) {
    this.#options = options;
    this.#pace = new BatchPace(options.limits);
    this.#now = options.now ?? (() => performance.now());
    const { signal } = options;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    allowManyListeners(this.#signal);
  }

  put(cid: string, bytes: Uint8Array): undefined | Promise<void> {
    this.#check();
    if (this.#recent.has(cid)) {
      this.#options.onStored?.(bytes.length, 0);
      this.#options.onReleased?.(bytes);
      return undefined;
    }
    if (this.#recent.size >= RECENT_MAX) this.#recent.clear();
    this.#recent.add(cid);
    this.#batch.push({ cid, bytes });
    this.#batchBytes += bytes.length;
    const { blocksPerBatchMax } = this.#options.limits;
    if (this.#batchBytes < this.#pace.batchBytes && this.#batch.length < blocksPerBatchMax) return undefined;
    this.#flush();
    return this.#room();
  }

  /**
   * Resolves when all is at the hub.
   * @throws MusketeersError what could not be sent and why; the signal's reason.
   */
  async end(): Promise<void> {
    if (this.#batch.length > 0) this.#flush();
    await Promise.all(this.#underWay);
    this.#check();
  }

  /** Gives up what is under way. */
  abort(): void {
    this.#stop.abort();
  }

  #check(): void {
    this.#signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #room(): Promise<void> {
    const { blockBatchesAtOnce } = this.#options.limits;
    while (this.#underWay.size >= blockBatchesAtOnce || this.#underWayBytes >= this.#pace.bytesAtOnce) {
      await Promise.race(this.#underWay);
    }
    this.#check();
  }

  #flush(): void {
    const blocks = this.#batch;
    const bytes = this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#underWayBytes += bytes;
    const startMs = this.#now();
    const sending = this.#send(blocks)
      .then((sentBytes) => {
        this.#pace.arrived(this.#now() - startMs);
        for (const block of blocks) this.#options.onReleased?.(block.bytes);
        this.#options.onStored?.(bytes, sentBytes);
      })
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#stop.abort(error);
      })
      .finally(() => {
        this.#underWay.delete(sending);
        this.#underWayBytes -= bytes;
      });
    this.#underWay.add(sending);
  }

  /** Sends what the hub lacks; after a failed try it is asked again, so that what had arrived stays there. */
  async #send(blocks: readonly BatchBlock[]): Promise<number> {
    const { exchange, has, persist } = this.#options;
    let sentBytes = 0;
    const attempt = async (): Promise<void> => {
      const held = await has(
        blocks.map(({ cid }) => cid),
        this.#signal,
      );
      const missing = blocks.filter((_block, index) => held[index] !== true);
      if (missing.length === 0) return;
      const parts = blockParts(missing);
      const post = (moves: Moves) => exchange.storeBlocks(parts, moves);
      await persist(() => exchange.attempt(this.#signal, post), this.#signal);
      sentBytes += missing.reduce((sum, { bytes }) => sum + bytes.length, 0);
    };
    await exchange.retry(this.#signal, attempt, (error) => {
      const isRefused = isRefusedByDisk(error);
      if (isRefused) this.#wait(error);
      return isRefused;
    });
    this.#wait(undefined);
    return sentBytes;
  }

  /** Says once why it waits, and once that it does no more. */
  #wait(why: MusketeersError | undefined): void {
    if (this.#isWaiting === (why !== undefined)) return;
    this.#isWaiting = why !== undefined;
    this.#options.onWaiting?.(why);
  }
}
