import {
  countOf,
  type Limits,
  type ProgressMessage,
  type ReturnMessage,
  sliceRanges,
} from "../../protocol/index.ts";
import {
  type EffectOf,
  isDone,
  type LeaseDescriptor,
  type Scheduler,
  type SchedulerEvent,
  type Untimed,
} from "../../scheduler/index.ts";
import type { JobControl } from "../jobs/job-control.ts";
import type { JobTraces } from "../jobs/job-traces.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { IndexedBlock } from "../journal/block.ts";
import type { Blocks } from "../journal/blocks.ts";
import type { Ledger } from "../journal/ledger.ts";
import type { Live } from "../live/index.ts";
import type { Shuffles } from "../shuffle/index.ts";
import type { Referee } from "../trust/index.ts";
import type { WorkerSession } from "../workers/worker-session.ts";
import type { LeaseSeal } from "./lease-seal.ts";
import type { OpenLease } from "./open-lease.ts";

/** A block that came with an event, and the worker that it came from. */
export interface Delivery {
  readonly block: IndexedBlock;
  readonly session: WorkerSession;
}

/** What a lease id stands for. */
export interface KnownLease {
  readonly descriptor: LeaseDescriptor;
  /** Its job is still the one that it was given for. */
  readonly current: boolean;
}

export interface LeasesHost {
  readonly limits: Pick<Limits, "savedStatesPerJobMax">;
  readonly seal: LeaseSeal;
  readonly scheduler: Scheduler;
  readonly jobs: Pick<Jobs, "get">;
  readonly workers: ReadonlyMap<string, WorkerSession>;
  readonly blocks: Pick<Blocks, "inputs">;
  readonly ledger: Pick<Ledger, "append" | "after">;
  readonly shuffles: Pick<Shuffles, "heed" | "sendUnit">;
  readonly live: Pick<Live, "progressed">;
  readonly traces: Pick<JobTraces, "leased" | "progressed" | "ended">;
  readonly referee: Pick<Referee, "evidence">;
  readonly control: Pick<JobControl, "cancel">;
  feed(event: Untimed<SchedulerEvent>, delivery?: Delivery): void;
  onFault(error: unknown): void;
}

/** Leases on their way: units to workers, and what workers say of them to the scheduler. */
export class Leases {
  readonly #host: LeasesHost;

  constructor(host: LeasesHost) {
    this.#host = host;
  }

  /**
   * What a lease of a holder's stands for; undefined for what this hub never gave it. It is not current where
   * its job has been forgotten, though another one may have the same id now.
   */
  open(id: string, holder: string): KnownLease | undefined {
    const lease = this.#host.seal.open(id);
    if (lease === undefined || lease.holder !== holder) return undefined;
    const { descriptor, epoch } = lease;
    return { descriptor, current: this.#host.jobs.get(descriptor.job)?.submittedAtMs === epoch };
  }

  /** The scheduler has given a unit to a worker. */
  grant({ lease, descriptor, speculative: copy }: EffectOf<"LeaseUnit">): void {
    const { workers, jobs, seal, traces } = this.#host;
    const session = workers.get(descriptor.worker);
    const entry = jobs.get(descriptor.job);
    if (session === undefined || entry === undefined) return;
    const count = countOf(descriptor.ranges);
    const id = seal.seal({ descriptor, epoch: entry.submittedAtMs, holder: session.holder });
    const trace = traces.leased(entry, lease, session.name, count, copy);
    const open = { lease, id, descriptor, reported: 0, count, copy, trace };
    session.open(open);
    this.send(session, open);
  }

  /** Sends a unit's inputs, later where the worker has not taken in what was sent before. */
  send(session: WorkerSession, open: OpenLease): void {
    const { jobs, shuffles, blocks, control, onFault } = this.#host;
    const { job, ranges } = open.descriptor;
    const entry = jobs.get(job);
    if (entry === undefined || !session.has(open.lease) || session.defers(open)) return;
    if (entry.map !== undefined) {
      shuffles.sendUnit(session, open, entry).catch(onFault);
      return;
    }
    const inputs = blocks.inputs(entry, ranges);
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
          if (jobs.get(job) !== undefined) control.cancel(job, "its inputs cannot be read from the journal");
        },
      )
      .catch(onFault);
  }

  /** Results of a unit came; they are acknowledged when the journal holds them. */
  progressed(session: WorkerSession, lease: OpenLease, message: ProgressMessage, body: Uint8Array): void {
    const { referee, jobs, live, shuffles, traces, ledger, feed } = this.#host;
    const { from, count, failures, elapsedMs, done } = message;
    const block = new IndexedBlock(body, count);
    const evidence = referee.evidence(jobs.get(lease.descriptor.job), block, failures);
    const event = { worker: session.worker, lease: lease.lease, from, count, failures, elapsedMs, done };
    live.progressed(session, lease, message);
    session.inputsDone += count;
    session.inputsFailed += failures.length;
    feed({ type: "UnitProgressed", ...event, ...evidence, bytes: body.length }, { block, session });
    shuffles.heed(lease.descriptor, message, block);
    traces.progressed(lease, failures.length);
    const isOver = !session.has(lease.lease);
    ledger.after(() => {
      session.ack(message.lease, from + count);
      if (isOver) traces.ended(lease.lease);
    });
  }

  /** Results of a unit that the worker has not got any more. */
  cameLate(
    session: WorkerSession,
    descriptor: LeaseDescriptor,
    message: ProgressMessage,
    body: Uint8Array,
  ): void {
    const { referee, jobs, ledger, feed } = this.#host;
    const { from, count, failures } = message;
    const block = new IndexedBlock(body, count);
    const evidence = referee.evidence(jobs.get(descriptor.job), block, failures);
    const event = { worker: session.worker, descriptor, from, count, failures, ...evidence };
    feed({ type: "LateResults", ...event }, { block, session });
    ledger.after(() => session.ack(message.lease, from + count));
  }

  returned(session: WorkerSession, { lease }: OpenLease, { reason }: ReturnMessage): void {
    session.forget(lease);
    this.#host.traces.ended(lease, reason);
    this.#host.feed({ type: "UnitReturned", worker: session.worker, lease, reason });
  }

  /** The scheduler takes a lease back. */
  revoke({ worker, lease, reason }: EffectOf<"RevokeLease">): void {
    this.#host.traces.ended(lease, reason);
    this.#host.workers.get(worker)?.revoke(lease, reason);
  }

  /** Keeps what an unfinished input saved for its next attempt. */
  stateSaved({ job, ranges }: LeaseDescriptor, position: number, body: Uint8Array): void {
    const { jobs, scheduler, limits, ledger } = this.#host;
    const entry = jobs.get(job);
    const [[input] = [-1]] = sliceRanges(ranges, position, position + 1);
    // A reducer begins anew: what it reads may be other files by then.
    if (entry?.state !== "running" || entry.map !== undefined) return;
    // One person's state is no ground for another's vote.
    if (entry.spec.options.quorum !== undefined || isDone(scheduler, job, input)) return;
    const { saved } = entry;
    if (saved.size >= limits.savedStatesPerJobMax && saved.get(input) === undefined) return;
    ledger.append({ type: "saved", job, input }, body, (at, bytes) => entry.addSaved(input, at, bytes));
  }
}
