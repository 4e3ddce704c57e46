import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Link } from "../../link/index.ts";
import { openNodeSocket } from "../../link/node.ts";
import {
  defaultLimits,
  type HubToClient,
  type HubToWorker,
  type JobOptions,
  type JobSpec,
  type Limits,
  type MusketeersError,
  type PresentedLease,
  type ProgressMessage,
  packRecords,
  progressHeader,
  type Role,
  type Welcome,
  type WorkerDescription,
} from "../../protocol/index.ts";
import { newId, parseInvite } from "../../security/index.ts";
import type { Hub } from "../hub.ts";
import type { HubOptions } from "../opening/hub-options.ts";
import { startHub } from "../opening/opening.ts";

type Message = HubToWorker | HubToClient;
type MessageOf<T extends Message["type"]> = Extract<Message, { type: T }>;

export interface Received<T extends Message["type"]> {
  readonly message: MessageOf<T>;
  readonly body: Uint8Array;
}

interface Waiter {
  readonly type: string;
  readonly accepts: (message: never) => boolean;
  readonly resolve: (received: never) => void;
}

/** A hub on a free port that is closed when the test is over. */
export async function testHub(options: HubOptions = {}): Promise<Hub> {
  const hub = await startHub({ listen: "127.0.0.1:0", ...options });
  onTestFinished(() => hub.close());
  return hub;
}

/** Stands between a hub and its peers, and can stop to pass on what the hub sends. */
export async function testProxy(hub: Hub): Promise<{ url: string; hold(): void; release(): void }> {
  const pairs = new Map<Socket, Socket>();
  const server = createServer((peer) => {
    const upstream = connect(Number(new URL(hub.url).port), "127.0.0.1");
    pairs.set(upstream, peer);
    for (const [from, to] of [
      [peer, upstream],
      [upstream, peer],
    ] as const) {
      from.on("error", () => {});
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const upstream of pairs.keys()) upstream.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: () => {
      for (const upstream of pairs.keys()) upstream.unpipe().pause();
    },
    release: () => {
      for (const [upstream, peer] of pairs) upstream.pipe(peer);
    },
  };
}

/** A directory that is removed when the test is over. */
export async function testDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "musketeers-hub-"));
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 10 }));
  return path;
}

export const describedWorker = (changes: Partial<WorkerDescription> = {}): WorkerDescription => ({
  name: "pi",
  version: "0.0.0",
  platform: "linux",
  arch: "arm64",
  cores: 4,
  memoryBytes: 2 ** 33,
  slots: 1,
  sandbox: "trusted",
  engineClass: "v8-13",
  allowNet: [],
  labels: [],
  capabilities: [],
  speed: 1,
  ...changes,
});

export const jobSpec = (options: Partial<JobOptions> = {}, job = newId()): JobSpec => ({
  job,
  title: "double",
  task: {
    bundle: "bundle",
    entry: "export:double",
    title: "double",
    timeoutMs: 1000,
    memoryBytes: 1,
    net: [],
  },
  options: { retries: 0, backoffMs: 0, maxAttempts: 3, priority: 0, needs: {}, attached: false, ...options },
});

/** One record for each number of `[from, from + count)`, which holds it in four bytes. */
export function numbered(count: number, from = 0): Uint8Array {
  const records = Array.from({ length: count }, (_, at) => {
    const record = new Uint8Array(4);
    new DataView(record.buffer).setUint32(0, from + at);
    return record;
  });
  return packRecords(records);
}

/** Waits until something is so, looking at it in every turn of the event loop. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

/** A peer that says what the test tells it to, on a real link; what it hears waits until it is asked for. */
export class ScriptedPeer {
  readonly link: Link;
  /** Of its invite. */
  readonly grantId: string;
  /** Of each connection so far. */
  readonly welcomes: Welcome[] = [];
  readonly downs: MusketeersError[] = [];
  /** Leases to be presented at the next connection. */
  leases: readonly PresentedLease[] = [];
  #received: Received<Message["type"]>[] = [];
  #waiters: Waiter[] = [];

  constructor(
    invite: string,
    worker?: WorkerDescription,
    limits: Limits = defaultLimits,
    machineKey?: Uint8Array,
  ) {
    this.grantId = parseInvite(invite).grantId;
    this.link = new Link(
      {
        invite: parseInvite(invite),
        openSocket: openNodeSocket,
        limits,
        ...(machineKey === undefined ? {} : { machineKey }),
        ...(worker === undefined ? {} : { worker: () => worker }),
        leases: () => this.leases,
      },
      {
        onWelcome: (welcome) => void this.welcomes.push(welcome),
        onMessage: (message, body) => this.#onMessage({ message, body }),
        onDown: (error) => void this.downs.push(error),
      },
    );
    onTestFinished(() => this.link.close());
  }

