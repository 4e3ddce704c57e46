import type { LinkHandlers } from "../../link/index.ts";
import {
  type CancelMessage,
  type ClientToHub,
  countOf,
  decodeValue,
  eachRecord,
  encodeFailure,
  encodeValue,
  type FailureMark,
  type HubToClient,
  type JobSpec,
  packRecords,
  parseHubMessage,
  parsePeerMessage,
  type Range,
  resultsHeader,
  type WatchMessage,
  type Welcome,
} from "../../protocol/index.ts";
import type { SessionLink } from "../session/session.ts";

interface FakeResult {
  readonly ranges: readonly Range[];
  readonly failures: readonly FailureMark[];
  readonly body: Uint8Array;
}

export interface FakeJob {
  readonly spec: JobSpec;
  readonly inputs: Uint8Array[];
  sealed: boolean;
  state: "running" | "done" | "cancelled" | "broken";
  reason: string;
  readonly results: FakeResult[];
  /** Inputs that have their result. */
  readonly done: Map<number, Uint8Array>;
  readonly failed: Set<number>;
  readonly times: Map<number, number>;
}

export interface FakeHubOptions {
  /** What the tasks compute. */
  readonly compute?: (input: unknown, spec: JobSpec) => unknown;
  /** From 0 to below 1: how many results go together, and in which order. */
  readonly random?: () => number;
  /** Results wait until `hub.release()`. */
  readonly held?: boolean;
}

interface Connection {
  readonly handlers: LinkHandlers;
  readonly watches: Map<string, { message: WatchMessage; cursor: number; credit: number }>;
  open: boolean;
}

/** A hub in memory with a worker inside, for one client: as much of the protocol as a client sees. */
export class FakeHub {
  readonly jobs = new Map<string, FakeJob>();
  readonly blobs = new Map<string, Uint8Array>();
  /** Everything that clients sent, in order. */
  readonly received: { readonly message: ClientToHub; readonly bytes: number }[] = [];
  /** Largest sum of result bytes that were sent and not credited. */
  mostUncredited = 0;
  /** Called for each message that arrives, before it is acted on; may cut the connection. */
  onArrival: (message: ClientToHub) => void = () => {};
  /** Refuses messages about a job. */
  refuse: (message: ClientToHub) => { code: string; message: string } | undefined = () => undefined;
  #options: FakeHubOptions;
  #connection: Connection | undefined;
  #handlers: LinkHandlers | undefined;
  #held: boolean;
  #session = 0;

  constructor(options: FakeHubOptions = {}) {
    this.#options = options;
    this.#held = options.held ?? false;
  }

  /** For `SessionOptions.openLink`. */
  readonly openLink = (handlers: LinkHandlers): SessionLink => {
    const hub = this;
    this.#handlers = handlers;
    return {
      start: async () => {
        hub.connect();
        return hub.#welcome();
      },
      get up() {
        return hub.#connection?.open ?? false;
      },
      send: (header, body) => {
        const connection = hub.#connection;
        if (connection === undefined) return false;
        const frame = { header: structuredClone(header), body: body?.slice() ?? new Uint8Array(0) };
        setImmediate(() => {
          if (connection.open) hub.#receive(connection, frame.header, frame.body);
        });
        return true;
      },
      reconnect: () => {},
      close: () => hub.disconnect(),
      closed: new Promise(() => {}),
    };
  };

  /** For `SessionOptions.fetch`: the blobs. */
  readonly fetch = (async (url: string | URL | Request, init?: RequestInit) => {
    const cid = String(url).split("/").at(-1)!;
    if (init?.method === "PUT") {
      this.blobs.set(cid, new Uint8Array(init.body as Uint8Array<ArrayBuffer>));
      return new Response(null, { status: 204 });
    }
    const bytes = this.blobs.get(cid);
    return new Response((bytes as Uint8Array<ArrayBuffer> | undefined) ?? null, {
      status: bytes ? 200 : 404,
    });
  }) as typeof fetch;

  connect(): void {
    this.#session++;
    this.#connection = { handlers: this.#handlers!, watches: new Map(), open: true };
    this.#handlers!.onWelcome(this.#welcome());
  }

