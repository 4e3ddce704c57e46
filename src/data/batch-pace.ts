import type { Limits } from "../protocol/index.ts";

/** A batch that took less than this may be followed by larger ones. */
const QUICK_MS = 500;
/** One that took longer by smaller ones. */
const SLOW_MS = 2_000;
/** The least and the first part of what limits allow to be under way. */
const LEAST_PART = 1 / 16;
const FIRST_PART = 1 / 8;

/**
 * How much of an upload may be under way, by how long batches take: on a slow way little, so that whoever
 * watches sees it move and a cut costs little; on a fast one as much as the limits allow.
 */
export class BatchPace {
  readonly #batchesAtOnce: number;
  readonly #bytesMax: number;
  #bytes: number;

  constructor(limits: Pick<Limits, "blockBatchBytesTarget" | "blockBatchesAtOnce">) {
    this.#batchesAtOnce = limits.blockBatchesAtOnce;
    this.#bytesMax = limits.blockBatchBytesTarget * limits.blockBatchesAtOnce;
    this.#bytes = this.#bytesMax * FIRST_PART;
  }

  /** Bytes that may be under way together. */
  get bytesAtOnce(): number {
    return this.#bytes;
  }

  /** Bytes that are to travel together. */
  get batchBytes(): number {
    return this.#bytes / this.#batchesAtOnce;
  }

  /** A batch arrived, so many milliseconds after it set out. */
  arrived(tookMs: number): void {
    if (tookMs < QUICK_MS) this.#bytes = Math.min(this.#bytesMax, this.#bytes * 2);
    else if (tookMs > SLOW_MS) this.#bytes = Math.max(this.#bytesMax * LEAST_PART, this.#bytes / 2);
  }
}
