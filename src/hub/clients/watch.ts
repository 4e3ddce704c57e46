import {
  countRecords,
  type EndedMessage,
  type FailureMark,
  type JobLogMessage,
  type JobProgressMessage,
  type ResultOrder,
  type ResultsMessage,
  resultsHeader,
  type WatchMessage,
} from "../../protocol/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Blocks, CachedResults } from "../journal/blocks.ts";
import { type ResultSpan, ResultWindow } from "../journal/result-index.ts";

export interface WatchOptions {
  readonly blocks: Blocks;
  readonly send: SendToClient;
  /** Whether so much waits to leave that results have to wait; `pump` is called when that is over. */
  readonly isCongested: () => boolean;
  readonly onFault: (error: unknown) => void;
  /** The last message is about to be sent. */
  readonly onOver: (watch: Watch) => void;
}

export type SendToClient = (header: object, body?: Uint8Array) => void;

/**
 * One client's view of one job: sends results as far as its credit goes, from what is stored, in the
 * order that it asked for; then that the job ended. Buffers nothing.
 */
export class Watch {
  readonly entry: JobEntry;
  readonly logs: boolean;
  readonly #blocks: Blocks;
  readonly #send: SendToClient;
  readonly #onFault: (error: unknown) => void;
  readonly #isCongested: () => boolean;
  readonly #onOver: (watch: Watch) => void;
  readonly #results: boolean;
  readonly #order: ResultOrder;
  readonly #window: ResultWindow;
  /** By completion: the next results record. By input: the next input. */
  #cursor: number;
  #creditBytes: number;
  /** Log lines that were not sent because too much waits already. */
  #linesDropped = 0;
  #pumping = false;
  #over = false;

  constructor(entry: JobEntry, message: WatchMessage, options: WatchOptions) {
    this.entry = entry;
    this.logs = message.logs;
    this.#blocks = options.blocks;
    this.#send = options.send;
    this.#onFault = options.onFault;
    this.#isCongested = options.isCongested;
    this.#onOver = options.onOver;
    this.#results = message.results;
    this.#order = message.order;
    this.#window = new ResultWindow(entry.results);
    this.#cursor = message.cursor;
    this.#creditBytes = message.creditBytes;
  }

  credit(bytes: number): void {
    this.#creditBytes += bytes;
    this.pump();
  }

  stop(): void {
    this.#over = true;
  }

  progress(message: JobProgressMessage): void {
    // The next one says more; and what it ends with, `ended` says.
    if (!this.#over && !this.#isCongested()) this.#send(message);
  }

  log(message: JobLogMessage, body: Uint8Array): void {
    if (this.#over || !this.logs) return;
    if (this.#isCongested()) {
      this.#linesDropped += message.dropped + countRecords(body);
      return;
    }
    this.#send({ ...message, dropped: message.dropped + this.#linesDropped }, body);
    this.#linesDropped = 0;
  }

  /** Sends what can be sent now. Called whenever there may be more. */
  pump(): void {
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    const wait = this.#sendReady();
    if (wait === undefined) {
      this.#pumping = false;
      this.#finish();
      return;
    }
    wait.then(
      () => {
        this.#pumping = false;
        this.pump();
      },
      (error: unknown) => this.#onFault(error),
    );
  }

  /** Sends until credit or results run out; a promise where a block must be read first. */
  #sendReady(): Promise<unknown> | undefined {
    while (this.#results && !this.#over && this.#creditBytes > 0 && !this.#isCongested()) {
      const next = this.#next();
      if (next === undefined) return undefined;
      const results = this.#blocks.results(this.entry.results.records.at(next.record, 0));
      if (results instanceof Promise) return results;
      this.#sendResults(results, next);
    }
    return undefined;
  }

  #next(): ResultSpan | undefined {
    if (this.#order === "completion") {
      if (this.#cursor >= this.entry.results.records.rows) return undefined;
      return { record: this.#cursor, offset: 0, start: 0, end: 0 };
    }
    let span = this.#window.spanFrom(this.#cursor);
    // Where a job has ended, what is not there will not come.
    if (span === undefined && this.entry.state !== "running") span = this.#window.firstFrom(this.#cursor);
    return span;
  }

  #sendResults({ record, body, block }: CachedResults, next: ResultSpan): void {
    const { job, worker, accepted = "single" } = record;
    let message: ResultsMessage;
    let records = body;
    if (this.#order === "completion") {
      this.#cursor++;
      const { ranges, failures } = record;
      message = { type: "results", job, worker, accepted, ranges, failures, cursor: this.#cursor };
    } else {
      const { offset, start, end } = next;
      const to = offset + (end - start);
      const failures: FailureMark[] = [];
      for (const failure of record.failures) {
        if (failure.at >= offset && failure.at < to) failures.push({ ...failure, at: failure.at - offset });
      }
      records = block().slice(offset, to);
      this.#cursor = end;
      const ranges = [[start, end]] as const;
      message = { type: "results", job, worker, accepted, ranges, failures, cursor: end };
    }
    this.#creditBytes -= records.length;
    this.#send(resultsHeader(message), records);
  }

  #finish(): void {
    const { entry } = this;
    if (entry.state === "running") return;
    if (this.#results && this.#next() !== undefined) return;
    this.#over = true;
    entry.watches.delete(this);
    this.#onOver(this);
    const { job } = entry.spec;
    const { state, size, failed, reason, failure } = entry;
    const message: EndedMessage = { type: "ended", job, state, size, failed, reason };
    if (failure === undefined) this.#send(message);
    else this.#send({ ...message, culprit: failure.culprit }, failure.record);
  }
}
