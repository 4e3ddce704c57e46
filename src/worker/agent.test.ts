import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OpenSocket, Socket, SocketEvents } from "../link/index.ts";
import {
  decodeValue,
  defaultLimits,
  eachRecord,
  encodeValue,
  FrameReceiver,
  FrameSender,
  type LeaseMessage,
  type PeerMessage,
  PROTOCOL_VERSION,
  packRecords,
  parsePeerMessage,
  type TaskSpec,
} from "../protocol/index.ts";
import {
  createInvite,
  newSecretKey,
  parseInvite,
  publicKeyOf,
  randomBytes,
  signWelcome,
} from "../security/index.ts";
import { Agent, type WorkerNotice } from "./agent.ts";
import type { Executor, Sandbox, SandboxHandlers } from "./executors/index.ts";
import { SandboxPool } from "./sandbox-pool.ts";

const task: TaskSpec = {
  bundle: "",
  entry: "export:f",
  title: "f",
  timeoutMs: 1000,
  memoryBytes: 1,
  net: [],
};

/** A hub at the other end of sockets that are no sockets. */
class FakeHub {
  readonly secretKey = newSecretKey(randomBytes);
  readonly invite = parseInvite(
    createInvite({
      hubSecretKey: this.secretKey,
      url: "http://127.0.0.1:1",
      role: "worker",
      project: "test",
      issuedAtMs: 0,
      expiresAtMs: Number.MAX_SAFE_INTEGER,
    }).invite,
  );
  readonly received: { message: PeerMessage; body: Uint8Array }[] = [];
  events: SocketEvents | undefined;
  adopts = true;
  #waiters: (() => void)[] = [];
  #sender = new FrameSender();
  #receiver = new FrameReceiver();
  #challenge = {
    type: "challenge",
    version: PROTOCOL_VERSION,
    hubKey: publicKeyOf(this.secretKey),
    nonce: randomBytes(16),
  } as const;

  readonly open: OpenSocket = (_url, events): Socket => {
    this.events = events;
    this.#sender = new FrameSender();
    this.#receiver = new FrameReceiver();
    queueMicrotask(() => {
      events.onOpen();
      this.send(this.#challenge);
    });
    const close = () => {
      if (this.events === events) this.drop();
    };
    return { send: (frame) => this.#receive(frame), bufferedBytes: 0, close, terminate: close };
  };

  send(header: object, body?: Uint8Array): void {
    this.events?.onFrame(this.#sender.encode(header, body));
  }

  drop(): void {
    const { events } = this;
    this.events = undefined;
    events?.onClose("dropped");
  }

  lease(lease: string, values: readonly unknown[], change: Partial<TaskSpec> = {}): void {
    const count = values.length;
    const message: LeaseMessage = {
      type: "lease",
      lease,
      task: { ...task, ...change },
      count,
      from: 0,
      part: count,
    };
    this.send(message, packRecords(values.map(encodeValue)));
  }

  /** Waits until a message is there that fits. */
  async until<T extends PeerMessage["type"]>(
    type: T,
    fits: (message: Extract<PeerMessage, { type: T }>) => boolean = () => true,
  ) {
    for (;;) {
      const found = this.received.find(({ message }) => message.type === type && fits(message as never));
      if (found !== undefined) {
        return found as { message: Extract<PeerMessage, { type: T }>; body: Uint8Array };
      }
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  #receive(frame: Uint8Array): void {
    const { header, body } = this.#receiver.decode(frame, defaultLimits);
    const message = parsePeerMessage(header);
    this.received.push({ message, body });
    if (message.type === "hello") {
      this.send({
        type: "welcome",
        version: PROTOCOL_VERSION,
        hub: "hub",
        proof: signWelcome(this.secretKey, this.#challenge, message.nonce),
        session: "s",
        role: "worker",
        heartbeatIntervalMs: 1000,
        adopted: this.adopts ? message.leases.map(({ lease }) => lease) : [],
      });
    }
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

/** Sandboxes that double numbers when they are told to. */
class FakeExecutor implements Executor {
  readonly kind = "deno";
  readonly engineClass = "fake-1";
  readonly started: (Sandbox & { go: () => void; die: () => void })[] = [];
  onStart = () => {};
  holds = false;
  frozen = 0;
  closed = false;

  start(_order: unknown, handlers: SandboxHandlers): Sandbox {
    const queue: { block: Uint8Array; count: number }[] = [];
    const sandbox = {
      handlers,
      alive: true,
      pause: () => {},
      resume: () => {},
      memoryBytes: 0,
      pid: undefined,
      freeze: () => {
        this.frozen++;
        return true;
      },
      thaw: () => {
        this.frozen--;
      },
      run: (block: Uint8Array, count: number) => {
        queue.push({ block, count });
        if (!this.holds) queueMicrotask(sandbox.go);
        this.onStart();
      },
      go: () => {
        for (const { block, count } of queue.splice(0)) {
          const values = [...eachRecord(block)].map((record) => (decodeValue(record) as number) * 2);
          sandbox.handlers.onResults({
            count,
            block: packRecords(values.map(encodeValue)),
            failures: [],
            elapsedMs: count,
          });
        }
      },
      die: () => {
        sandbox.alive = false;
        sandbox.handlers.onDeath({ kind: "crash", message: "gone", exact: false });
      },
      kill: async () => {
        sandbox.alive = false;
      },
    };
    this.started.push(sandbox);
    return sandbox;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const values = (body: Uint8Array) => [...eachRecord(body)].map((record) => decodeValue(record));

describe("Agent", () => {
  let hub: FakeHub;
  let executor: FakeExecutor;
  let agent: Agent;
  let notices: WorkerNotice[];
  const fetchBefore = globalThis.fetch;

  beforeEach(async () => {
    const code = new TextEncoder().encode("export const f = (x) => x * 2");
    const { cidOf } = await import("../data/index.ts");
    (task as { bundle: string }).bundle = cidOf(code);
    globalThis.fetch = async () => new Response(code);
    hub = new FakeHub();
    executor = new FakeExecutor();
    notices = [];
    agent = new Agent({
      invite: hub.invite,
      openSocket: hub.open,
      executor,
      pool: new SandboxPool(executor, defaultLimits.sandboxesIdleMax),
      limits: { ...defaultLimits, reconnectDelayMinMs: 1, reconnectDelayMaxMs: 1, drainGraceMs: 50 },
      onNotice: (notice) => notices.push(notice),
      description: {
        name: "w",
        version: "0",
        platform: "linux",
        arch: "x64",
        cores: 1,
        memoryBytes: 1000,
        slots: 1,
        sandbox: "deno",
        engineClass: "fake-1",
        allowNet: [],
        labels: [],
        capabilities: [],
        speed: 1,
      },
    });
    await agent.start();
  });

  afterEach(async () => {
    await agent.stop();
    globalThis.fetch = fetchBefore;
  });

  it("runs a lease and reports its results", async () => {
    hub.lease("a", [1, 2, 3]);
    const last = await hub.until("progress", ({ done }) => done);
    const all = hub.received.filter(({ message }) => message.type === "progress");
    expect(all.flatMap(({ body }) => values(body))).toEqual([2, 4, 6]);
    expect(last.message.lease).toBe("a");
  });

  it("keeps a sandbox for the next lease of the same task", async () => {
    hub.lease("a", [1]);
    await hub.until("progress", ({ lease }) => lease === "a");
    hub.lease("b", [2]);
    await hub.until("progress", ({ lease }) => lease === "b");
    expect(executor.started).toHaveLength(1);
  });

  it("hands back what it does not allow, with the reason", async () => {
    hub.lease("a", [1], { net: ["example.org"] });
    const { message } = await hub.until("return");
    expect(message).toMatchObject({
      lease: "a",
      reason: "refused",
      message: expect.stringContaining("example.org"),
    });
    expect(notices.at(-1)).toMatchObject({ type: "refused", task: "f" });
  });

  it("sends again after a reconnect what was not acknowledged", async () => {
    hub.lease("a", [1]);
    await hub.until("progress");
    hub.received.length = 0;
    hub.drop();
    const { message } = await hub.until("hello");
    expect(message.leases).toEqual([{ lease: "a", from: 0 }]);
    expect(values((await hub.until("progress")).body)).toEqual([2]);
  });

  it("forgets leases that are not adopted, and kills what runs", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    await running;
    hub.adopts = false;
    hub.received.length = 0;
    hub.drop();
    await hub.until("hello");
    expect(executor.started[0]?.alive).toBe(false);
  });

  it("drainGraceMs: hands back what has not begun and what is not done in time, then leaves", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    hub.lease("b", [1]);
    await running;
    await agent.drain();
    const said = hub.received.map(({ message }) => message).filter(({ type }) => type !== "hello");
    expect(said).toEqual([
      { type: "return", lease: "b", reason: "drain", message: expect.any(String) },
      { type: "return", lease: "a", reason: "drain", message: expect.any(String) },
      { type: "leave" },
    ]);
    expect(executor.closed).toBe(true);
  });

  it("makes a failure of the record that killed its sandbox", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    await running;
    executor.started[0]?.die();
    const { message } = await hub.until("progress");
    expect(message).toMatchObject({ count: 1, done: true, failures: [{ at: 0, kind: "crash" }] });
  });
});
