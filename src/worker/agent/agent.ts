import { BlobClient, type BlobStore, BlockFetcher, BlockSender, HubExchange } from "../../data/index.ts";
import { Link, Presence } from "../../link/index.ts";
import {
  type HubToClient,
  type HubToWorker,
  type MusketeersError,
  packRecords,
  progressHeader,
  type TaskSpec,
  type Welcome,
  type WorkerDescription,
} from "../../protocol/index.ts";
import {
  busySlots,
  type Claim,
  newWorkerState,
  presentedLeases,
  type RunningUnit,
  runningUnits,
  step,
  type WorkerEvent,
  type WorkerInstruction,
  type WorkerState,
  waitingLeases,
} from "../core/index.ts";
import { Diary } from "../diary/diary.ts";
import { BlobExchange } from "../neighbours/blob-exchange.ts";
import { CatalogueKeeper, MemoryShelf } from "../replicas/catalogue-keeper.ts";
import { ReplicaKeeper } from "../replicas/replica-keeper.ts";
import { CodeCache } from "../slots/code-cache.ts";
import type { SandboxPool } from "../slots/sandbox-pool.ts";
import type { Tenant } from "../slots/seats.ts";
import { SlotRunner } from "../slots/slot-runner.ts";
import { Admission } from "./admission.ts";
import type { AgentOptions } from "./agent-options.ts";
import { Prefetch } from "./prefetch.ts";
import { UnitTraces } from "./unit-traces.ts";
import { WorkerFiles } from "./worker-files.ts";

const CODE_BYTES_MAX = 64 * 1024 * 1024;
/** What blobs used lately may have of the machine's memory. */
const RECENT_BLOBS_MEMORY_SHARE = 1 / 16;

function diaryOf({ diaryFile, invite, limits }: AgentOptions, admission: Admission): Diary | undefined {
  if (diaryFile === undefined) return undefined;
  return new Diary({
    hub: invite.url,
    project: invite.project,
    limits,
    nowMs: Date.now,
    submitterOf: (task) => admission.submitterOf(task),
    write: (entries) => diaryFile.append(entries),
  });
}

