import { type BlobStore, cidOf, encodeBlobRef } from "../../data/index.ts";
import {
  type AcceptedMessage,
  type JobSpec,
  type Limits,
  MusketeersError,
  RecordWriter,
  type SubmitMessage,
  sliceRecords,
} from "../../protocol/index.ts";
import { afterMicrotasks } from "./macrotask.ts";

/** Inputs that the hub has not yet said are stored. */
interface Block {
  readonly from: number;
  readonly count: number;
  readonly body: Uint8Array;
  /** With the blobs that its records refer to. */
  readonly bytes: number;
  /** Uploads of such blobs that are still under way. */
  uploads: number;
}

export interface OutboxHost {
  /** Sends a frame; false while there is no connection. */
  send(header: object, body?: Uint8Array): boolean;
  readonly blobs: Pick<BlobStore, "put">;
  readonly limits: Limits;
  /** The submission has just been sent, for the first time or again. */
  onSubmitted(): void;
  /** Something was stored. */
  onRoom(): void;
  /** All inputs are stored and the hub knows that there are no more. */
  onSettled(): void;
  onFailed(error: unknown): void;
}

/** Blocks start small, so that the first inputs are under way at once, and double up to the full size. */
const FIRST_BLOCK_RECORDS = 256;
const emptyBody = new Uint8Array(0);

/**
 * The sending half of a job: packs inputs into blocks, keeps each until the hub has stored it, and after
 * a reconnect sends what the hub has not.
 */
export class Outbox {
  readonly spec: JobSpec;
  readonly #host: OutboxHost;
  readonly #writer = new RecordWriter(4096);
  #size = 0;
  #sealed = false;
  /** `asking`: the hub is asked how much it has; nothing may be sent before it says. */
  #phase: "new" | "down" | "asking" | "open" | "over" = "new";
  #blocks: Block[] = [];
  /** Blocks before this one were sent on this connection. */
  #nextBlock = 0;
  #sealSent = false;
  #acksDue = 0;
  #storedSize = 0;
  #unstoredBytes = 0;
  #writerBlobBytes = 0;
  #writerUploads: Promise<unknown>[] = [];
  #blockRecords = FIRST_BLOCK_RECORDS;
  #flushScheduled = false;
  #settled = false;

  constructor(spec: JobSpec, host: OutboxHost) {
    this.spec = spec;
    this.#host = host;
  }

  /** Inputs so far. */
  get size(): number {
    return this.#size;
  }

  get unstoredBytes(): number {
    return this.#unstoredBytes + this.#writer.byteLength + this.#writerBlobBytes;
  }

