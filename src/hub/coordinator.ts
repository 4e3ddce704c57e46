import type { Engine } from "../engine/index.ts";
import {
  type InputsMessage,
  type JobProgressMessage,
  type JobSpec,
  type Limits,
  MusketeersError,
  type PresentedLease,
  type ProgressMessage,
  type Ranges,
  type ReturnMessage,
  type SubmitMessage,
  sliceRecords,
} from "../protocol/index.ts";
import {
  jobView,
  type LeaseDescriptor,
  type Scheduler,
  type SchedulerEffect,
  type SchedulerEvent,
  step,
} from "../scheduler/index.ts";
import { IndexedBlock, joinBlocks } from "./block.ts";
import { Blocks, type StoredResults } from "./blocks.ts";
import type { CallHost } from "./calls.ts";
import type { ClientSession } from "./client-session.ts";
import { type Clock, SchedulerTimer } from "./clock.ts";
import { hubFailures } from "./hub-failure.ts";
import type { JobEntry } from "./job-entry.ts";
import type { Jobs } from "./jobs.ts";
import type { LeaseSeal } from "./lease-seal.ts";
import { Ledger } from "./ledger.ts";
import { Throughput } from "./throughput.ts";
import type { OpenLease, WorkerSession } from "./worker-session.ts";

/** Recently used inputs and results that stay in memory. */
const CACHE_BYTES_MAX = 48 * 1024 * 1024;

/** A block that came with an event, and the lease that it is for. */
interface Delivery {
  readonly body: Uint8Array;
  readonly session: WorkerSession;
}

type EffectOf<T extends SchedulerEffect["type"]> = Extract<SchedulerEffect, { type: T }>;
/** An event without its time. */
type Untimed<E> = E extends SchedulerEvent ? Omit<E, "nowMs"> : never;

