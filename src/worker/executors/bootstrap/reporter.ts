import { type FailureData, type FailureMark, RecordWriter } from "../../../protocol/index.ts";
import { encodePieces, encodeResults, type LoadOrder, PIECE_BYTES } from "../sandbox/frames.ts";

/** Records between two looks at the clock. */
const CLOCK_EVERY = 4;

const nothing = new Uint8Array(0);

/** Collects results and sends them on: at each interval, when a block is full, at the end of a run. */
export class Reporter {
  readonly #order: LoadOrder;
  readonly #write: (frame: Uint8Array) => void;
  readonly #now: () => number;
  readonly #results = new RecordWriter(64 * 1024);
  #failures: FailureMark[] = [];
  #careful = false;
  /** The last record has left in pieces. */
  #isLarge = false;
  #sinceClock = 0;
  #lastMs = 0;
  /** That the record now running waits was said already. */
  #saidWaiting = false;

  constructor(order: LoadOrder, write: (frame: Uint8Array) => void, now: () => number) {
    this.#order = order;
    this.#write = write;
    this.#now = now;
  }

  begin(careful: boolean): void {
    this.#careful = careful;
    this.#lastMs = this.#now();
    this.#sinceClock = 0;
    this.#saidWaiting = false;
  }

  push(record: Uint8Array): void {
    this.#makeRoom(record.length);
    this.#isLarge = record.length >= PIECE_BYTES;
    if (this.#isLarge) for (const piece of encodePieces(record)) this.#write(piece);
    this.#results.push(this.#isLarge ? nothing : record);
  }

  fail(
    failure: FailureData,
    recordOf: (failure: FailureData) => Uint8Array,
    fingerprint: (failure: FailureData) => string,
  ): void {
    const record = recordOf(failure);
    this.#makeRoom(record.length);
    this.#failures.push({ at: this.#results.count, kind: failure.kind, fingerprint: fingerprint(failure) });
    this.#results.push(record);
  }

  /** One more record has its result; true where it was sent on. */
  settled(): boolean {
    const { blockBytesTarget, reportRecordsMax, progressIntervalMs } = this.#order;
    const results = this.#results;
    let due =
      this.#careful ||
      this.#isLarge ||
      this.#saidWaiting ||
      results.byteLength >= blockBytesTarget ||
      results.count >= reportRecordsMax;
    if (!due && ++this.#sinceClock >= CLOCK_EVERY) {
      this.#sinceClock = 0;
      due = this.#now() - this.#lastMs >= progressIntervalMs;
    }
    if (due) this.#flush(false);
    return due;
  }

  /** An interval passed while a record waits for something. */
  waiting(): void {
    if (this.#saidWaiting) return;
    this.#flush(true);
    this.#saidWaiting = true;
  }

  end(): void {
    if (this.#results.count > 0) this.#flush(false);
  }

  /** A large record does not share its frame, so that no frame is much larger than its records. */
  #makeRoom(bytes: number): void {
    if (bytes >= this.#order.blockBytesTarget && this.#results.count > 0) this.#flush(false);
  }

  #flush(pending: boolean): void {
    const now = this.#now();
    const failures = this.#failures;
    const count = this.#results.count;
    this.#failures = [];
    this.#isLarge = false;
    this.#write(
      encodeResults({ count, elapsedMs: now - this.#lastMs, pending, failures, block: this.#results.take() }),
    );
    this.#lastMs = now;
    this.#sinceClock = 0;
    this.#saidWaiting = false;
  }
}