  get submitted(): boolean {
    return this.#phase !== "new";
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Appends one encoded input, which leaves with its block soon; gives its index. */
  push(record: Uint8Array): number {
    const { limits, blobs } = this.#host;
    if (record.length > limits.inlineValueBytesMax) {
      this.#writer.push(encodeBlobRef(cidOf(record), record.length));
      this.#writerBlobBytes += record.length;
      this.#writerUploads.push(blobs.put(record));
    } else {
      this.#writer.push(record);
    }
    const index = this.#size++;
    const recordsMax = Math.min(this.#blockRecords, limits.inputBlockRecordsMax);
    if (this.#writer.count >= recordsMax || this.#blockBytes >= limits.blockBytesTarget) {
      this.flush();
      this.#blockRecords = recordsMax * 2;
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      afterMicrotasks(() => {
        this.#flushScheduled = false;
        this.flush();
      });
    }
    return index;
  }

  get #blockBytes(): number {
    return this.#writer.byteLength + this.#writerBlobBytes;
  }

  /** Sends what was pushed. */
  flush(): void {
    const { count } = this.#writer;
    if (count === 0 || this.#phase === "over") return;
    const bytes = this.#blockBytes;
    const uploads = this.#writerUploads;
    const block: Block = {
      from: this.#size - count,
      count,
      body: this.#writer.take(),
      bytes,
      uploads: uploads.length,
    };
    this.#writerBlobBytes = 0;
    this.#writerUploads = [];
    this.#unstoredBytes += bytes;
    this.#blocks.push(block);
    for (const upload of uploads) {
      upload.then(
        () => {
          block.uploads--;
          this.#sendBlocks();
        },
        (error: unknown) => this.#host.onFailed(error),
      );
    }
    this.#sendBlocks();
  }

  /** There are no more inputs. */
  seal(): void {
    if (this.#sealed) return;
    this.#sealed = true;
    this.flush();
    this.#sendBlocks();
  }

  /** The job is over; nothing of it has to be kept. */
  abandon(): void {
    this.#phase = "over";
    this.#blocks = [];
    this.#nextBlock = 0;
    this.#unstoredBytes = 0;
    this.#writer.take();
    this.#writerBlobBytes = 0;
    for (const upload of this.#writerUploads) upload.catch(() => {});
    this.#host.onRoom();
  }

  onDown(): void {
    if (this.#phase === "open" || this.#phase === "asking") this.#phase = "down";
  }

  /** There is a connection, for the first time or again. */
  onUp(): void {
    if (this.#phase === "new") this.#sendBlocks();
    else if (this.#phase === "down") this.ask();
  }

  /** Submits the job again and lets the hub say what it has of it. */
  ask(): void {
    if (this.#phase === "over") return;
    this.#phase = "down";
    this.#nextBlock = 0;
    this.#sealSent = false;
    this.#acksDue = 0;
    if (!this.#host.send(this.#submission(0, false))) return;
    this.#phase = "asking";
    this.#host.onSubmitted();
  }

  onAccepted({ size, sealed }: AcceptedMessage): void {
    if (this.#phase !== "asking") return;
    const first = this.#blocks[0]?.from ?? this.#size - this.#writer.count;
    if (size < first) {
      this.#host.onFailed(
        new MusketeersError("STORAGE", `The hub has lost inputs of job ${this.spec.job} that it had stored`, {
          hint: "Was it started anew without its data? Submit the job again.",
        }),
      );
      return;
    }
    this.#phase = "open";
    this.#sealSent = sealed;
    this.#keepFrom(size);
    this.#sendBlocks();
    this.#checkSettled();
  }

  onStored(size: number): void {
    this.#acksDue--;
    this.#keepFrom(size);
    this.#checkSettled();
  }

  #keepFrom(size: number): void {
    this.#storedSize = Math.max(this.#storedSize, size);
    let stored = 0;
    for (const block of this.#blocks) {
      if (block.from + block.count > this.#storedSize) break;
      this.#unstoredBytes -= block.bytes;
      stored++;
    }
    if (stored === 0) return;
    this.#blocks.splice(0, stored);
    this.#nextBlock = Math.max(0, this.#nextBlock - stored);
    this.#host.onRoom();
  }

  #checkSettled(): void {
    const all = this.#sealed && this.#sealSent && this.#acksDue <= 0 && this.#storedSize >= this.#size;
    if (!all || this.#settled) return;
    this.#settled = true;
    this.#host.onSettled();
  }

  #submission(count: number, sealed: boolean): SubmitMessage {
    return { type: "submit", spec: this.spec, count, sealed };
  }

  /** Sends, in order, the blocks whose blobs are there, and the seal behind the last. */
  #sendBlocks(): void {
    if (this.#phase !== "open" && this.#phase !== "new") return;
    for (
      let block = this.#blocks[this.#nextBlock];
      block !== undefined;
      block = this.#blocks[this.#nextBlock]
    ) {
      if (block.uploads > 0) return;
      const sealed = this.#sealed && this.#writer.count === 0 && this.#nextBlock === this.#blocks.length - 1;
      if (!this.#sendBlock(block, sealed)) return;
      this.#nextBlock++;
    }
    if (this.#sealed && !this.#sealSent && this.#writer.count === 0) {
      this.#sendBlock({ from: this.#size, count: 0, body: emptyBody, bytes: 0, uploads: 0 }, true);
    }
  }

  #sendBlock(block: Block, sealed: boolean): boolean {
    // The hub may have stored the first part of a block before the connection was lost.
    const from = Math.max(block.from, Math.min(this.#storedSize, block.from + block.count));
    const count = block.from + block.count - from;
    const body = from === block.from ? block.body : sliceRecords(block.body, from - block.from, block.count);
    const first = this.#phase === "new";
    const header = first
      ? this.#submission(count, sealed)
      : { type: "inputs", job: this.spec.job, from, count, sealed };
    if (!this.#host.send(header, body)) return false;
    this.#acksDue++;
    this.#sealSent ||= sealed;
    if (first) {
      this.#phase = "open";
      this.#host.onSubmitted();
    }
    return true;
  }
}
