import { decodeWithHandles, resolveRecord } from "../../data/index.ts";
import { encodeValue, MusketeersError } from "../../protocol/index.ts";
import { abortReason, TaskError } from "../errors.ts";
import type { TaskOptions } from "../options.ts";
import { JobChannel } from "../session/channel.ts";
import { Gate } from "../session/gate.ts";
import { prepare, type SubmissionHost } from "./submission.ts";

interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Single runs of one task with the same options share one attached job that grows: each is one input of
 * it. The job is sealed when nothing ran for a while, or when it has grown large.
 */
export class RunBatch {
  readonly #host: SubmissionHost;
  readonly #onSealed: () => void;
  readonly #waiters = new Map<number, Waiter>();
  readonly #gate = new Gate();
  readonly #queue: (() => void)[] = [];
  readonly #opened: Promise<JobChannel>;
  #channel: JobChannel | undefined;
  #taken = 0;
  #takenBefore = -1;
  #sealed = false;
  #idleTimer: ReturnType<typeof setInterval> | undefined;

  /** @param onSealed called when it takes no more runs */
  constructor(host: SubmissionHost, task: unknown, overrides: TaskOptions, onSealed: () => void) {
    this.#host = host;
    this.#onSealed = onSealed;
    this.#opened = this.#open(task, overrides);
    this.#opened.catch(() => this.#seal());
  }

  /** Runs one input. */
  run(input: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    const record = encodeValue(input);
    if (++this.#taken >= this.#host.limits.runBatchInputsMax) this.#refuseMore();
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (this.#channel !== undefined && this.#queue.length === 0 && this.#hasRoom(this.#channel)) {
        this.#push(this.#channel, record, waiter, signal);
      } else {
        this.#queue.push(() => this.#push(this.#channel!, record, waiter, signal));
        this.#opened.catch(reject);
        signal?.addEventListener("abort", () => reject(abortReason(signal)), { once: true });
      }
    });
  }

  /** Takes no more runs and gives up those that are under way. */
  close(error: unknown): void {
    this.#refuseMore();
    const channel = this.#channel;
    if (channel === undefined || channel.over) return;
    if (this.#waiters.size > 0 || this.#queue.length > 0) {
      channel.cancel("its client closed");
      channel.fail(error);
    } else {
      channel.outbox?.seal();
    }
  }

  async #open(task: unknown, overrides: TaskOptions): Promise<JobChannel> {
    const { session, limits } = this.#host;
    const spec = await prepare(this.#host, task, overrides, true);
    const channel = new JobChannel(
      session,
      spec,
      { results: true },
      {
        onRoom: () => this.#gate.open(),
        onOver: (error) => this.#onOver(error),
      },
    );
    channel.inbox.onReady = () => this.#drain(channel);
    this.#channel = channel;
    session.attach(channel);
    this.#idleTimer = setInterval(() => this.#checkIdle(), limits.runBatchIdleMs);
    // A timer must not be what keeps a program alive; browsers' timers are numbers and never do.
    if (typeof this.#idleTimer === "object") this.#idleTimer.unref();
    void this.#serveQueue(channel);
    return channel;
  }

  #hasRoom(channel: JobChannel): boolean {
    return channel.outbox!.unstoredBytes < this.#host.limits.inputBytesUnstoredMax;
  }

  async #serveQueue(channel: JobChannel): Promise<void> {
    for (;;) {
      while (this.#queue.length > 0 && !channel.over && this.#hasRoom(channel)) this.#queue.shift()!();
      if (this.#sealed && this.#queue.length === 0) channel.outbox!.seal();
      if (channel.over) break;
      await this.#gate.wait();
    }
    for (const push of this.#queue.splice(0)) push();
  }

  #push(channel: JobChannel, record: Uint8Array, waiter: Waiter, signal: AbortSignal | undefined): void {
    if (signal?.aborted || channel.over) {
      waiter.reject(signal?.aborted ? abortReason(signal) : this.#overError(channel));
      return;
    }
    const index = channel.outbox!.push(record);
    if (signal === undefined) {
      this.#waiters.set(index, waiter);
      return;
    }
    const abort = () => {
      if (!this.#waiters.delete(index)) return;
      channel.cancel("its client aborted it", [[index, index + 1]]);
      waiter.reject(abortReason(signal));
    };
    signal.addEventListener("abort", abort, { once: true });
    const settled = () => signal.removeEventListener("abort", abort);
    this.#waiters.set(index, {
      resolve: (value) => {
        settled();
        waiter.resolve(value);
      },
      reject: (error) => {
        settled();
        waiter.reject(error);
      },
    });
  }

  #drain({ inbox }: JobChannel): void {
    while (inbox.advance()) {
      const waiter = this.#waiters.get(inbox.index);
      if (waiter === undefined) continue;
      this.#waiters.delete(inbox.index);
      try {
        if (inbox.failed !== undefined) {
          waiter.reject(TaskError.of(inbox.failed, inbox.record, inbox.origin.worker));
        } else this.#settle(waiter, resolveRecord(inbox.record, this.#host.session.blobs));
      } catch (error) {
        waiter.reject(error);
      }
    }
    if (this.#waiters.size === 0 && this.#sealed) this.#gate.open();
  }

  #settle(waiter: Waiter, record: Uint8Array | Promise<Uint8Array>): void {
    const { blobs } = this.#host.session;
    const settle = (bytes: Uint8Array) => waiter.resolve(decodeWithHandles(bytes, blobs));
    if (record instanceof Promise) record.then(settle).catch(waiter.reject);
    else settle(record);
  }

  #overError(channel: JobChannel): unknown {
    return (
      channel.inbox.error ??
      new MusketeersError("JOB_CANCELLED", `Job ${channel.job} ended before this input`)
    );
  }

  #onOver(error: unknown): void {
    this.#refuseMore();
    const reason = error ?? this.#overError(this.#channel!);
    for (const waiter of this.#waiters.values()) waiter.reject(reason);
    this.#waiters.clear();
    this.#gate.open();
  }

  #checkIdle(): void {
    if (this.#waiters.size === 0 && this.#queue.length === 0 && this.#taken === this.#takenBefore)
      this.#refuseMore();
    this.#takenBefore = this.#taken;
  }

  #refuseMore(): void {
    if (this.#sealed) return;
    this.#seal();
    this.#gate.open();
  }

  #seal(): void {
    this.#sealed = true;
    clearInterval(this.#idleTimer);
    this.#onSealed();
  }
}