export interface CoordinatorOptions {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly seal: LeaseSeal;
  readonly scheduler: Scheduler;
  readonly jobs: Jobs;
  readonly callHost: CallHost;
  /** Something that must not happen did; the hub stops rather than go on wrongly. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The shell around the scheduler: feeds it what sessions report, and performs what it decides, in order.
 * What others may rely on (acknowledgements, results) leaves only when the journal holds it.
 */
export class Coordinator {
  readonly limits: Limits;
  readonly jobs: Jobs;
  readonly blocks: Blocks;
  readonly ledger: Ledger;
  readonly throughput: Throughput;
  readonly callHost: CallHost;
  readonly workers = new Map<string, WorkerSession>();
  readonly clients = new Set<ClientSession>();
  readonly engine: Engine;
  readonly #clock: Clock;
  readonly #seal: LeaseSeal;
  readonly #scheduler: Scheduler;
  readonly #timer: SchedulerTimer;
  readonly #changed = new Set<JobEntry>();
  #notifyTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: CoordinatorOptions) {
    this.engine = options.engine;
    this.limits = options.limits;
    this.jobs = options.jobs;
    this.callHost = options.callHost;
    this.#clock = options.clock;
    this.#seal = options.seal;
    this.#scheduler = options.scheduler;
    this.ledger = new Ledger(options.engine.journal, options.onFault);
    this.blocks = new Blocks(options.engine.journal, CACHE_BYTES_MAX);
    this.throughput = new Throughput(options.clock);
    this.#timer = new SchedulerTimer(options.clock, () => this.#feed({ type: "Tick" }));
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** Begins to act; recovered jobs whose clients do not come back are given up after a while. */
  start(): void {
    for (const entry of this.jobs) {
      if (entry.state === "running" && entry.spec.options.attached) this.#startAbandonTimer(entry);
    }
    this.#feed({ type: "Tick" });
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    clearTimeout(this.#notifyTimer);
    for (const entry of this.jobs) clearTimeout(entry.abandonTimer);
  }

  // What clients do.

  /** A submission; the same id again is the same job. */
  submit(client: ClientSession, message: SubmitMessage, body: Uint8Array): void {
    const { spec, count, sealed } = message;
    let entry = this.jobs.get(spec.job);
    if (entry === undefined) {
      entry = this.#addJob(spec);
      this.hold(entry, client);
      if (count > 0 || sealed) this.#append(client, entry, body, count, sealed);
    } else {
      if (entry.spec.task.bundle !== spec.task.bundle || entry.spec.task.entry !== spec.task.entry) {
        throw new MusketeersError("JOB_EXISTS", `Job ${spec.job} exists with another task`);
      }
      this.hold(entry, client);
    }
    const accepted = entry;
    this.ledger.after(() => {
      const { storedSize: size, sealed: isSealed } = accepted;
      client.send({ type: "accepted", job: spec.job, size, sealed: isSealed });
    });
  }

  inputs(client: ClientSession, message: InputsMessage, body: Uint8Array): void {
    const entry = this.jobs.require(message.job);
    if (message.from > entry.size) {
      throw new MusketeersError("PROTOCOL", `Inputs from ${message.from} of a job of ${entry.size}`);
    }
    // A client that came back sends again what it could not know to be stored.
    const known = entry.size - message.from;
    const nothingNew = known >= message.count && (entry.sealed || !message.sealed);
    if (nothingNew || entry.state !== "running") {
      this.#stored(client, entry);
      return;
    }
    if (entry.sealed) throw new MusketeersError("PROTOCOL", `Job ${message.job} is sealed`);
    const fresh = Math.max(0, message.count - known);
    const records = known > 0 && fresh > 0 ? sliceRecords(body, known, message.count) : body;
    this.#append(client, entry, records, fresh, message.sealed);
  }

  cancel(job: string, reason: string, ranges?: Ranges): JobEntry {
    const entry = this.jobs.require(job);
    if (entry.state === "running") {
      this.#feed({ type: "JobCancelled", job, reason, ...(ranges === undefined ? {} : { ranges }) });
    }
    return entry;
  }

  hold(entry: JobEntry, client: object): void {
    entry.holders.add(client);
    clearTimeout(entry.abandonTimer);
    entry.abandonTimer = undefined;
  }

  release(job: string, client: object): void {
    const entry = this.jobs.get(job);
    if (entry === undefined) return;
    entry.holders.delete(client);
    if (this.#closed || entry.holders.size > 0 || entry.state !== "running") return;
    if (entry.spec.options.attached) this.#startAbandonTimer(entry);
  }

  progressOf(entry: JobEntry): JobProgressMessage {
    const { job } = entry.spec;
    const view = jobView(this.#scheduler, job);
    const { size, sealed, done, failed, state } = entry;
    const running = view?.running ?? 0;
    return { type: "job", job, size, sealed, done, failed, running, state, waiting: view?.waiting ?? "" };
  }

  // What workers do.

  /** A name that no connected worker has: the wished one, or with a number behind it. */
  uniqueWorkerName(wished: string): string {
    const taken = new Set([...this.workers.values()].map((session) => session.description.name));
    let name = wished;
    for (let number = 2; taken.has(name); number++) name = `${wished}-${number}`;
    return name;
  }

  /** Enters a worker without giving it work yet; says which of its old leases go on. */
  workerJoined(session: WorkerSession, presented: readonly PresentedLease[]): readonly string[] {
    if (this.workers.size >= this.limits.workersMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${this.workers.size} workers already (workersMax)`);
    }
    const { worker, description } = session;
    const adopted: string[] = [];
    const proven = presented.flatMap(({ lease, from }) => {
      const descriptor = this.#seal.open(lease);
      return descriptor === undefined ? [] : [{ lease, from, descriptor }];
    });
    // Whoever can show the lease is the worker that we still believe to be connected elsewhere.
    for (const { descriptor } of proven) {
      const before = this.workers.get(descriptor.worker);
      if (before === undefined) continue;
      this.workerGone(before, "left");
      before.terminate();
    }
    this.workers.set(worker, session);
    this.#feed({ type: "WorkerJoined", worker, description: { ...description, slots: 0 } });
    for (const { lease, from, descriptor } of proven) {
      const effects = this.#step({ type: "LeasePresented", worker, descriptor, from });
      const adopt = effects.find((effect) => effect.type === "AdoptLease");
      if (adopt !== undefined) {
        const count = descriptor.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
        session.open({ lease: adopt.lease, id: lease, descriptor, reported: from, count });
        adopted.push(lease);
      }
      this.#perform(effects);
    }
    return adopted;
  }

  workerReady(session: WorkerSession): void {
    this.#feed({ type: "WorkerHeard", worker: session.worker, slots: session.description.slots });
  }

  workerHeard(session: WorkerSession, slots: number): void {
    this.#feed({ type: "WorkerHeard", worker: session.worker, slots });
  }

  workerGone(session: WorkerSession, reason: "left" | "dropped"): void {
    if (this.workers.get(session.worker) !== session) return;
    this.workers.delete(session.worker);
    if (!this.#closed) this.#feed({ type: "WorkerLost", worker: session.worker, reason });
  }

  progressed(session: WorkerSession, lease: OpenLease, message: ProgressMessage, body: Uint8Array): void {
    const { from, count, failures, elapsedMs, done } = message;
    const block = new IndexedBlock(body, count);
    const event = { worker: session.worker, lease: lease.lease, from, count, failures, elapsedMs, done };
    session.inputsDone += count;
    session.inputsFailed += failures.length;
    this.#feed({ type: "UnitProgressed", ...event, bytes: block.bytes.length }, { body, session });
    this.ledger.after(() => session.ack(message.lease, from + count));
  }

  lateResults(
    session: WorkerSession,
    descriptor: LeaseDescriptor,
    message: ProgressMessage,
    body: Uint8Array,
  ): void {
    const { from, count, failures } = message;
    new IndexedBlock(body, count);
    const event = { worker: session.worker, descriptor, from, count, failures };
    this.#feed({ type: "LateResults", ...event }, { body, session });
    this.ledger.after(() => session.ack(message.lease, from + count));
  }

  unitReturned(session: WorkerSession, lease: OpenLease, message: ReturnMessage): void {
    session.forget(lease.lease);
    this.#feed({ type: "UnitReturned", worker: session.worker, lease: lease.lease, reason: message.reason });
  }

  drainWorker(session: WorkerSession): void {
    this.#feed({ type: "WorkerDraining", worker: session.worker });
    session.drain();
  }

  openLease(id: string): LeaseDescriptor | undefined {
    return this.#seal.open(id);
  }

  /** Keeps and passes on what a task printed. */
  taskLogged(session: WorkerSession, job: string, dropped: number, lines: Uint8Array): void {
    const entry = this.jobs.get(job);
    if (entry === undefined) return;
    const { name } = session.description;
    entry.addLog(name, dropped, lines, this.limits.logLinesPerJobMax);
    for (const watch of entry.watches) watch.log({ type: "joblog", job, worker: name, dropped }, lines);
  }

  // How it works.

  /** @throws MusketeersError `TOO_MANY` */
  #addJob(spec: JobSpec): JobEntry {
    const { running } = this.jobs;
    if (running >= this.limits.jobsActiveMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${running} jobs already (jobsActiveMax)`);
    }
    const entry = this.jobs.add(spec, this.wallMs());
    this.ledger.append({ type: "submitted", spec, atMs: entry.submittedAtMs }, undefined, (position) => {
      entry.firstPosition = position;
    });
    this.#feed({ type: "JobSubmitted", spec });
    return entry;
  }

  /** Leases may begin before the block is stored: a result cannot be stored before its input is. */
  #append(client: ClientSession, entry: JobEntry, body: Uint8Array, count: number, sealed: boolean): void {
    const { job } = entry.spec;
    const block = new IndexedBlock(body, count);
    const from = entry.size;
    if (from + count > this.limits.jobInputsMax) {
      throw new MusketeersError(
        "LIMIT_EXCEEDED",
        `Job ${job} has more than ${this.limits.jobInputsMax} inputs`,
      );
    }
    entry.size += count;
    if (count > 0) {
      const row = entry.inputBlocks.rows;
      entry.inputBlocks.push(from, count, -1);
      entry.unstored.set(from, block);
      client.addUnstored(body.length);
      this.ledger.append({ type: "inputs", job, from, count }, body, (position) => {
        entry.inputBlocks.set(row, 2, position);
        entry.unstored.delete(from);
        entry.storedSize = from + count;
        this.blocks.keepInputs(position, block);
        client.addUnstored(-body.length);
      });
    }
    if (sealed) {
      entry.sealed = true;
      this.ledger.append({ type: "sealed", job }, undefined, () => {});
    }
    if (count > 0) this.#feed({ type: "InputsAppended", job, count, bytes: body.length });
    if (sealed) this.#feed({ type: "InputsSealed", job });
    this.#stored(client, entry);
  }

  #stored(client: ClientSession, entry: JobEntry): void {
    const { job } = entry.spec;
    this.ledger.after(() => {
      const receipt = { type: "stored", job, size: entry.storedSize };
      // Whoever has sealed a job may be waiting to leave.
      if (entry.sealed) client.send(receipt);
      else client.sendReceipt(receipt);
    });
  }

