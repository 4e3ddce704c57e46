import { type BlobStore, decodeWithHandles, isBlobRef, resolveRecord } from "../../data/index.ts";
import { type Accepted, type FailureKind, toMusketeersError } from "../../protocol/index.ts";
import { TaskError } from "../errors.ts";
import type { Inbox, Origin } from "../session/inbox.ts";

/** What happened to one input. */
export type Outcome<O> =
  | {
      readonly ok: true;
      readonly index: number;
      readonly value: O;
      readonly error?: undefined;
      readonly worker: string;
      /** How it came to be believed, where the task asks for a quorum. */
      readonly accepted?: Accepted;
    }
  | {
      readonly ok: false;
      readonly index: number;
      readonly value?: undefined;
      readonly error: TaskError;
      readonly worker: string;
      /** How it came to be believed, where the task asks for a quorum. */
      readonly accepted?: Accepted;
    };

/** The same with the input itself. */
export type Result<I, O> = Outcome<O> & { readonly input: I };

export interface StreamSource<T> {
  readonly inbox: Inbox;
  readonly blobs: Pick<BlobStore, "get">;
  /** Makes the item of a record; undefined leaves it out. */
  compose(index: number, value: unknown, error: TaskError | undefined, origin: Origin): T | undefined;
  /** The loop was left before the end. */
  onLeft(): void;
}

/** What an outcome says of where it came from. */
export const originOf = ({ worker, accepted }: Origin): { worker: string; accepted?: Accepted } =>
  accepted === "single" ? { worker } : { worker, accepted };

const finished = Object.freeze({ done: true as const, value: undefined });

/**
 * Results as an async iterator that decodes a record when it is asked for it. Where results are there, a
 * step costs one settled promise; nothing is read ahead.
 */
export class ResultStream<T> implements AsyncIterableIterator<T> {
  readonly #source: StreamSource<T>;
  #wake: (() => void) | undefined;
  #tail: Promise<unknown> | undefined;
  #over = false;

  constructor(source: StreamSource<T>) {
    this.#source = source;
    source.inbox.onReady = () => {
      const wake = this.#wake;
      this.#wake = undefined;
      wake?.();
    };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#tail === undefined && !this.#over) {
      try {
        const item = this.#read();
        if (item !== undefined) return Promise.resolve(item);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const step = (this.#tail ?? Promise.resolve()).then(() => this.#nextSlow());
    const tail = step
      .catch(() => {})
      .then(() => {
        if (this.#tail === tail) this.#tail = undefined;
      });
    this.#tail = tail;
    return step;
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#over) {
      this.#over = true;
      const { inbox } = this.#source;
      const whole = inbox.finished;
      inbox.drop();
      if (!whole) this.#source.onLeft();
    }
    return Promise.resolve(finished);
  }

  /** The next item where it can be had at once. A record that is a blob is left to the slow way. */
  #read(): IteratorResult<T, undefined> | undefined {
    const { inbox } = this.#source;
    while (inbox.advance()) {
      if (inbox.failed === undefined && isBlobRef(inbox.record)) {
        this.#blob = { index: inbox.index, record: inbox.record, origin: inbox.origin };
        return undefined;
      }
      const value = this.#compose(inbox.index, inbox.record, inbox.failed, inbox.origin);
      if (value !== undefined) return { done: false, value };
    }
    return undefined;
  }

  #blob: { readonly index: number; readonly record: Uint8Array; readonly origin: Origin } | undefined;

  #compose(
    index: number,
    record: Uint8Array,
    failed: FailureKind | undefined,
    origin: Origin,
  ): T | undefined {
    if (failed !== undefined) {
      return this.#source.compose(index, undefined, TaskError.of(failed, record, origin.worker), origin);
    }
    return this.#source.compose(index, decodeWithHandles(record, this.#source.blobs), undefined, origin);
  }

  /** The item of a result that is a blob; one that is damaged or gone fails by itself. */
  async #resolve(
    index: number,
    record: Uint8Array,
    origin: Origin,
    blobs: Pick<BlobStore, "get">,
  ): Promise<T | undefined> {
    let whole: Uint8Array;
    try {
      whole = await resolveRecord(record, blobs);
    } catch (thrown) {
      const { code, message } = toMusketeersError(thrown);
      if (code !== "BLOB_MISMATCH" && code !== "NOT_FOUND") throw thrown;
      const failure = { kind: "error", name: code, message, stack: "" } as const;
      return this.#source.compose(index, undefined, new TaskError(failure, origin.worker), origin);
    }
    return this.#compose(index, whole, undefined, origin);
  }

  async #nextSlow(): Promise<IteratorResult<T, undefined>> {
    const { inbox, blobs } = this.#source;
    for (;;) {
      if (this.#over) return finished;
      const item = this.#blob === undefined ? this.#read() : undefined;
      if (item !== undefined) return item;
      if (this.#blob !== undefined) {
        const { index, record, origin } = this.#blob;
        this.#blob = undefined;
        const value = await this.#resolve(index, record, origin, blobs);
        if (value !== undefined) return { done: false, value };
        continue;
      }
      if (inbox.finished) {
        this.#over = true;
        if (inbox.error !== undefined) throw inbox.error;
        return finished;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
