import { MusketeersError } from "../protocol/index.ts";
import { type BatchBlock, BLOCK_HEADER_BYTES, malformedBatch, parseBlockHeader } from "./block-batch.ts";

export interface BatchIntakeOptions {
  readonly blockBytesMax: number;
  /** Memory for a block; undefined where there is none for now: `resume` asks again. */
  readonly room: (length: number) => Uint8Array | undefined;
  /** Told of each block when it is whole; nothing is verified here. */
  readonly onBlock: (block: BatchBlock) => void;
}

const nothing = new Uint8Array(0);

/**
 * Takes a batch of blocks apart as its parts come. No promise and no iterator is in between: parts are many, and
 * those would take longer than what is done with a part.
 */
export class BatchIntake {
  readonly #options: BatchIntakeOptions;
  readonly #header = new Uint8Array(BLOCK_HEADER_BYTES);
  /** What is filled; undefined: there is no room for the block that comes. */
  #target: Uint8Array | undefined = this.#header;
  #filled = 0;
  #block = { cid: "", bytes: 0 };
  /** What came while there was no room. */
  #rest: Uint8Array = nothing;

  constructor(options: BatchIntakeOptions) {
    this.#options = options;
  }

  /**
   * Takes the next part, which must stay as it is where this says that there is no room for it: then `resume` is called
   * before there is another.
   * @throws MusketeersError `PROTOCOL`, `LIMIT_EXCEEDED`; what `onBlock` throws.
   */
  pour(part: Uint8Array): boolean {
    let at = 0;
    while (at < part.length && this.#target !== undefined) {
      const target = this.#target;
      const length = Math.min(part.length - at, target.length - this.#filled);
      target.set(length === part.length ? part : part.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === target.length) this.#full(target);
    }
    this.#rest = at < part.length ? part.subarray(at) : nothing;
    return this.#target !== undefined;
  }

  /** Asks again for room; says whether there is, and what was left has been taken. @throws as `pour` */
  resume(): boolean {
    if (this.#target === undefined) this.#open();
    return this.#target !== undefined && this.pour(this.#rest);
  }

  /**
   * All parts have come.
   * @throws MusketeersError `PROTOCOL` for an end in between.
   */
  end(): void {
    if (this.#target !== this.#header || this.#filled > 0) throw malformedBatch("ends in the middle");
  }

  #full(memory: Uint8Array): void {
    this.#filled = 0;
    if (memory !== this.#header) {
      this.#target = this.#header;
      this.#options.onBlock({ cid: this.#block.cid, bytes: memory });
      return;
    }
    this.#block = parseBlockHeader(memory);
    const { cid, bytes } = this.#block;
    if (bytes > this.#options.blockBytesMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `A block of ${bytes} bytes is over blockBytesMax`);
    }
    if (bytes === 0) this.#options.onBlock({ cid, bytes: nothing });
    else this.#open();
  }

  #open(): void {
    this.#target = this.#options.room(this.#block.bytes);
  }
}

/**
 * The blocks of a body, one by one. Their names are what the sender says: nothing is verified here.
 * @throws MusketeersError `PROTOCOL`, `LIMIT_EXCEEDED` for a block over `blockBytesMax`; what the body throws.
 */
export async function* unpackBlocks(
  body: AsyncIterable<Uint8Array>,
  blockBytesMax: number,
): AsyncGenerator<BatchBlock, void, undefined> {
  const come: BatchBlock[] = [];
  const room = (length: number) => new Uint8Array(length);
  const intake = new BatchIntake({ blockBytesMax, room, onBlock: (block) => come.push(block) });
  for await (const part of body) {
    intake.pour(part);
    yield* come.splice(0);
  }
  intake.end();
}