  #startAbandonTimer(entry: JobEntry): void {
    entry.abandonTimer = setTimeout(() => {
      if (entry.holders.size === 0) this.cancel(entry.spec.job, "its client is gone");
    }, this.limits.attachedGraceMs);
  }

  #feed(event: Untimed<SchedulerEvent>, delivery?: Delivery): void {
    if (this.#closed) return;
    this.#perform(this.#step(event), delivery);
  }

  #step(event: Untimed<SchedulerEvent>): SchedulerEffect[] {
    return step(this.#scheduler, { ...event, nowMs: this.#clock.nowMs() } as SchedulerEvent);
  }

  #perform(effects: readonly SchedulerEffect[], delivery?: Delivery): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "LeaseUnit":
          this.#leaseUnit(effect);
          break;
        case "TrimLease":
          this.workers.get(effect.worker)?.trim(effect.lease, effect.keep);
          break;
        case "RevokeLease":
          this.workers.get(effect.worker)?.revoke(effect.lease, effect.reason);
          break;
        case "RecordResults":
          this.#recordResults(effect, delivery);
          break;
        case "RecordFailures":
          this.#recordFailures(effect);
          break;
        case "RecordRetries": {
          const { job, retries } = effect;
          const record = { type: "results", job, worker: "", ranges: [], failures: [], retries } as const;
          this.ledger.append(record, undefined, () => {});
          break;
        }
        case "RecordCarveMark":
          this.ledger.append({ type: "carve", job: effect.job, mark: effect.mark }, undefined, () => {});
          break;
        case "EndJob":
          this.#endJob(effect);
          break;
        case "DropWorker":
          this.#dropWorker(effect.worker);
          break;
        case "WakeAt":
          this.#timer.set(effect.atMs);
          break;
        case "AdoptLease":
        case "RefuseLease":
          // The welcome says so.
          break;
      }
    }
  }

  #leaseUnit({ lease, descriptor }: EffectOf<"LeaseUnit">): void {
    const session = this.workers.get(descriptor.worker);
    const entry = this.jobs.get(descriptor.job);
    if (session === undefined || entry === undefined) return;
    const count = descriptor.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
    const open = { lease, id: this.#seal.seal(descriptor), descriptor, reported: 0, count };
    session.open(open);
    const inputs = this.blocks.inputs(entry, descriptor.ranges);
    if (!(inputs instanceof Promise)) {
      session.sendUnit(open, entry.spec.task, inputs);
      return;
    }
    inputs.then(
      (bytes) => {
        if (session.has(lease)) session.sendUnit(open, entry.spec.task, bytes);
      },
      () => {
        // Damage in the journal: the operator sees it in `status`; the inputs must not spin meanwhile.
        this.cancel(descriptor.job, "its inputs cannot be read from the journal");
      },
    );
  }

  #recordResults(effect: EffectOf<"RecordResults">, delivery: Delivery | undefined): void {
    if (delivery === undefined) return;
    const { job, kept, ranges, failures, retries } = effect;
    const worker = delivery.session.description.name;
    const body = joinBlocks(kept.map(([from, to]) => sliceRecords(delivery.body, from, to)));
    this.#store({ type: "results", job, worker, ranges, failures, retries }, body);
  }

  #recordFailures({ job, ranges, kind, reason }: EffectOf<"RecordFailures">): void {
    const { failures, body } = hubFailures(ranges, kind, reason);
    this.#store({ type: "results", job, worker: "", ranges, failures, retries: [] }, body);
  }

  #store(record: StoredResults, body: Uint8Array): void {
    const entry = this.jobs.get(record.job);
    if (entry === undefined) return;
    this.ledger.append(record, body, (position) => {
      if (record.ranges.length === 0) return;
      const { worker, ranges, failures } = record;
      const before = entry.done;
      entry.addResults(position, worker, ranges, failures, this.limits.errorGroupsPerJobMax);
      this.throughput.add(entry.done - before);
      this.blocks.keepResults(position, record, body);
      for (const watch of entry.watches) watch.pump();
      this.#notify(entry);
    });
  }

  #endJob({ job, state, reason }: EffectOf<"EndJob">): void {
    const entry = this.jobs.get(job);
    if (entry === undefined) return;
    const atMs = this.wallMs();
    this.ledger.append({ type: "ended", job, state, reason, atMs }, undefined, () => {
      entry.end(state, reason, atMs);
      this.jobs.ended();
      for (const watch of entry.watches) {
        watch.progress(this.progressOf(entry));
        watch.pump();
      }
      if (this.jobs.evict()) {
        // Failing to forget costs space, not correctness; the next end tries again.
        const first = this.jobs.firstPosition;
        if (Number.isFinite(first)) this.engine.journal.dropBefore(first).catch(() => {});
      }
    });
  }

  #dropWorker(worker: string): void {
    const session = this.workers.get(worker);
    this.workers.delete(worker);
    session?.terminate();
  }

  /** Tells watchers how far a job is, a few times a second at most. */
  #notify(entry: JobEntry): void {
    if (entry.watches.size === 0) return;
    this.#changed.add(entry);
    this.#notifyTimer ??= setTimeout(() => {
      this.#notifyTimer = undefined;
      for (const changed of this.#changed) {
        for (const watch of changed.watches) watch.progress(this.progressOf(changed));
      }
      this.#changed.clear();
    }, NOTIFY_INTERVAL_MS);
  }
}

const NOTIFY_INTERVAL_MS = 200;
