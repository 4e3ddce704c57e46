import type { Engine } from "../engine/index.ts";
import {
  countOf,
  type JobProgressMessage,
  type Limits,
  MusketeersError,
  type PresentedLease,
  type ProgressMessage,
  type ReturnMessage,
  sliceRanges,
} from "../protocol/index.ts";
import {
  isDone,
  type LeaseDescriptor,
  mapStageId,
  type Scheduler,
  type SchedulerEffect,
  type SchedulerEvent,
  step,
} from "../scheduler/index.ts";
import type { CallHost } from "./calls.ts";
import { type Clock, SchedulerTimer } from "./clock.ts";
import { Consents } from "./consents.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { Credit } from "./credit/index.ts";
import { Custody } from "./custody.ts";
import type { Datasets } from "./datasets.ts";
import { Intake, type Untimed } from "./intake.ts";
import { JobControl } from "./job-control.ts";
import type { JobEntry, MapFailure } from "./job-entry.ts";
import { progressOf } from "./job-progress.ts";
import { JobTraces } from "./job-traces.ts";
import type { Jobs } from "./jobs.ts";
import { IndexedBlock, joinBlocks } from "./journal/block.ts";
import { Blocks } from "./journal/blocks.ts";
import { Ledger } from "./journal/ledger.ts";
import { Retention } from "./journal/retention.ts";
import type { LeaseSeal } from "./lease-seal.ts";
import { Live } from "./live/index.ts";
import { Notices } from "./notices.ts";
import { Peers } from "./peers/peers.ts";
import { ProjectBooks } from "./project-books.ts";
import { ResultWriter } from "./result-writer.ts";
import { mapFailureOf, Shuffles } from "./shuffle/index.ts";
import { TaskLogs } from "./task-logs.ts";
import { Throughput } from "./throughput.ts";
import { Referee } from "./trust/index.ts";
import type { Return } from "./worker-return.ts";
import type { OpenLease, WorkerSession } from "./worker-session.ts";

/** A block that came with an event, and the lease that it is for. */
interface Delivery {
  readonly block: IndexedBlock;
  readonly session: WorkerSession;
}

type EffectOf<T extends SchedulerEffect["type"]> = Extract<SchedulerEffect, { type: T }>;

/**
 * The shell around the scheduler: feeds it what sessions report, and performs what it decides, in order.
 * What others may rely on (acknowledgements, results) leaves only when the journal holds it.
 */
export class Coordinator {
  readonly limits: Limits;
  readonly jobs: Jobs;
  /** The catalogue of named folders. */
  readonly datasets: Datasets;
  readonly books: ProjectBooks;
  readonly custody: Custody;
  readonly blocks: Blocks;
  readonly shuffles: Shuffles;
  readonly traces: JobTraces;
  readonly ledger: Ledger;
  readonly throughput: Throughput;
  readonly callHost: CallHost;
  readonly intake: Intake;
  readonly consents = new Consents(this);
  readonly control: JobControl;
  readonly logs: TaskLogs;
  readonly live: Live;
  readonly retention: Retention;
  readonly peers: Peers;
  /** Who did how much of what was accepted. */
  readonly credit: Credit;
  /** Its part in results that are voted on. */
  readonly referee: Referee;
  readonly workers = new Map<string, WorkerSession>();
  /** Over HTTP, since the start. */
  blobBytesSent = 0;
  readonly engine: Engine;
  readonly #clock: Clock;
  readonly #seal: LeaseSeal;
  readonly #scheduler: Scheduler;
  readonly #timer: SchedulerTimer;
  readonly #onFault: (error: unknown) => void;
  readonly #notices: Notices;
  readonly #writer: ResultWriter;
  #closed = false;

