import {
  BlobClient,
  type BlobStore,
  BlockFetcher,
  type BlockSource,
  BlockUpload,
  HubExchange,
  type HubFetch,
} from "../../data/index.ts";
import { type Link, type LinkHandlers, Presence } from "../../link/index.ts";
import {
  type CallMethod,
  type Calls,
  type HubToClient,
  type HubToWorker,
  type JobSpec,
  type Limits,
  MusketeersError,
  toMusketeersError,
  type WatchMessage,
  type Welcome,
} from "../../protocol/index.ts";
import type { Tracer } from "../../tracing/index.ts";
import { abortReason } from "../errors.ts";
import type { LoadedTask } from "../tasks/loaded.ts";
import type { ChannelHost, JobChannel } from "./channel.ts";
import { LiveTopics } from "./live.ts";
import { JobObservers } from "./observers.ts";
import type { SignTask } from "./task-signer.ts";

/** The part of a link that a session uses. */
export type SessionLink = Pick<Link, "start" | "up" | "send" | "reconnect" | "close" | "closed">;

export interface SessionOptions {
  readonly openLink: (handlers: LinkHandlers) => SessionLink;
  /** The hub's HTTP address. */
  readonly baseUrl: string;
  readonly limits: Limits;
  readonly fetch?: HubFetch;
  /** Signs what is submitted; nothing is signed without it. */
  readonly sign?: SignTask;
  readonly tracer?: Tracer | undefined;
  /** The connection is gone, or was not made, and is tried again after the pause. */
  readonly onRetry?: (error: MusketeersError, retryInMs: number) => void;
}

interface PendingCall {
  readonly header: object;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One client's connection: routes what comes to the jobs that it is about, and answers to calls. */
export class Session implements ChannelHost {
  readonly limits: Limits;
  readonly sign: SignTask;
  readonly tracer: Tracer | undefined;
  readonly blobs: BlobStore;
  /** The blocks of files, many with one request. */
  readonly blocks: BlockSource;
  readonly #exchange: HubExchange;
  /** Who waits for the end of a job without reading it. */
  readonly observers: JobObservers;
  /** What a page follows. */
  readonly live: LiveTopics;
  readonly #link: SessionLink;
  readonly #onRetry: SessionOptions["onRetry"];
  readonly #channels = new Map<string, JobChannel>();
  /** Channels that wait until what an earlier watch of their job still sends has come. */
  readonly #waiting = new Map<string, JobChannel>();
  /** Jobs that were watched on this connection and have not ended. */
  readonly #watched = new Set<string>();
  readonly #calls = new Map<number, PendingCall>();
  /** Calls that were sent on this connection and not answered, also where nobody waits for them any more. */
  readonly #asked = new Set<number>();
  #nextCall = 1;
  #welcome: Welcome | undefined;
  readonly #presence = new Presence(() => this.#link.reconnect());
  /** Bundles that this connection's hub holds, or is being given. */
  #bundles = new Map<string, Promise<void>>();
  /** By CID, for as long as one of their jobs may have to be submitted again. */
  readonly #code = new Map<string, Uint8Array>();
  #failure: unknown;
  #over = false;