  static async client(hub: Hub, role: Role = "submitter", limits?: Limits): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(hub.invite({ role }), undefined, limits);
    await peer.link.start();
    return peer;
  }

  static async worker(
    hub: Hub,
    changes: Partial<WorkerDescription> = {},
    leases: readonly PresentedLease[] = [],
    { wait = true, invite = hub.invite({ role: "worker" }) } = {},
  ): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(invite, describedWorker(changes));
    peer.leases = leases;
    const joined = peer.link.start();
    if (wait) await joined;
    else joined.catch(() => {});
    return peer;
  }

  send(header: object, body?: Uint8Array): void {
    if (!this.link.send(header, body)) throw new Error("the link is down");
  }

  submit(spec: JobSpec, count: number, sealed = true, body = numbered(count)): void {
    this.send({ type: "submit", spec, count, sealed }, body);
  }

  watch(job: string, changes: object = {}): void {
    const rest = { results: true, order: "completion", cursor: 0, creditBytes: 2 ** 30, logs: false };
    this.send({ type: "watch", job, ...rest, ...changes });
  }

  /** Reports results of a lease: by default all of it, each input as its own result. */
  report(lease: Received<"lease">, changes: Partial<ProgressMessage> = {}, body?: Uint8Array): void {
    const { message } = lease;
    const header: ProgressMessage = {
      type: "progress",
      lease: message.lease,
      from: 0,
      count: message.count,
      failures: [],
      elapsedMs: 1,
      done: true,
      ...changes,
    };
    this.send(progressHeader(header), body ?? numbered(header.count, header.from));
  }

  /** Answers every lease, now and later, with its inputs as results. */
  serve(): void {
    void this.next("lease").then((lease) => {
      this.report(lease, { elapsedMs: 0.01 }, lease.body);
      this.serve();
    });
  }

  /** The next message of a type that was not taken yet. */
  next<T extends Message["type"]>(
    type: T,
    accepts: (message: MessageOf<T>) => boolean = () => true,
  ): Promise<Received<T>> {
    const at = this.#received.findIndex(
      ({ message }) => message.type === type && accepts(message as MessageOf<T>),
    );
    if (at >= 0) return Promise.resolve(this.#received.splice(at, 1)[0] as unknown as Received<T>);
    return new Promise((resolve) => {
      this.#waiters.push({ type, accepts, resolve } as unknown as Waiter);
    });
  }

  /** What came and was not taken, by type. */
  pending<T extends Message["type"]>(type: T): Received<T>[] {
    return this.#received.filter(({ message }) => message.type === type) as unknown as Received<T>[];
  }

  async call<T = unknown>(method: string, params: object = {}): Promise<T> {
    const id = ScriptedPeer.#nextCall++;
    this.send({ type: "call", id, method, params });
    const { message } = await this.next("reply", (reply) => reply.id === id);
    if (message.error !== undefined) throw Object.assign(new Error(message.error.message), message.error);
    return message.value as T;
  }

  /** Why the connection ended, or undefined when the action was over before it did. */
  async nextDownOr(action: () => Promise<unknown>): Promise<MusketeersError | undefined> {
    const before = this.downs.length;
    let over = false;
    let refusal: MusketeersError | undefined;
    this.link.closed.catch((error: MusketeersError) => {
      refusal = error;
    });
    const settle = () => {
      over = true;
    };
    action().then(settle, settle);
    await until(() => over || refusal !== undefined || this.downs.length > before);
    return refusal ?? this.downs[before];
  }

  static #nextCall = 1;

  #onMessage(received: Received<Message["type"]>): void {
    const { message } = received;
    const at = this.#waiters.findIndex(
      ({ type, accepts }) => type === message.type && accepts(message as never),
    );
    if (at >= 0) this.#waiters.splice(at, 1)[0]!.resolve(received as never);
    else this.#received.push(received);
  }
}

/** Runs the first unit, by which the hub learns that inputs are quick; gives the second, larger one. */
export async function secondLease(worker: ScriptedPeer): Promise<Received<"lease">> {
  const first = await worker.next("lease");
  worker.report(first, { elapsedMs: 0.01 });
  return worker.next("lease");
}
