import {
  type Accepted,
  type FailureKind,
  type FailureMark,
  type Range,
  RecordReader,
  type ResultsMessage,
} from "../../protocol/index.ts";

interface Block {
  readonly reader: RecordReader;
  readonly bytes: number;
  readonly ranges: readonly Range[];
  readonly failures: readonly FailureMark[];
  readonly origin: Origin;
}

/** Where results came from, and how they came to be believed. */
export interface Origin {
  readonly worker: string;
  readonly accepted: Accepted;
}

const nothing = new Uint8Array(0);
const nobody: Origin = { worker: "", accepted: "single" };

/**
 * The receiving half of a job: result blocks as they came, read record by record. `advance` moves to
 * the next record; the fields say what it is, so that no object is made for it here.
 */
export class Inbox {
  /** The input that the current record belongs to. */
  index = 0;
  record: Uint8Array = nothing;
  failed: FailureKind | undefined;
  origin: Origin = nobody;

  /** Told when all records of a block were read, and whether it was the last that is here. */
  onConsumed: (bytes: number, empty: boolean) => void = () => {};
  /** Called when there is something to read, or the end. */
  onReady: () => void = () => {};
  readonly #blocks: Block[] = [];
  #head = 0;
  #block: Block | undefined;
  #range = 0;
  #next = 0;
  #position = 0;
  #failure = 0;
  #queuedBytes = 0;
  #finished = false;
  #error: unknown;

  /** Bytes of blocks that are not read to their end. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Nothing more will come; what came can still be read. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Why it ended, where that was no good end. */
  get error(): unknown {
    return this.#error;
  }

  push(message: Pick<ResultsMessage, "ranges" | "failures" | "worker" | "accepted">, body: Uint8Array): void {
    if (this.#finished) return;
    const { ranges, failures, worker, accepted } = message;
    const bytes = body.length;
    // Node's sockets give `Buffer`s, whose slices would reach users inside decoded values.
    const plain = new Uint8Array(body.buffer, body.byteOffset, bytes);
    this.#blocks.push({
      reader: new RecordReader(plain),
      bytes,
      ranges,
      failures,
      origin: { worker, accepted },
    });
    this.#queuedBytes += bytes;
    this.onReady();
  }

  finish(error?: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#error = error;
    this.onReady();
  }

  /** Forgets what has not been read and ends at once. */
  drop(error?: unknown): void {
    this.#blocks.length = 0;
    this.#head = 0;
    this.#block = undefined;
    this.#queuedBytes = 0;
    if (this.#finished) this.#error = error;
    else this.finish(error);
  }

  /** Moves to the next record; false where there is none now. */
  advance(): boolean {
    for (;;) {
      this.#block ??= this.#nextBlock();
      const block = this.#block;
      if (block === undefined) return false;
      const record = block.reader.read();
      const range = block.ranges[this.#range];
      if (record === undefined || range === undefined) {
        this.#blockDone(block);
        continue;
      }
      this.record = record;
      this.index = this.#next++;
      if (this.#next === range[1]) this.#next = block.ranges[++this.#range]?.[0] ?? 0;
      const failure = block.failures[this.#failure];
      this.failed = failure?.at === this.#position++ ? failure.kind : undefined;
      if (this.failed !== undefined) this.#failure++;
      this.origin = block.origin;
      if (this.#range === block.ranges.length) this.#blockDone(block);
      return true;
    }
  }

  #nextBlock(): Block | undefined {
    const block = this.#blocks[this.#head];
    if (block === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#blocks.length) {
      this.#blocks.length = 0;
      this.#head = 0;
    }
    this.#range = 0;
    this.#next = block.ranges[0]?.[0] ?? 0;
    this.#position = 0;
    this.#failure = 0;
    return block;
  }

  #blockDone(block: Block): void {
    this.#block = undefined;
    this.#queuedBytes -= block.bytes;
    this.onConsumed(block.bytes, this.#blocks.length === 0);
  }
}