  /** Cuts the connection: what is under way is lost. */
  disconnect(): void {
    if (this.#connection !== undefined) this.#connection.open = false;
    this.#connection = undefined;
  }

  /** Cuts the connection as the client's link would see it. */
  cut(error: Parameters<NonNullable<LinkHandlers["onDown"]>>[0]): void {
    if (this.#connection === undefined) return;
    this.disconnect();
    this.#handlers?.onDown?.(error, 0);
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** Lets held results go. */
  release(): void {
    this.#held = false;
    for (const job of this.jobs.values()) this.#work(job);
  }

  end(id: string, state: FakeJob["state"], reason: string): void {
    const job = this.jobs.get(id)!;
    job.state = state;
    job.reason = reason;
    this.#pump(job);
  }

  #welcome(): Welcome {
    return {
      type: "welcome",
      version: 1,
      hub: "fake",
      proof: new Uint8Array(0),
      session: `session-${this.#session}`,
      role: "submitter",
      heartbeatIntervalMs: 1000,
      adopted: [],
    };
  }

  #send(header: HubToClient | object, body: Uint8Array = new Uint8Array(0)): void {
    const connection = this.#connection;
    setImmediate(() => {
      if (connection?.open !== true) return;
      connection.handlers.onMessage(parseHubMessage(structuredClone(header)) as HubToClient, body);
    });
  }

  #receive(connection: Connection, header: object, body: Uint8Array): void {
    const message = parsePeerMessage(header) as ClientToHub;
    this.received.push({ message, bytes: body.length });
    this.onArrival(message);
    if (!connection.open) return;
    const refused = this.refuse(message);
    if (refused !== undefined) {
      const job = message.type === "submit" ? message.spec.job : "job" in message ? message.job : "";
      this.#send({ type: "joberror", job, hint: "", ...refused });
      return;
    }
    switch (message.type) {
      case "submit":
        this.#submit(message.spec, message.sealed, body);
        break;
      case "inputs":
        this.#append(message.job, message.from, message.sealed, body);
        break;
      case "watch":
        connection.watches.set(message.job, { message, cursor: message.cursor, credit: message.creditBytes });
        this.#pump(this.jobs.get(message.job));
        break;
      case "credit": {
        const watch = connection.watches.get(message.job);
        if (watch !== undefined) watch.credit += message.bytes;
        this.#pump(this.jobs.get(message.job));
        break;
      }
      case "unwatch":
        connection.watches.delete(message.job);
        break;
      case "cancel":
        this.#cancel(message);
        break;
      case "call":
        this.#call(message.id, message.method, message.params);
        break;
      case "follow":
      case "unfollow":
        break;
    }
  }

