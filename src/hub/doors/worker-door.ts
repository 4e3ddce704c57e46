import { eachRecord, type Limits, MusketeersError } from "../../protocol/index.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface WorkerDoorOptions {
  readonly limits: Pick<
    Limits,
    "frameBytesMax" | "headerBytesMax" | "resultBytesMax" | "logBytesPerSecondMax"
  >;
  /** Slots that the worker has at most. */
  readonly slots: number;
  /** Told of each message that was refused. */
  readonly refused: () => void;
  readonly nowMs?: () => number;
}

/** An agent holds each of its sandboxes to the rate, and a slot may see several sandboxes in a second. */
const LOG_RATE_FACTOR = 4;
/** Bytes that a message of log lines counts besides its lines. */
const LOG_OVERHEAD_BYTES = 64;

/** What a worker may send: an agent of ours keeps to it by itself, but a worker may be anyone. */
export class WorkerDoor {
  readonly #options: WorkerDoorOptions;
  readonly #nowMs: () => number;
  readonly #logs: TokenBucket;
  #logsDropped = 0;

  constructor(options: WorkerDoorOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    const rate = LOG_RATE_FACTOR * Math.max(1, options.slots) * options.limits.logBytesPerSecondMax;
    this.#logs = new TokenBucket(rate, rate, this.#nowMs());
  }

  /**
   * A block of results.
   * @throws MusketeersError `LIMIT_EXCEEDED`
   */
  results(block: Uint8Array): void {
    const { frameBytesMax, headerBytesMax, resultBytesMax } = this.#options.limits;
    // It goes out in another frame, whose header may be larger.
    if (block.length > frameBytesMax - headerBytesMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `A block of results of ${block.length} bytes is too large`);
    }
    if (block.length <= resultBytesMax) return;
    for (const { length } of eachRecord(block)) {
      if (length <= resultBytesMax) continue;
      const message = `A result of ${length} bytes that is no blob (resultBytesMax)`;
      throw new MusketeersError("LIMIT_EXCEEDED", message);
    }
  }

  /** Log lines came; says whether they may be kept, and how many messages of lines were not since the last time. */
  log(block: Uint8Array): { readonly kept: boolean; readonly dropped: number } {
    const kept = this.#logs.takeIf(block.length + LOG_OVERHEAD_BYTES, this.#nowMs());
    if (!kept) {
      this.#logsDropped++;
      this.#options.refused();
      return { kept, dropped: 0 };
    }
    const dropped = this.#logsDropped;
    this.#logsDropped = 0;
    return { kept, dropped };
  }
}
