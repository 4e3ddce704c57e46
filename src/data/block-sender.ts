import type { Limits } from "../protocol/index.ts";
import { type BatchBlock, blockParts } from "./block-batch.ts";
import { type HubExchange, isRefusedByDisk } from "./hub-exchange.ts";

export interface BlockSenderOptions {
  readonly exchange: HubExchange;
  readonly limits: Pick<
    Limits,
    "blockBatchBytesTarget" | "blocksPerBatchMax" | "blockBatchesAtOnce" | "blobUploadBytesPerSecondMin"
  >;
  /** Tries again what failed because the connection broke. */
  readonly persist: <T>(attempt: () => Promise<T>) => Promise<T>;
}

interface Waiting extends BatchBlock {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Sends blocks to the hub as they are made, whoever makes them: what comes while requests are under way goes
 * with the next one. As long as the hub's disk refuses, it is asked again.
 */
export class BlockSender {
  readonly #options: BlockSenderOptions;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(options: BlockSenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the hub has stored the block, whose name must be right.
   * @throws MusketeersError what could not be sent and why
   */
  put(cid: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ cid, bytes, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Small blocks that are made in one go travel together.
      setTimeout(() => {
        this.#scheduled = false;
        this.#pump();
      }, 0);
    });
  }

  #pump(): void {
    const { blockBatchesAtOnce } = this.#options.limits;
    while (this.#waiting.length > 0 && this.#underWay < blockBatchesAtOnce) {
      const blocks = this.#take();
      this.#underWay++;
      this.#send(blocks)
        .then(
          () => {
            for (const { resolve } of blocks) resolve();
          },
          (error: unknown) => {
            for (const { reject } of blocks) reject(error);
          },
        )
        .finally(() => {
          this.#underWay--;
          this.#pump();
        });
    }
  }

  /** At least one, and as many as a batch may have. */
  #take(): Waiting[] {
    const { blockBatchBytesTarget, blocksPerBatchMax } = this.#options.limits;
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < blocksPerBatchMax) {
      bytes += this.#waiting[count]!.bytes.length;
      if (count > 0 && bytes > blockBatchBytesTarget) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(blocks: readonly BatchBlock[]): Promise<void> {
    const { exchange, persist } = this.#options;
    const parts = blockParts(blocks);
    await persist(() =>
      exchange.retry(undefined, (moves) => exchange.storeBlocks(parts, moves), isRefusedByDisk),
    );
  }
}
