import type { Engine } from "../engine/index.ts";
import { countOf, type JobProgressMessage, type Limits } from "../protocol/index.ts";
import {
  type EffectOf,
  type Scheduler,
  type SchedulerEffect,
  type SchedulerEvent,
  step,
  type Untimed,
} from "../scheduler/index.ts";
import { type Clock, SchedulerTimer } from "./clock.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { Credit } from "./credit/index.ts";
import type { Datasets } from "./datasets/datasets.ts";
import { Intake } from "./jobs/intake.ts";
import { JobControl } from "./jobs/job-control.ts";
import type { JobEntry } from "./jobs/job-entry.ts";
import { progressOf } from "./jobs/job-progress.ts";
import { JobTraces } from "./jobs/job-traces.ts";
import type { Jobs } from "./jobs/jobs.ts";
import { Notices } from "./jobs/notices.ts";
import { ResultWriter } from "./jobs/result-writer.ts";
import { joinBlocks } from "./journal/block.ts";
import { Blocks } from "./journal/blocks.ts";
import { Ledger } from "./journal/ledger.ts";
import { Retention } from "./journal/retention.ts";
import { type Delivery, Leases } from "./leases/leases.ts";
import { Live } from "./live/index.ts";
import { Peers } from "./peers/peers.ts";
import { ProjectBooks } from "./projects/project-books.ts";
import { Custody } from "./recovery/custody.ts";
import { mapFailureOf, Shuffles } from "./shuffle/index.ts";
import { Referee } from "./trust/index.ts";
import type { CallHost } from "./views/call-host.ts";
import type { HubView } from "./views/hub-view.ts";
import { Throughput } from "./views/throughput.ts";
import { Consents } from "./workers/consents.ts";
import { Roster } from "./workers/roster.ts";
import { TaskLogs } from "./workers/task-logs.ts";
import type { WorkerSession } from "./workers/worker-session.ts";

/**
 * The shell around the scheduler: feeds it what sessions report, and performs what it decides, in order.
 * What others may rely on (acknowledgements, results) leaves only when the journal holds it.
 */
export class Coordinator implements HubView {
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
  readonly consents: Consents;
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
  readonly roster: Roster;
  readonly leases: Leases;
  /** Over HTTP, since the start. */
  blobBytesSent = 0;
  readonly engine: Engine;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #timer: SchedulerTimer;
  readonly #notices: Notices;
  readonly #writer: ResultWriter;
  #closed = false;

  constructor(options: CoordinatorOptions) {
    const { engine, limits, jobs, datasets, credit, clock, scheduler, onFault } = options;
    this.engine = engine;
    this.limits = limits;
    this.jobs = jobs;
    this.datasets = datasets;
    this.credit = credit;
    this.callHost = options.callHost;
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#timer = new SchedulerTimer(clock, () => this.#tick());
    const { workers } = this;
    const wallMs = () => this.wallMs();
    const feed = (event: Untimed<SchedulerEvent>, delivery?: Delivery) => this.#feed(event, delivery);
    const ledger = new Ledger(engine.journal, limits.appendBytesPendingMax, onFault);
    this.ledger = ledger;
    const blocks = new Blocks(engine.journal, limits.blockCacheBytesMax);
    this.blocks = blocks;
    this.logs = new TaskLogs(limits);
    this.throughput = new Throughput(clock);
    this.traces = new JobTraces({ ...options, wallMs });
    this.consents = new Consents({ workers, jobs, limits });
    this.live = new Live(this);
    this.peers = new Peers({
      limits,
      nowMs: () => clock.nowMs(),
      send: (worker, message) => workers.get(worker)?.near(message),
      blobs: engine.blobs,
      onNear: (near) => feed({ type: "WorkerHolds", ...near }),
    });
    const { locality, tracker } = this.peers;
    const candidates = () => this.referee.candidateRecords();
    const onSpent = (cids: readonly string[]) => this.peers.forget(cids);
    this.retention = new Retention({ ...options, ledger, candidates, onSpent });
    this.custody = new Custody({ ...options, peers: this.peers });
    options.accounts.onPerson = (person) => feed({ type: "PersonRecalled", ...person });
    // What a name stood for before may be swept.
    datasets.onChanged = (name) => {
      this.retention.forgot();
      this.custody.changed(name);
    };
    const notices = new Notices(limits, (entry) => this.progressOf(entry));
    this.#notices = notices;
    const notify = (entry: JobEntry) => notices.changed(entry);
    const { live, throughput, traces, consents } = this;
    const writer = new ResultWriter({ limits, jobs, blocks, ledger, throughput, live, notices });
    this.#writer = writer;
    this.referee = new Referee({ people: options.people, jobs, credit, limits, feed, writer });
    this.books = new ProjectBooks({ ...options, workers, feed });
    this.control = new JobControl({ limits, jobs, ledger, feed, notify });
    const isHeld = (cid: string) => tracker.holdersOf(cid).length > 0;
    this.shuffles = new Shuffles({ engine, limits, jobs, blocks, ledger, isHeld, feed, notify, onFault });
    const { books, shuffles, referee, control } = this;
    this.intake = new Intake({ limits, jobs, books, blocks, ledger, locality, consents, feed, wallMs });
    const results = { limits, scheduler, jobs, workers, blocks, ledger, shuffles, live, traces, referee };
    this.leases = new Leases({ ...results, seal: options.seal, control, feed, onFault });
    const staff = { workers, consents, traces, live, leases: this.leases, custody: this.custody };
    this.roster = new Roster({
      ...staff,
      limits,
      peers: this.peers,
      step: (event) => this.#step(event),
      perform: (effects) => this.#perform(effects),
      feed,
    });
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

  /** An operator takes a person for a newcomer. */
  forgive(person: string): void {
    this.#feed({ type: "PersonForgiven", person });
  }

  #tick(): void {
    if (this.ledger.pressed) this.roster.hearAll();
    this.#feed({ type: "Tick" });
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
          this.leases.grant(effect);
          break;
        case "TrimLease":
          this.workers.get(effect.worker)?.trim(effect.lease, effect.keep);
          break;
        case "RevokeLease":
          this.leases.revoke(effect);
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
          this.#endJob(effect);
          break;
        case "DropWorker":
          this.roster.drop(effect.worker);
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

  #recordResults(effect: EffectOf<"RecordResults">, delivery: Delivery | undefined): void {
    if (delivery === undefined) return;
    const { job, kept, ranges, failures, retries, accepted } = effect;
    const worker = delivery.session.description.name;
    delivery.session.earned(job, countOf(ranges) - failures.length);
    const body = joinBlocks(kept.map(([from, to]) => delivery.block.slice(from, to)));
    this.#writer.store({ type: "results", job, worker, ranges, failures, retries, accepted }, body);
  }

  #endJob(effect: EffectOf<"EndJob">): void {
    const { job, state, reason, trust, culprit } = effect;
    this.peers.locality.ended(job);
    this.referee.ended(job);
    const entry = this.jobs.get(job);
    if (entry === undefined) return;
    const atMs = this.wallMs();
    const failure = mapFailureOf(culprit, entry.map);
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
}