  constructor(options: SessionOptions) {
    this.limits = options.limits;
    this.tracer = options.tracer;
    this.sign = options.sign ?? ((task) => task);
    this.#onRetry = options.onRetry;
    this.#link = options.openLink({
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onMessage: (message, body) => this.#onMessage(message, body),
      onDown: (error, retryInMs) => this.#onDown(error, retryInMs),
    });
    const { limits } = options;
    const http = {
      baseUrl: options.baseUrl,
      token: () => this.#presence.provenToken(),
      limits,
      ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
    };
    const client = new BlobClient(http);
    this.#exchange = new HubExchange(http);
    const fetcher = new BlockFetcher({ exchange: this.#exchange, limits, single: client });
    this.blocks = {
      get: (cid, blockOptions) =>
        this.#presence.persist(() => fetcher.get(cid, blockOptions), blockOptions?.signal),
      release: (bytes) => fetcher.release(bytes),
    };
    this.blobs = {
      get: (cid, blobOptions) =>
        this.#presence.persist(() => client.get(cid, blobOptions), blobOptions?.signal),
      put: (bytes, blobOptions) =>
        this.#presence.persist(() => client.put(bytes, blobOptions), blobOptions?.signal),
    };
    this.live = new LiveTopics((header) => this.up && this.send(header));
    this.observers = new JobObservers({
      watches: (job) => this.channel(job) !== undefined,
      watch: (message) => {
        if (this.up) this.watch(message);
      },
      unwatch: (job) => {
        if (this.up) this.send({ type: "unwatch", job });
      },
    });
    this.#link.closed.catch((error: unknown) => this.#fail(error));
  }

  get up(): boolean {
    return !this.#over && this.#link.up;
  }

  /** Of the hub that it is connected to, or was last. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  async start(): Promise<void> {
    await this.#link.start();
  }

  send(header: object, body?: Uint8Array): boolean {
    return this.#link.send(header, body);
  }

  watch(message: WatchMessage): boolean {
    this.#watched.add(message.job);
    return this.send(message);
  }

  /** Routes a job's messages to its channel, now and after each reconnect. */
  attach(channel: JobChannel): void {
    if (this.#over) {
      channel.fail(this.#failure);
      return;
    }
    if (this.up && this.#watched.has(channel.job)) {
      this.#attachAfterRest(channel);
      return;
    }
    this.#channels.set(channel.job, channel);
    if (this.up) channel.onUp();
  }

  /**
   * Messages do not say which watch they belong to: an earlier one is ended first, and an answer to
   * something asked behind that shows that nothing of it can follow.
   */
  #attachAfterRest(channel: JobChannel): void {
    const { job } = channel;
    this.#waiting.set(job, channel);
    this.send({ type: "unwatch", job });
    this.call("hasBlobs", { cids: [] })
      .catch(() => {})
      .then(() => this.#attachWaiting(channel))
      .catch((error: unknown) => channel.fail(error));
  }

  #attachWaiting(channel: JobChannel): void {
    if (this.#waiting.get(channel.job) !== channel) return;
    this.#waiting.delete(channel.job);
    this.#channels.set(channel.job, channel);
    if (this.up) channel.onUp();
  }

  detach(channel: JobChannel): void {
    const { job } = channel;
    if (this.#waiting.get(job) === channel) this.#waiting.delete(job);
    else if (this.#channels.get(job) === channel) this.#channels.delete(job);
    else return;
    this.observers.onUnwatched(job);
  }

  channel(job: string): JobChannel | undefined {
    return this.#channels.get(job) ?? this.#waiting.get(job);
  }

  /**
   * Asks the hub something; over a break of the connection it asks again.
   * @throws MusketeersError that the hub answered with, or the signal's reason.
   */
  call<M extends CallMethod>(
    method: M,
    params: Calls[M]["params"],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Calls[M]["value"]> {
    const { signal } = options;
    return new Promise<Calls[M]["value"]>((resolve, reject) => {
      if (this.#over) return reject(this.#failure);
      if (signal?.aborted) return reject(abortReason(signal));
      const id = this.#nextCall++;
      const abort = () => {
        this.#calls.delete(id);
        reject(abortReason(signal!));
      };
      signal?.addEventListener("abort", abort, { once: true });
      const settle = () => {
        this.#calls.delete(id);
        signal?.removeEventListener("abort", abort);
      };
      const header = { type: "call", id, method, params };
      this.#calls.set(id, {
        header,
        resolve: (value) => {
          settle();
          resolve(value as Calls[M]["value"]);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#ask();
    });
  }

  /** Sends calls that were not sent on this connection, as many as the hub lets wait. */
  #ask(): void {
    if (!this.up) return;
    for (const [id, { header }] of this.#calls) {
      if (this.#asked.size >= this.limits.callsPerClientMax) return;
      if (this.#asked.has(id)) continue;
      this.#asked.add(id);
      this.send(header);
    }
  }

  /** Takes blocks to the hub. */
  upload(
    options: {
      readonly signal?: AbortSignal;
      readonly onStored?: (bytes: number, sentBytes: number) => void;
      readonly onReleased?: (bytes: Uint8Array) => void;
      readonly onWaiting?: (why: MusketeersError | undefined) => void;
    } = {},
  ): BlockUpload {
    return new BlockUpload({
      exchange: this.#exchange,
      limits: this.limits,
      has: (cids, signal) => this.call("hasBlobs", { cids }, { signal }),
      persist: (attempt, signal) => this.#presence.persist(attempt, signal),
      ...options,
    });
  }

  /** Sees to it that the hub holds the code of a task. */
  async ensureCode({ cid, code }: LoadedTask["bundle"]): Promise<void> {
    this.#code.set(cid, code);
    const known = this.#bundles.get(cid);
    if (known !== undefined) return known;
    const storing = this.#storeCode(cid, code);
    const bundles = this.#bundles;
    bundles.set(cid, storing);
    storing.catch(() => bundles.delete(cid));
    return storing;
  }

  async #storeCode(cid: string, code: Uint8Array): Promise<void> {
    const [held] = await this.call("hasBlobs", { cids: [cid] });
    if (held !== true) await this.blobs.put(code);
  }

  async restore({ task }: JobSpec): Promise<void> {
    this.#bundles.delete(task.bundle);
    const code = this.#code.get(task.bundle);
    if (code === undefined) throw new MusketeersError("NOT_FOUND", `The hub has no bundle ${task.bundle}`);
    await this.ensureCode({ cid: task.bundle, code });
  }

  /** Ends the connection; jobs and calls that are under way fail. */
  close(): void {
    this.#fail(
      new MusketeersError("HUB_UNREACHABLE", "The cluster was closed", { hint: "Call connect() again." }),
    );
    this.#link.close();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    for (const channel of [...this.#channels.values(), ...this.#waiting.values()]) channel.fail(error);
    this.observers.fail(error);
    this.live.fail(toMusketeersError(error));
    for (const call of [...this.#calls.values()]) call.reject(error);
    this.#presence.end(error);
  }

  #onWelcome(welcome: Welcome): void {
    this.#welcome = welcome;
    // The hub may be another one by now, with an empty disk.
    this.#bundles = new Map();
    this.#presence.up(welcome.session);
    this.#asked.clear();
    this.#ask();
    this.#watched.clear();
    for (const channel of this.#waiting.values()) this.#channels.set(channel.job, channel);
    this.#waiting.clear();
    for (const channel of [...this.#channels.values()]) channel.onUp();
    this.observers.onUp();
    this.live.onUp();
  }

  #onDown(error: MusketeersError, retryInMs: number): void {
    this.#presence.down();
    for (const channel of this.#channels.values()) channel.onDown();
    this.#onRetry?.(error, retryInMs);
  }

  #onMessage(message: HubToWorker | HubToClient, body: Uint8Array): void {
    if (message.type === "reply") {
      const call = this.#calls.get(message.id);
      this.#asked.delete(message.id);
      if (message.error === undefined) call?.resolve(message.value);
      else call?.reject(MusketeersError.from(message.error));
      this.#ask();
      return;
    }
    if (message.type === "live") {
      this.live.onMessage(message, body);
      return;
    }
    // What is meant for workers does not concern a client.
    if (!("job" in message) || message.type === "ask") return;
    if (message.type === "ended") this.#watched.delete(message.job);
    this.#channels.get(message.job)?.onMessage(message, body);
    this.observers.onMessage(message);
  }
}