/** The shell around the worker's state machine: feeds events in, performs instructions. */
export class Agent implements Tenant {
  readonly closed: Promise<void>;
  readonly #options: AgentOptions;
  readonly #state: WorkerState;
  readonly #admission: Admission;
  readonly diary: Diary | undefined;
  readonly #link: Link;
  readonly #pool: SandboxPool;
  readonly #blobs: BlobExchange;
  readonly #keeper: CatalogueKeeper;
  readonly #prefetch: Prefetch;
  readonly #replicas: ReplicaKeeper | undefined;
  readonly #traces: UnitTraces | undefined;
  readonly #runners: readonly SlotRunner[];
  #settle!: { resolve: () => void; reject: (error: unknown) => void };
  readonly #presence = new Presence(() => this.#link.reconnect());
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  /** Connects anew to say something of itself that changed. */
  #renews = false;
  #paused = false;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  /** The hub has been away for so long that others have what it had leased. */
  #away = false;
  #awayTimer: ReturnType<typeof setTimeout> | undefined;
  /** Slots that the hub may be told of, and what it was told last. */
  #offered: number;
  #told = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#admission = new Admission({
      ...options,
      nowMs: Date.now,
      onRefused: (refusal) => options.onNotice({ type: "refused", ...refusal }),
    });
    this.diary = diaryOf(options, this.#admission);
    if (options.consent !== undefined) options.consent.onChange = () => this.#consentChanged();
    const { invite, limits, description, machine, shared, cache, surroundings } = options;
    const sharesSlots = shared !== undefined;
    this.#state = newWorkerState({ ...limits, slots: description.slots, sharesSlots });
    this.#pool = options.pool;
    this.#offered = description.slots;
    const { hub, sender } = this.#toHub();
    // Small machines have other uses for their memory.
    const ownBytes = machine.memoryBytes() * RECENT_BLOBS_MEMORY_SHARE;
    const blobs = new BlobExchange({
      hub,
      limits: { ...limits, recentBlobsBytesMax: Math.min(limits.recentBlobsBytesMax, ownBytes) },
      send: (message) => this.#link.send(message),
      ...(cache === undefined ? {} : { cache }),
      ...(surroundings === undefined ? {} : { surroundings }),
    });
    this.#blobs = blobs;
    this.#prefetch = new Prefetch(blobs, limits);
    this.#keeper = this.#newKeeper(blobs, sender);
    if (options.tracer !== undefined) this.#traces = new UnitTraces(options.tracer, Date.now);
    const { replicas: store } = options;
    if (store !== undefined) {
      this.#replicas = new ReplicaKeeper({
        store,
        send: (message) => this.#link.send(message),
        fetch: (cid, call) => blobs.borrow(cid, call),
      });
    }
    const context = {
      pool: this.#pool,
      realm: shared === undefined ? "" : `${shared.hub} `,
      codes: new CodeCache(blobs, CODE_BYTES_MAX),
      blobs,
      files: new WorkerFiles(blobs, (cid, bytes) => this.#storeBlock(sender, cid, bytes), limits),
      limits,
      diary: this.diary,
      newCpuMeter: machine.newCpuMeter,
      admit: (task: TaskSpec) => void this.#admission.admit(task),
      onEvent: (event: WorkerEvent) => this.#onRun(event),
      onLog: (lease: string, block: Uint8Array, dropped: number) => this.#log(lease, block, dropped),
    };
    this.#runners = Array.from({ length: description.slots }, (_, slot) => new SlotRunner(slot, context));
    this.closed = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.closed.catch(() => {});
    shared?.seats.enter(shared.hub, this);
    this.#link = new Link(
      {
        invite,
        openSocket: options.openSocket,
        ...(options.machineKey === undefined ? {} : { machineKey: options.machineKey }),
        worker: () => this.#describe(),
        leases: () => presentedLeases(this.#state),
        limits,
        outwaitsStrangers: true,
      },
      {
        onWelcome: (welcome) => this.#onWelcome(welcome),
        onMessage: (message, body) => this.#onMessage(message, body),
        onDown: (error, retryInMs) => this.#onDown(error, retryInMs),
      },
    );
    this.#link.closed.then(
      () => this.#finish(undefined),
      (error: unknown) => this.#finish(error),
    );
  }

  /** Resolves when connected for the first time. */
  start(): Promise<Welcome> {
    return this.#link.start();
  }

  /** Finishes or hands back what it has, within this time, and leaves. */
  drain(graceMs = this.#options.limits.drainGraceMs): Promise<void> {
    if (this.#grace === undefined && !this.#over) {
      this.#options.onNotice({ type: "draining" });
      const expire = () => this.#handle({ type: "DrainExpired" });
      this.#grace = setTimeout(expire, graceMs);
      this.#handle({ type: "DrainRequested" });
    }
    return this.closed;
  }

  /**
   * Its volunteer wants the machine: nothing begins, what runs stops where it stands, and goes back to the hub
   * when the pause is a long one.
   */
  pause(reason: string): void {
    this.#options.onNotice({ type: "paused", reason });
    if (this.#paused) return;
    this.#paused = true;
    const stopped = this.#pool.freeze();
    this.#handle({ type: "PauseRequested" });
    this.#tellSlots();
    const { pauseHoldMs } = this.#options.limits;
    const expire = () => this.#handle({ type: "PauseExpired" });
    this.#pauseTimer = setTimeout(expire, stopped ? pauseHoldMs : 0);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#pauseTimer);
    this.#pool.thaw();
    this.#handle({ type: "Resumed" });
    this.#tellSlots();
    this.#options.onNotice({ type: "resumed" });
  }

  /** Tells the hub what its volunteer has granted, or taken back, by connecting anew. */
  #consentChanged(): void {
    this.#renews = this.#state.linked;
    if (this.#renews) this.#link.reconnect();
  }

  #tellSlots(): void {
    if (this.#state.linked && this.#state.phase === "open") this.#beat();
  }

  /** Lends so many of the slots that it was started with. */
  lend(slots: number): void {
    this.#handle({ type: "SlotsOpened", slots });
    this.offer(slots);
  }

  /** What the hub knows this connection by, or knew the last one; empty before the first. */
  get token(): string {
    return this.#presence.token;
  }

  /** What runs at the moment. */
  get running(): readonly RunningUnit[] {
    return runningUnits(this.#state);
  }

  /** Leaves at once; the hub finds out by itself. */
  stop(): Promise<void> {
    this.#link.close();
    return this.closed;
  }

  claim(): Claim {
    const open = this.#state.linked && this.#state.phase === "open" && !this.#paused;
    const waiting = this.#away ? 0 : waitingLeases(this.#state);
    return { busy: busySlots(this.#state), waiting, open };
  }

  uses(slot: number): boolean {
    return this.#state.slots[slot]!.lease !== undefined;
  }

  grant(slot: number): void {
    this.#handle({ type: "SlotGranted", slot });
  }

  yieldSlots(): void {
    const { leaseTtlMs } = this.#options.limits;
    for (const { slot, lease } of this.#state.slots) {
      // A hub whose disk is full is away, too.
      const isAway = this.#away || this.#runners[slot]!.stalledMs > leaseTtlMs;
      if (lease !== undefined && isAway) this.#handle({ type: "SlotWithdrawn", slot });
    }
  }

  rest(slot: number): void {
    this.#runners[slot]!.rest();
  }

  offer(slots: number): void {
    this.#offered = slots;
    if (this.#state.linked && this.#state.phase === "open" && this.#told !== slots) this.#beat();
  }

  #newKeeper(blobs: BlobExchange, sender: BlockSender): CatalogueKeeper {
    const { invite, shelf = new MemoryShelf(), accountsShelf = new MemoryShelf() } = this.#options;
    return new CatalogueKeeper({
      hubKey: invite.hubKey,
      shelf,
      accountsShelf,
      send: (message, body) => this.#link.send(message, body),
      peek: (cid) => blobs.peek(cid),
      store: (cid, bytes) => sender.put(cid, bytes),
    });
  }

  /** What the hub stores, across its connections. */
  #toHub(): { readonly hub: BlobStore; readonly sender: BlockSender } {
    const { invite, limits } = this.#options;
    const { fetch } = this.#options;
    const pinned = fetch === undefined ? {} : { fetch };
    const http = { baseUrl: invite.url, token: () => this.#presence.provenToken(), limits, ...pinned };
    const client = new BlobClient(http);
    const exchange = new HubExchange(http);
    // What is read ahead travels together, and so does what is written.
    const fetcher = new BlockFetcher({ exchange, limits, single: client });
    const persist = <T>(attempt: () => Promise<T>) => this.#presence.persist(attempt);
    const hub: BlobStore = {
      get: (cid, call) => this.#presence.persist(() => fetcher.get(cid, call), call?.signal),
      put: (bytes, call) => this.#presence.persist(() => client.put(bytes, call), call?.signal),
    };
    return { hub, sender: new BlockSender({ exchange, limits, persist }) };
  }

  async #storeBlock(sender: BlockSender, cid: string, bytes: Uint8Array): Promise<void> {
    const sent = sender.put(cid, bytes);
    await Promise.all([sent, this.#blobs.keep(cid, bytes)]);
  }

  #describe(): WorkerDescription {
    const description = this.#admission.describe();
    this.#told = this.#state.phase === "open" && !this.#paused ? this.#offered : 0;
    return { ...description, slots: this.#told };
  }

  #onWelcome(welcome: Welcome): void {
    this.#presence.up(welcome.session);
    this.#blobs.onWelcome();
    this.#replicas?.onWelcome();
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => {
      this.#beat();
      this.#options.shared?.seats.settle();
    }, welcome.heartbeatIntervalMs);
    clearTimeout(this.#awayTimer);
    this.#awayTimer = undefined;
    this.#away = false;
    this.#options.onNotice({ type: "connected", hub: welcome.hub });
    this.#handle({ type: "LinkUp", adopted: welcome.adopted });
  }

  #onDown(error: MusketeersError, retryInMs: number): void {
    clearInterval(this.#heartbeat);
    this.#presence.down();
    this.#blobs.onDown();
    const { shared, limits } = this.#options;
    if (shared !== undefined) this.#awayTimer ??= setTimeout(() => this.#stayAway(), limits.leaseTtlMs);
    this.#handle({ type: "LinkDown" });
    // Nobody has to hear of a break that was meant.
    if (!this.#renews) this.#options.onNotice({ type: "disconnected", error, retryInMs });
    this.#renews = false;
  }

  #stayAway(): void {
    this.#away = true;
    this.#options.shared?.seats.settle();
  }

  #onMessage(message: HubToWorker | HubToClient, body: Uint8Array): void {
    switch (message.type) {
      case "lease":
        this.#traces?.received(message);
        this.#handle({ type: "LeaseReceived", message, body });
        this.#prefetch.begin(message, body);
        return;
      case "trim":
        this.#handle({ type: "TrimReceived", message });
        return;
      case "revoke":
        this.#prefetch.advance(message.lease, undefined);
        this.#traces?.ended(message.lease, message.reason);
        this.#handle({ type: "RevokeReceived", message });
        return;
      case "ack":
        this.#handle({ type: "AckReceived", message });
        return;
      case "drain":
        void this.drain();
        return;
      case "revocations":
        this.#admission.revoke(message.list);
        return;
      case "keep":
        this.#replicas?.keep(message.cids);
        return;
      case "ask":
        if (this.#admission.asked(message)) this.#link.send({ type: "asked", job: message.job });
        return;
      case "catalogue":
      case "accounts":
      case "recall":
      case "upload":
        this.#keeper.onMessage(message, body);
        return;
      case "located":
      case "near":
      case "forget":
        this.#blobs.onMessage(message);
        return;
      default:
      // What is meant for clients does not concern a worker.
    }
  }

  #handle(event: WorkerEvent): void {
    if (this.#over) return;
    for (const instruction of step(this.#state, event)) this.#perform(instruction);
    this.#options.shared?.seats.settle();
  }

  #perform(instruction: WorkerInstruction): void {
    switch (instruction.type) {
      case "Run":
        this.#traces?.began(instruction.lease);
        this.#runners[instruction.slot]!.run(instruction);
        return;
      case "Kill":
        this.#runners[instruction.slot]!.kill();
        return;
      case "Abandon":
        this.#runners[instruction.slot]!.abandon();
        return;
      case "SendProgress": {
        const { lease, from, done, results } = instruction;
        const { block, count, failures, elapsedMs, cpuMs } = results;
        const cpu = cpuMs === undefined ? {} : { cpuMs };
        this.#prefetch.advance(lease, done ? undefined : from + count);
        this.#traces?.progressed(lease, failures.length, done);
        const header = { type: "progress", lease, from, count, failures, elapsedMs, ...cpu, done } as const;
        this.#link.send(progressHeader(header), block);
        return;
      }
      case "SendReturn": {
        const { lease, reason, message } = instruction;
        this.#prefetch.advance(lease, undefined);
        this.#traces?.ended(lease, reason);
        this.#link.send({ type: "return", lease, reason, message });
        return;
      }
      case "SendState": {
        const { lease, position, state } = instruction;
        this.#link.send({ type: "save", lease, position }, packRecords([state]));
        return;
      }
      case "Leave":
        this.#link.send({ type: "leave" });
        this.#link.close();
    }
  }

  #onRun(event: WorkerEvent): void {
    if (event.type === "RunProgressed") {
      const { count, failures } = event.results;
      this.#options.onNotice({ type: "ran", done: count, failed: failures.length });
    }
    this.#handle(event);
  }

  #log(lease: string, block: Uint8Array, dropped: number): void {
    if (this.#link.bufferedBytes < this.#options.limits.socketBufferBytesMax) {
      this.#link.send({ type: "log", lease, dropped }, block);
    }
  }

  #beat(): void {
    this.#link.send({
      type: "heartbeat",
      memoryBytes: this.#options.machine.agentMemoryBytes() + this.#pool.memoryBytes,
      load: this.#options.machine.load(),
      slots: this.#describe().slots,
    });
  }

  /** Once, whatever ended it. */
  #finish(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#grace);
    clearTimeout(this.#awayTimer);
    clearTimeout(this.#pauseTimer);
    this.#presence.end(error);
    this.#prefetch.end();
    this.#traces?.close();
    for (const runner of this.#runners) runner.kill();
    const settle = () => (error === undefined ? this.#settle.resolve() : this.#settle.reject(error));
    const { executor, shared } = this.#options;
    shared?.seats.leave(shared.hub);
    const released = [
      this.#blobs.close(),
      this.#replicas?.close(),
      shared === undefined ? executor.close() : undefined,
    ];
    Promise.allSettled(released).then(settle, settle);
  }
}