  constructor(options: CoordinatorOptions) {
    this.engine = options.engine;
    this.limits = options.limits;
    this.jobs = options.jobs;
    this.datasets = options.datasets;
    this.credit = options.credit;
    this.callHost = options.callHost;
    this.#clock = options.clock;
    this.#seal = options.seal;
    this.#scheduler = options.scheduler;
    this.ledger = new Ledger(options.engine.journal, options.limits.appendBytesPendingMax, options.onFault);
    this.blocks = new Blocks(options.engine.journal, options.limits.blockCacheBytesMax);
    this.logs = new TaskLogs(options.limits);
    this.live = new Live(this);
    this.throughput = new Throughput(options.clock);
    const onSpent = (cids: readonly string[]) => this.peers.forget(cids);
    this.retention = new Retention({ ...options, ledger: this.ledger, onSpent });
    this.peers = new Peers({
      limits: options.limits,
      nowMs: () => this.#clock.nowMs(),
      send: (worker, message) => this.workers.get(worker)?.near(message),
      blobs: options.engine.blobs,
      onNear: (near) => this.#feed({ type: "WorkerHolds", ...near }),
    });
    this.custody = new Custody({ ...options, peers: this.peers });
    // What a name stood for before may be swept.
    this.datasets.onChanged = () => {
      this.retention.forgot();
      this.custody.changed();
    };
    this.traces = new JobTraces({ ...options, wallMs: () => this.wallMs() });
    this.#timer = new SchedulerTimer(options.clock, () => this.#tick());
    this.#onFault = options.onFault;
    this.#notices = new Notices(this.limits, (entry) => this.progressOf(entry));
    const { limits, jobs, blocks, ledger, engine, throughput, consents, workers } = this;
    const { live } = this;
    this.#writer = new ResultWriter({
      limits,
      jobs,
      blocks,
      ledger,
      throughput,
      live,
      notices: this.#notices,
    });
    const feed = (event: Untimed<SchedulerEvent>) => this.#feed(event);
    const { people, credit } = options;
    this.referee = new Referee({ people, jobs, credit, limits, feed, writer: this.#writer });
    this.books = new ProjectBooks({ ...options, workers, feed });
    const isHeld = (cid: string) => this.peers.tracker.holdersOf(cid).length > 0;
    const notify = (entry: JobEntry) => this.#notices.changed(entry);
    this.control = new JobControl({ limits, jobs, ledger, feed, notify });
    const { onFault } = options;
    this.shuffles = new Shuffles({ engine, limits, jobs, blocks, ledger, isHeld, feed, notify, onFault });
    const { locality } = this.peers;
    const { books } = this;
    const wallMs = () => this.wallMs();
    this.intake = new Intake({ limits, jobs, books, blocks, ledger, locality, consents, feed, wallMs });
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** Begins to act; recovered jobs whose clients do not come back are given up after a while. */
  start(): void {
    this.books.start();
    this.control.holds.start();
    this.retention.start();
    this.#feed({ type: "Tick" });
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    this.retention.close();
    this.custody.close();
    this.#notices.close();
    this.live.close();
    this.control.holds.close();
  }

  progressOf(entry: JobEntry): JobProgressMessage {
    return progressOf(this.#scheduler, entry, this.consents);
  }

  // What workers do.

  /**
   * Before a worker joins: finds out what its leases prove, and what is left of its connections of before.
   * @throws MusketeersError `TOO_MANY`
   */
  makeRoom(presented: readonly PresentedLease[], holder: string): Return {
    const proven = presented.flatMap(({ lease, from }) => {
      const opened = this.openLease(lease, holder);
      return opened?.current === true ? [{ lease, from, descriptor: opened.descriptor }] : [];
    });
    const replaced = new Set(proven.flatMap(({ descriptor }) => this.workers.get(descriptor.worker) ?? []));
    const { workersMax } = this.limits;
    if (this.workers.size - replaced.size >= workersMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${workersMax} workers already (workersMax)`);
    }
    for (const session of replaced) {
      // The scheduler hears of it when the worker joins again, so that nobody gets its leases in between.
      this.#forget(session.worker);
      session.terminate();
    }
    return { proven, replaces: [...replaced].map((session) => session.worker) };
  }

  /** Enters a worker without giving it work yet; says which of its old leases go on. */
  workerJoined(session: WorkerSession, { proven, replaces }: Return): readonly string[] {
    const { worker } = session;
    const adopted: string[] = [];
    this.workers.set(worker, session);
    const description = { ...session.description, slots: 0 };
    const effects = this.#step({ type: "WorkerJoined", worker, description, replaces, presented: proven });
    const answers = effects.filter(({ type }) => type === "AdoptLease" || type === "RefuseLease");
    for (const [at, { lease: id, from, descriptor }] of proven.entries()) {
      const answer = answers[at];
      if (answer?.type !== "AdoptLease") continue;
      const count = countOf(descriptor.ranges);
      session.open({ lease: answer.lease, id, descriptor, reported: from, count, copy: false });
      adopted.push(id);
    }
    this.#perform(effects);
    return adopted;
  }

  workerReady(session: WorkerSession): void {
    this.#feed({ type: "WorkerHeard", worker: session.worker, slots: session.description.slots });
    if (session.description.sandbox === "trusted") this.custody.keepers.joined(session);
    this.consents.workerReady(session);
  }

  workerHeard(session: WorkerSession, slots: number): void {
    this.#feed({ type: "WorkerHeard", worker: session.worker, slots });
  }

  workerGone(session: WorkerSession, reason: "left" | "dropped"): void {
    if (this.workers.get(session.worker) !== session) return;
    this.#forget(session.worker);
    this.consents.workerGone(session.worker);
    if (!this.#closed) this.#feed({ type: "WorkerLost", worker: session.worker, reason });
  }

  progressed(session: WorkerSession, lease: OpenLease, message: ProgressMessage, body: Uint8Array): void {
    const { from, count, failures, elapsedMs, done } = message;
    const block = new IndexedBlock(body, count);
    const evidence = this.referee.evidence(this.jobs.get(lease.descriptor.job), block, failures);
    const event = { worker: session.worker, lease: lease.lease, from, count, failures, elapsedMs, done };
    this.live.progressed(session, lease, message);
    session.inputsDone += count;
    session.inputsFailed += failures.length;
    this.#feed({ type: "UnitProgressed", ...event, ...evidence, bytes: body.length }, { block, session });
    this.shuffles.heed(lease.descriptor, message, block);
    this.traces.progressed(lease, failures.length);
    const isOver = !session.has(lease.lease);
    this.ledger.after(() => {
      session.ack(message.lease, from + count);
      if (isOver) this.traces.ended(lease.lease);
    });
  }

  lateResults(
    session: WorkerSession,
    descriptor: LeaseDescriptor,
    message: ProgressMessage,
    body: Uint8Array,
  ): void {
    const { from, count, failures } = message;
    const block = new IndexedBlock(body, count);
    const evidence = this.referee.evidence(this.jobs.get(descriptor.job), block, failures);
    const event = { worker: session.worker, descriptor, from, count, failures, ...evidence };
    this.#feed({ type: "LateResults", ...event }, { block, session });
    this.ledger.after(() => session.ack(message.lease, from + count));
  }

  unitReturned(session: WorkerSession, lease: OpenLease, message: ReturnMessage): void {
    session.forget(lease.lease);
    this.traces.ended(lease.lease, message.reason);
    this.#feed({ type: "UnitReturned", worker: session.worker, lease: lease.lease, reason: message.reason });
  }

  /** An operator takes a person for a newcomer. */
  forgive(person: string): void {
    this.#feed({ type: "PersonForgiven", person });
  }

  drainWorker(session: WorkerSession): void {
    this.#feed({ type: "WorkerDraining", worker: session.worker });
    session.drain();
  }

  /**
   * What a lease of a holder's stands for; undefined for what this hub never gave it. It is not current where
   * its job has been forgotten, though another one may have the same id now.
   */
  openLease(
    id: string,
    holder: string,
  ): { readonly descriptor: LeaseDescriptor; readonly current: boolean } | undefined {
    const lease = this.#seal.open(id);
    if (lease === undefined || lease.holder !== holder) return undefined;
    const { descriptor, epoch } = lease;
    return { descriptor, current: this.jobs.get(descriptor.job)?.submittedAtMs === epoch };
  }

  /** Keeps what an unfinished input saved for its next attempt. */
  stateSaved({ job, ranges }: LeaseDescriptor, position: number, body: Uint8Array): void {
    const entry = this.jobs.get(job);
    const [[input] = [-1]] = sliceRanges(ranges, position, position + 1);
    // A reducer begins anew: what it reads may be other files by then.
    if (entry?.state !== "running" || entry.map !== undefined) return;
    // One person's state is no ground for another's vote.
    if (entry.spec.options.quorum !== undefined || isDone(this.#scheduler, job, input)) return;
    const { saved } = entry;
    if (saved.size >= this.limits.savedStatesPerJobMax && saved.get(input) === undefined) return;
    this.ledger.append({ type: "saved", job, input }, body, (at, bytes) => entry.addSaved(input, at, bytes));
  }

  // How it works.

  #tick(): void {
    // While nobody is read because the journal does not keep up, nobody's silence means anything.
    if (this.ledger.pressed) for (const session of this.workers.values()) this.#hear(session);
    this.#feed({ type: "Tick" });
  }

  #hear(session: WorkerSession): void {
    this.#feed({ type: "WorkerHeard", worker: session.worker });
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
          this.traces.ended(effect.lease, effect.reason);
          this.workers.get(effect.worker)?.revoke(effect.lease, effect.reason);
          break;
        case "RecordResults":
          this.#recordResults(effect, delivery);
          break;
        case "RecordFailures":
          this.#writer.fail(effect.job, effect.ranges, effect.kind, effect.reason);
          break;
        case "RecordRetries": {
          const { job, retries } = effect;
          const record = { type: "results", job, worker: "", ranges: [], failures: [], retries } as const;
          this.ledger.append(record, undefined, () => {});
          break;
        }
        case "RecordLoss":
          this.shuffles.recordLoss(effect);
          break;
        case "RecordAdjustment":
          this.control.adjusted(effect.job, effect);
          break;
        case "RecordCarveMark":
          this.ledger.append({ type: "carve", job: effect.job, mark: effect.mark }, undefined, () => {});
          break;
        case "EndJob":
          this.#endJob(effect, mapFailureOf(effect, mapStageId(effect.job), effects, delivery?.block));
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
        default:
          this.referee.perform(effect, delivery);
      }
    }
  }

  #leaseUnit({ lease, descriptor, speculative: copy }: EffectOf<"LeaseUnit">): void {
    const session = this.workers.get(descriptor.worker);
    const entry = this.jobs.get(descriptor.job);
    if (session === undefined || entry === undefined) return;
    const count = countOf(descriptor.ranges);
    const id = this.#seal.seal({ descriptor, epoch: entry.submittedAtMs, holder: session.holder });
    const trace = this.traces.leased(entry, lease, session.name, count, copy);
    const open = { lease, id, descriptor, reported: 0, count, copy, trace };
    session.open(open);
    this.sendUnit(session, open);
  }

  /** Sends a unit's inputs, later where the worker has not taken in what was sent before. */
  sendUnit(session: WorkerSession, open: OpenLease): void {
    const { job, ranges } = open.descriptor;
    const entry = this.jobs.get(job);
    if (entry === undefined || !session.has(open.lease) || session.defers(open)) return;
    if (entry.map !== undefined) {
      this.shuffles.sendUnit(session, open, entry).catch(this.#onFault);
      return;
    }
    const inputs = this.blocks.inputs(entry, ranges);
    if (!(inputs instanceof Promise)) {
      session.sendUnit(open, entry.spec.task, inputs);
      return;
    }
    inputs
      .then(
        (bytes) => {
          if (session.has(open.lease) && !session.defers(open)) {
            session.sendUnit(open, entry.spec.task, bytes);
          }
        },
        () => {
          // Damage in the journal: the inputs must not spin meanwhile.
          if (this.jobs.get(job) !== undefined)
            this.control.cancel(job, "its inputs cannot be read from the journal");
        },
      )
      .catch(this.#onFault);
  }

  #recordResults(effect: EffectOf<"RecordResults">, delivery: Delivery | undefined): void {
    if (delivery === undefined) return;
    const { job, kept, ranges, failures, retries, accepted } = effect;
    const worker = delivery.session.description.name;
    delivery.session.earned(job, countOf(ranges) - failures.length);
    const body = joinBlocks(kept.map(([from, to]) => delivery.block.slice(from, to)));
    this.#writer.store({ type: "results", job, worker, ranges, failures, retries, accepted }, body);
  }

  #endJob(effect: EffectOf<"EndJob">, failure: MapFailure | undefined): void {
    const { job, state, reason, trust } = effect;
    this.peers.locality.ended(job);
    this.referee.ended(job);
    const entry = this.jobs.get(job);
    if (entry === undefined) return;
    const atMs = this.wallMs();
    const more = {
      ...(failure === undefined ? {} : { culprit: failure.culprit }),
      ...(trust === undefined ? {} : { trust }),
    };
    const timeline = entry.history.timelineBytes();
    this.ledger.append(
      { type: "ended", job, state, reason, atMs, timeline, ...more },
      failure?.record,
      () => {
        const leftover = this.shuffles.leftBy(entry);
        entry.end(state, reason, atMs);
        this.traces.jobEnded(entry, effect);
        entry.trust = trust;
        entry.failure = failure;
        this.jobs.ended();
        for (const watch of entry.watches) {
          watch.progress(this.progressOf(entry));
          watch.pump();
        }
        this.retention.jobEnded(leftover);
      },
    );
  }

  #dropWorker(worker: string): void {
    const session = this.workers.get(worker);
    this.#forget(worker);
    session?.terminate();
  }

  /** Everything but what the scheduler knows of a worker. */
  #forget(worker: string): void {
    const session = this.workers.get(worker);
    session?.suspend();
    this.traces.workerGone(session?.leases ?? []);
    this.workers.delete(worker);
    this.peers.leave(worker);
    this.custody.left(worker);
    this.live.segments.forget(worker);
  }
}
