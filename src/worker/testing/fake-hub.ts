import { cidOf } from "../../data/index.ts";
import type { OpenSocket, Socket, SocketEvents } from "../../link/index.ts";
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
  type WorkerDescription,
} from "../../protocol/index.ts";
import {
  createInvite,
  newSecretKey,
  parseInvite,
  publicKeyOf,
  randomBytes,
  signWelcome,
} from "../../security/index.ts";
import type { Executor, Sandbox, SandboxHandlers } from "../executors/index.ts";
import type { Machine } from "../machine/machine.ts";

/* What an agent meets in its tests: a hub and sandboxes, both of which do as they are told. */

/** Code of which nothing but its bytes counts. */
export const fakeCode = new TextEncoder().encode("export const f = (x) => x * 2");

export const fakeDescription: WorkerDescription = {
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
};

export const fakeTask: TaskSpec = {
  bundle: cidOf(fakeCode),
  entry: "export:f",
  title: "f",
  timeoutMs: 1000,
  memoryBytes: 1,
  net: [],
};

/** A hub at the other end of sockets that are no sockets. */
export class FakeHub {
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
      task: { ...fakeTask, ...change },
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
export class FakeExecutor implements Executor {
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

export const fakeMachine: Machine = { memoryBytes: () => 2 ** 30, load: () => 0, agentMemoryBytes: () => 0 };
