import type { Limits } from "../protocol/index.ts";
import type { FinishedSpan } from "./otlp.ts";

export interface SpanExporterOptions {
  readonly limits: Pick<
    Limits,
    "traceSpansPendingMax" | "traceBatchSpansMax" | "traceIntervalMs" | "traceTimeoutMs"
  >;
  /** Sends a batch; rejects where it was not taken. */
  readonly send: (spans: readonly FinishedSpan[], signal: AbortSignal) => Promise<void>;
  /** Told once of each row of failures. */
  readonly onFault?: (error: unknown) => void;
}

/** Hands spans on in batches. Never in anybody's way: what does not fit is dropped and counted. */
export class SpanExporter {
  readonly #options: SpanExporterOptions;
  #pending: FinishedSpan[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #failed = false;
  #closed = false;
  /** Spans that were lost because nobody took them in time. */
  dropped = 0;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
  }

  add(span: FinishedSpan): void {
    const { traceSpansPendingMax, traceBatchSpansMax, traceIntervalMs } = this.#options.limits;
    if (this.#closed || this.#pending.length >= traceSpansPendingMax) {
      this.dropped++;
      return;
    }
    this.#pending.push(span);
    if (this.#pending.length >= traceBatchSpansMax && !this.#failed) void this.#send();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, traceIntervalMs);
    // A page's timers are numbers.
    if (typeof this.#timer === "object") this.#timer.unref();
  }

  /** Tries to hand over what there is, once, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sending;
    if (!this.#failed || this.#pending.length > 0) await this.#send();
    this.dropped += this.#pending.length;
    this.#pending = [];
  }

  /** One batch after the other, until one is not taken: that one waits with the others for the next time. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { limits, send, onFault } = this.#options;
    while (this.#pending.length > 0) {
      const batch = this.#pending.slice(0, limits.traceBatchSpansMax);
      try {
        await send(batch, AbortSignal.timeout(limits.traceTimeoutMs));
        this.#pending.splice(0, batch.length);
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) onFault?.(error);
        this.#failed = true;
        return;
      }
    }
  }
}