  #submit(spec: JobSpec, sealed: boolean, body: Uint8Array): void {
    let job = this.jobs.get(spec.job);
    if (job === undefined) {
      job = {
        spec,
        inputs: [],
        sealed: false,
        state: "running",
        reason: "",
        results: [],
        done: new Map(),
        failed: new Set(),
        times: new Map(),
      };
      this.jobs.set(spec.job, job);
      if (body.length > 0 || sealed) this.#append(spec.job, 0, sealed, body);
    }
    this.#send({ type: "accepted", job: spec.job, size: job.inputs.length, sealed: job.sealed });
  }

  #append(id: string, from: number, sealed: boolean, body: Uint8Array): void {
    const job = this.jobs.get(id);
    if (job === undefined) {
      this.#send({ type: "joberror", job: id, code: "NOT_FOUND", message: "no such job", hint: "" });
      return;
    }
    if (from > job.inputs.length) throw new Error(`a gap: inputs from ${from} of ${job.inputs.length}`);
    let at = from;
    for (const record of eachRecord(body)) {
      if (at >= job.inputs.length && job.state === "running") {
        if (job.sealed) throw new Error("inputs behind the seal");
        job.inputs.push(record.slice());
      }
      at++;
    }
    job.sealed ||= sealed;
    this.#send({ type: "stored", job: id, size: job.inputs.length });
    setImmediate(() => this.#work(job));
  }

  #cancel({ job: id, reason, ranges }: CancelMessage): void {
    const job = this.jobs.get(id);
    if (job === undefined) return;
    if (ranges === undefined) {
      job.state = "cancelled";
      job.reason = reason;
    }
    this.#pump(job);
  }

  #call(id: number, method: string, params: Readonly<Record<string, unknown>>): void {
    if (method === "hasBlobs") {
      this.#send({ type: "reply", id, value: (params.cids as string[]).map((cid) => this.blobs.has(cid)) });
      return;
    }
    const job = this.jobs.get(String(params.job));
    if (method === "job" && job !== undefined) {
      this.#send({
        type: "reply",
        id,
        value: { job: params.job, state: job.state, size: job.inputs.length },
      });
      return;
    }
    const error = { code: "NOT_FOUND", message: `no ${method}`, hint: "" };
    this.#send({ type: "reply", id, error });
  }

  /** Computes what has no result yet, in random groups and order. */
  #work(job: FakeJob): void {
    if (this.#held || job.state !== "running") return;
    const random = this.#options.random ?? (() => 0.999);
    const open = job.inputs.map((_, index) => index).filter((index) => !job.done.has(index));
    while (open.length > 0) {
      const count = Math.max(1, Math.ceil(random() * open.length));
      const first = Math.floor(random() * 0.99 * (open.length - count + 1));
      this.#compute(job, open.splice(this.#options.random === undefined ? 0 : first, count));
    }
    if (job.sealed && job.done.size === job.inputs.length) job.state = "done";
    this.#pump(job);
  }

  #compute(job: FakeJob, indices: readonly number[]): void {
    const { compute = (input: unknown) => input } = this.#options;
    const failures: FailureMark[] = [];
    const records = indices.map((index, at) => {
      let record: Uint8Array;
      job.times.set(index, (job.times.get(index) ?? 0) + 1);
      try {
        const value = compute(decodeValue(job.inputs[index]!), job.spec);
        record = value instanceof Uint8Array && value[0] === 0xd8 ? value : encodeValue(value);
      } catch (thrown) {
        const { name, message } = thrown as Error;
        record = encodeFailure({
          kind: "error",
          name,
          message,
          stack: `${name}: ${message}\n    at task.ts:1:1`,
        });
        failures.push({ at, kind: "error", fingerprint: name });
        job.failed.add(index);
      }
      job.done.set(index, record);
      return record;
    });
    job.results.push({
      ranges: indices.map((index) => [index, index + 1]),
      failures,
      body: packRecords(records),
    });
  }

  #pump(job: FakeJob | undefined): void {
    const watch = job && this.#connection?.watches.get(job.spec.job);
    if (job === undefined || watch === undefined) return;
    const { message } = watch;
    const send = (result: FakeResult, cursor: number) => {
      watch.cursor = cursor;
      watch.credit -= result.body.length;
      this.mostUncredited = Math.max(this.mostUncredited, message.creditBytes - watch.credit);
      const header = {
        type: "results" as const,
        job: job.spec.job,
        worker: "w1",
        accepted: "single" as const,
        cursor,
      };
      this.#send(resultsHeader({ ...header, ranges: result.ranges, failures: result.failures }), result.body);
    };
    let whole = !message.results;
    while (message.results && watch.credit > 0) {
      const result =
        message.order === "completion" ? job.results[watch.cursor] : this.#inOrder(job, watch.cursor);
      if (result === undefined) {
        whole = true;
        break;
      }
      send(result, watch.cursor + (message.order === "completion" ? 1 : countOf(result.ranges)));
    }
    const { state, reason } = job;
    if (state === "running" || !whole) return;
    this.#connection?.watches.delete(job.spec.job);
    this.#send({
      type: "ended",
      job: job.spec.job,
      state,
      size: job.inputs.length,
      failed: job.failed.size,
      reason,
    });
  }

  #inOrder(job: FakeJob, cursor: number): FakeResult | undefined {
    const record = job.done.get(cursor);
    if (record === undefined) return undefined;
    const failures: FailureMark[] = job.failed.has(cursor) ? [{ at: 0, kind: "error", fingerprint: "" }] : [];
    return { ranges: [[cursor, cursor + 1]], failures, body: packRecords([record]) };
  }
}
