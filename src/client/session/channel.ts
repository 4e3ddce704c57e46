import type { BlobStore } from "../../data/index.ts";
import {
  CLIENT_GONE,
  cancelHeader,
  decodeFailure,
  type EndedMessage,
  type HubToClient,
  type JobProgressMessage,
  type JobSpec,
  type Limits,
  MusketeersError,
  type Range,
  RecordReader,
  type ResultOrder,
  toMusketeersError,
  type WatchMessage,
} from "../../protocol/index.ts";
import type { Span, Tracer } from "../../tracing/index.ts";
import { TaskError } from "../errors.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";

/** What a channel needs of its connection. */
export interface ChannelHost {
  readonly limits: Limits;
  readonly blobs: Pick<BlobStore, "put">;
  readonly up: boolean;
  /** Where traces are asked for. */
  readonly tracer?: Tracer | undefined;
  send(header: object, body?: Uint8Array): boolean;
  watch(message: WatchMessage): boolean;
  /** Takes the channel out of the connection's routing. */
  detach(channel: JobChannel): void;
  /** Puts the code of a submission onto the hub where it is missing. */
  restore(spec: JobSpec): Promise<void>;
}

export interface ChannelHandlers {
  onProgress?(progress: JobProgressMessage): void;
  /** There is room for more inputs. */
  onRoom?(): void;
  /** All inputs are in. */
  onSettled?(): void;
  /** Ended, or failed with an error of ours; the inbox has been told. */
  onOver?(error: unknown): void;
}

/** Times that a job whose code the hub does not have is submitted again. */
const RESTORES_MAX = 3;

/**
 * The error that a job's end is, where it is one.
 * @param body the failure for which it ended, where there is a single one
 */
export function endError(
  { job, state, reason, culprit }: Pick<EndedMessage, "job" | "state" | "reason" | "culprit">,
  body?: Uint8Array,
): unknown {
  if (state === "broken" && culprit !== undefined && body !== undefined) {
    const record = new RecordReader(body).read();
    if (record !== undefined) return new TaskError(decodeFailure(record), "", culprit);
  }
  const why = reason === "" ? "" : `: ${reason}`;
  if (state === "cancelled") return new MusketeersError("JOB_CANCELLED", `Job ${job} was cancelled${why}`);
  if (state === "broken") return new MusketeersError("JOB_BROKEN", `Job ${job} was stopped${why}`);
  return undefined;
}

/** Whether a job ended because its client was out of the hub's reach for too long, which may be over. */
export const isAbandoned = (error: unknown): boolean =>
  error instanceof MusketeersError &&
  error.code === "JOB_CANCELLED" &&
  error.message.endsWith(`: ${CLIENT_GONE}`);

/** One job on one connection that may break and come back: its inputs, its results, its end. */
export class JobChannel {
  readonly job: string;
  readonly outbox: Outbox | undefined;
  readonly inbox: Inbox;
  readonly #host: ChannelHost;
  readonly #handlers: ChannelHandlers;
  #results: boolean;
  #order: ResultOrder = "completion";
  #cursor = 0;
  #creditDue = 0;
  #restores = 0;
  #restoring = false;
  #over = false;
  readonly #span: Span | undefined;

