import type { JobProgressMessage } from "../../protocol/index.ts";
import { abortReason, type TaskError } from "../errors.ts";
import { overridesIn, type TaskOptions } from "../options.ts";
import { JobChannel } from "../session/channel.ts";
import { Gate } from "../session/gate.ts";
import { Inbox, type Origin } from "../session/inbox.ts";
import { InputShelf } from "./input-shelf.ts";
import { OpenedInputs } from "./opened-inputs.ts";
import { type Inputs, pumpInputs } from "./pump.ts";
import { originOf, type Result, ResultStream } from "./stream.ts";
import { prepare, type SubmissionHost } from "./submission.ts";

/** How far a job is. */
export type Progress = Omit<JobProgressMessage, "type">;

/** Options of one `map`; the task's own options may be overridden among them. */
export interface MapOptions extends TaskOptions {
  /** Results in the order of the inputs; else as they finish. */
  readonly ordered?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Inputs that are under way at most: sent, and their results not consumed. */
  readonly window?: number;
}

/** One attached job with the loop that reads it. */
class MapRun<I, O> {
  readonly stream: ResultStream<Result<I, O>>;
  readonly #host: SubmissionHost;
  readonly #options: MapOptions;
  readonly #inbox = new Inbox();
  readonly #shelf = new InputShelf<I>();
  readonly #gate = new Gate();
  readonly #window: number;
  /** The pump is woken for at least so many inputs, not for each. */
  readonly #wakeStep: number;
  #channel: JobChannel | undefined;
  #consumed = 0;
  #stopped = false;

  constructor(host: SubmissionHost, options: MapOptions) {
    this.#host = host;
    this.#options = options;
    this.#window = Math.max(1, Math.floor(options.window ?? host.limits.mapWindowInputs));
    this.#wakeStep = Math.max(1, Math.min(1024, this.#window >> 2));
    this.stream = new ResultStream<Result<I, O>>({
      inbox: this.#inbox,
      blobs: host.session.blobs,
      compose: (index, value, error, origin) => this.#compose(index, value, error, origin),
      onLeft: () => this.#stop("its client left the loop", undefined),
    });
  }

  async start(task: unknown, inputs: Inputs<I>): Promise<void> {
    const { signal } = this.#options;
    const abort = () => this.#stop("its client aborted it", abortReason(signal!));
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    try {
      if (!this.#stopped) await OpenedInputs.use(inputs, (opened) => this.#run(task, opened));
    } catch (error) {
      this.#stop("its inputs failed", error);
    }
    if (this.#channel === undefined || this.#channel.over) signal?.removeEventListener("abort", abort);
    else this.#onOver = () => signal?.removeEventListener("abort", abort);
  }

  #onOver: () => void = () => {};

  async #run(task: unknown, inputs: Inputs<I>): Promise<void> {
    const { ordered, onProgress } = this.#options;
    const host = this.#host;
    const spec = await prepare(
      host,
      task,
      overridesIn(this.#options, ["ordered", "signal", "onProgress", "window"]),
      true,
    );
    if (this.#stopped) return;
    const channel = new JobChannel(
      host.session,
      spec,
      { results: true, order: ordered ? "input" : "completion", inbox: this.#inbox },
      {
        onRoom: () => this.#wake(),
        onOver: () => {
          this.#stopped = true;
          this.#gate.open();
          this.#onOver();
        },
        ...(onProgress === undefined
          ? {}
          : { onProgress: ({ type: _type, ...progress }) => onProgress(progress) }),
      },
    );
    this.#channel = channel;
    host.session.attach(channel);
    const outbox = channel.outbox!;
    await pumpInputs(inputs, {
      outbox,
      hasRoom: () => this.#hasRoom(1),
      gate: this.#gate,
      stopped: () => this.#stopped,
      onInput: (index, input) => this.#shelf.put(index, input),
    });
  }

  #hasRoom(inputs: number): boolean {
    const { size, unstoredBytes } = this.#channel!.outbox!;
    return (
      size - this.#consumed + inputs <= this.#window &&
      unstoredBytes < this.#host.limits.inputBytesUnstoredMax
    );
  }

  #wake(): void {
    if (this.#gate.waiting && this.#hasRoom(this.#wakeStep)) this.#gate.open();
  }

  #compose(
    index: number,
    value: unknown,
    error: TaskError | undefined,
    origin: Origin,
  ): Result<I, O> | undefined {
    if (!this.#shelf.has(index)) return undefined;
    const input = this.#shelf.take(index);
    this.#consumed++;
    if (this.#gate.waiting) this.#wake();
    return error === undefined
      ? { ok: true, input, index, value: value as O, ...originOf(origin) }
      : { ok: false, input, index, error, ...originOf(origin) };
  }

  #stop(reason: string, error: unknown): void {
    if (this.#stopped && this.#channel?.over) return;
    this.#stopped = true;
    this.#inbox.drop(error);
    this.#channel?.cancel(reason);
    this.#channel?.close();
    this.#gate.open();
    this.#onOver();
  }
}

/**
 * The results of a `map`, for one loop. Leaving the loop early stops the job. A failing input is an item
 * with an error; only the end of the whole job (cancelled, broken, no hub) throws.
 */
export class MapResults<I, O> implements AsyncIterable<Result<I, O>> {
  readonly #stream: ResultStream<Result<I, O>>;

  constructor(host: SubmissionHost, task: unknown, inputs: Inputs<I>, options: MapOptions) {
    const run = new MapRun<I, O>(host, options);
    this.#stream = run.stream;
    void run.start(task, inputs);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Result<I, O>> {
    return this.#stream;
  }

  /**
   * Just the values. Reading them throws the TaskError of the first input that failed; the job is stopped
   * then.
   */
  values(): MapValues<O> {
    return new MapValues(this);
  }

  /** All results, failed ones among them, in the order of the inputs. */
  async toArray(): Promise<Result<I, O>[]> {
    const results: Result<I, O>[] = [];
    for await (const result of this.#stream) results.push(result);
    return results.sort((a, b) => a.index - b.index);
  }
}

/** The values of a `map`, for one loop. */
export class MapValues<O> implements AsyncIterable<O> {
  readonly #results: MapResults<unknown, O>;

  constructor(results: MapResults<unknown, O>) {
    this.#results = results;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<O, void, undefined> {
    for await (const result of this.#results) {
      if (!result.ok) throw result.error;
      yield result.value;
    }
  }

  /** All values, in the order of the inputs. */
  async toArray(): Promise<O[]> {
    const found: { readonly index: number; readonly value: O }[] = [];
    for await (const result of this.#results) {
      if (!result.ok) throw result.error;
      found.push(result);
    }
    return found.sort((a, b) => a.index - b.index).map(({ value }) => value);
  }
}