  constructor(
    host: ChannelHost,
    target: JobSpec | string,
    watch: { readonly results: boolean; readonly order?: ResultOrder; readonly inbox?: Inbox },
    handlers: ChannelHandlers = {},
  ) {
    this.#host = host;
    this.#handlers = handlers;
    this.#results = watch.results;
    this.#order = watch.order ?? "completion";
    this.inbox = watch.inbox ?? new Inbox();
    this.inbox.onConsumed = (bytes, empty) => this.#consumed(bytes, empty);
    if (typeof target === "string") {
      this.job = target;
      this.outbox = undefined;
      return;
    }
    this.job = target.job;
    this.#span = host.tracer?.start(`submit ${target.title}`, {
      kind: "client",
      attributes: { "musketeers.job": target.job },
    });
    const spec = this.#span === undefined ? target : { ...target, trace: this.#span.traceparent };
    this.outbox = new Outbox(spec, {
      limits: host.limits,
      blobs: host.blobs,
      send: (header, body) => host.up && host.send(header, body),
      onSubmitted: () => this.#watch(),
      onRoom: () => handlers.onRoom?.(),
      onSettled: () => handlers.onSettled?.(),
      onFailed: (error) => this.fail(error),
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** There is a connection. */
  onUp(): void {
    if (this.#over || this.#restoring) return;
    if (this.outbox === undefined) this.#watch();
    else this.outbox.onUp();
  }

  onDown(): void {
    this.outbox?.onDown();
  }

  onMessage(message: HubToClient, body: Uint8Array): void {
    if (this.#over) return;
    switch (message.type) {
      case "accepted":
        this.outbox?.onAccepted(message);
        break;
      case "stored":
        this.outbox?.onStored(message.size);
        break;
      case "results":
        this.#cursor = message.cursor;
        this.inbox.push(message, body);
        break;
      case "job":
        this.#handlers.onProgress?.(message);
        break;
      case "ended":
        this.#end(endError(message, body));
        break;
      case "joberror":
        this.#refused(MusketeersError.from(message));
        break;
      case "joblog":
      case "reply":
      case "live":
        break;
    }
  }

  /** Gives the job up, with an error for whoever reads it. What was not read is forgotten. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.inbox.drop(error);
    this.#end(error);
  }

  /** Stops the job, or some inputs of it. */
  cancel(reason: string, ranges?: readonly Range[]): void {
    if (this.outbox !== undefined && !this.outbox.submitted) return;
    const { job } = this;
    const message = { type: "cancel" as const, job, reason, ...(ranges === undefined ? {} : { ranges }) };
    if (this.#host.up) this.#host.send(cancelHeader(message));
  }

  /** Leaves the job to itself. */
  close(): void {
    if (this.#over) return;
    if (this.#host.up) this.#host.send({ type: "unwatch", job: this.job });
    this.#over = true;
    this.#span?.end();
    this.outbox?.abandon();
    this.#host.detach(this);
  }

  #end(error: unknown): void {
    this.#over = true;
    this.#span?.end(error === undefined ? undefined : toMusketeersError(error).message);
    this.inbox.finish(error);
    this.outbox?.abandon();
    this.#host.detach(this);
    this.#handlers.onOver?.(error);
  }

  #watch(): void {
    const { limits } = this.#host;
    this.#creditDue = 0;
    this.#host.watch({
      type: "watch",
      job: this.job,
      results: this.#results,
      order: this.#order,
      cursor: this.#cursor,
      creditBytes: Math.max(0, limits.resultCreditBytes - this.inbox.queuedBytes),
      logs: false,
    });
  }

  /** Credit goes back in larger pieces, but never waits while nothing else is under way. */
  #consumed(bytes: number, empty: boolean): void {
    this.#creditDue += bytes;
    if (this.#over || (!empty && this.#creditDue < this.#host.limits.resultCreditBytes / 4)) return;
    if (empty && this.#creditDue < this.#host.limits.resultCreditBytes / 16) return;
    if (this.#host.up && this.#host.send({ type: "credit", job: this.job, bytes: this.#creditDue })) {
      this.#creditDue = 0;
    }
  }

  #refused(error: MusketeersError): void {
    if (this.#restoring) return;
    const { outbox } = this;
    if (error.code !== "NOT_FOUND" || outbox === undefined || this.#restores >= RESTORES_MAX) {
      this.fail(error);
      return;
    }
    this.#restores++;
    this.#restoring = true;
    this.#host.restore(outbox.spec).then(
      () => {
        this.#restoring = false;
        if (!this.#over && this.#host.up) outbox.ask();
      },
      (failure: unknown) => this.fail(failure),
    );
  }
}
