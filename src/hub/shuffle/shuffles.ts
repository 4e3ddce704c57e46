import type { Engine } from "../../engine/index.ts";
import type { LeaseMessage, Limits, ProgressMessage, Ranges } from "../../protocol/index.ts";
import type { EffectOf, LeaseDescriptor, LeaseNo, SchedulerEvent, Untimed } from "../../scheduler/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { IndexedBlock } from "../journal/block.ts";
import type { Blocks } from "../journal/blocks.ts";
import type { Ledger } from "../journal/ledger.ts";
import type { Leftover } from "../journal/leftovers.ts";
import type { OpenLease } from "../leases/open-lease.ts";
import { Columns } from "./columns.ts";
import { complaintsIn, lostSegments } from "./losses.ts";
import { checkRows } from "./rows.ts";

/** A worker that has leased partitions. */
interface UnitTaker {
  readonly worker: string;
  has(lease: LeaseNo): boolean;
  forget(lease: LeaseNo): unknown;
  /** Whether a unit has to wait until it has taken in what was sent before. */
  defers(open: OpenLease): boolean;
  sendUnit(open: OpenLease, task: LeaseMessage["task"], inputs: Uint8Array): void;
}

export interface ShufflesHost {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly jobs: Jobs;
  readonly blocks: Blocks;
  readonly ledger: Ledger;
  /** Whether some worker keeps a block, which the hub then need not. */
  readonly isHeld: (cid: string) => boolean;
  readonly feed: (event: Untimed<SchedulerEvent>) => void;
  readonly notify: (entry: JobEntry) => void;
  readonly onFault: (error: unknown) => void;
}

/** Blobs that are remembered of a job to be looked at when it ends; the others wait for the daily sweep. */
const STORED_BLOBS_MAX = 100_000;

/** What the coordinator does for shuffles besides what it does for every job. */
export class Shuffles {
  readonly #host: ShufflesHost;
  readonly #columns: Columns;
  /** How often reducers of a job missed an output. */
  readonly #misses = new WeakMap<JobEntry, Map<string, number>>();
  /** Blobs that were stored for the partitions of a job: results, and what reduces wrote for themselves. */
  readonly #stored = new WeakMap<JobEntry, Set<string>>();

  constructor(host: ShufflesHost) {
    this.#host = host;
    const { blocks, engine, limits } = host;
    this.#columns = new Columns({ blocks, blobs: engine.blobs, limits });
  }

  /** @throws MusketeersError `PROTOCOL` for what is no result of such a unit. */
  check({ job }: LeaseDescriptor, { failures }: ProgressMessage, body: Uint8Array): void {
    checkRows(this.#host.jobs.get(job)?.spec.task.stage, failures, body);
  }

  /** Looks after what reducers say that they cannot find: what is nowhere is made anew. */
  heed({ job, ranges }: LeaseDescriptor, { from, failures }: ProgressMessage, block: IndexedBlock): void {
    const { jobs, engine, limits, isHeld, onFault } = this.#host;
    const entry = jobs.get(job);
    if (entry?.map === undefined || failures.length === 0) return;
    const misses = this.#misses.get(entry) ?? new Map<string, number>();
    this.#misses.set(entry, misses);
    const isToBeHad = (cid: string) => (misses.get(cid) ?? 0) < limits.outputMissesMax && isHeld(cid);
    const options = { columns: this.#columns, blobs: engine.blobs, isHeld: isToBeHad };
    for (const complaint of complaintsIn(ranges, from, failures, block)) {
      for (const cid of complaint.cids) misses.set(cid, (misses.get(cid) ?? 0) + 1);
      lostSegments(entry, complaint, options)
        .then((lost) => this.outputsLost(job, lost))
        .catch(onFault);
    }
  }

  /** What a job has made for itself, to be asked before it ends; undefined of one that is no shuffle. */
  leftBy(entry: JobEntry): Leftover | undefined {
    if (entry.map === undefined) return undefined;
    const cids = [...this.#columns.storedFor(entry), ...(this.#stored.get(entry) ?? [])];
    return { rows: entry.map.results.records, cids };
  }

  /**
   * A worker stores a blob that was not here. What it is for nobody says; where all that the worker has are
   * partitions of one job, it is for these.
   */
  blobComes(cid: string, leases: Iterable<Pick<OpenLease, "descriptor">>): void {
    const [first, ...others] = new Set([...leases].map(({ descriptor }) => descriptor.job));
    const entry = first === undefined || others.length > 0 ? undefined : this.#host.jobs.get(first);
    if (entry?.map === undefined) return;
    const stored = this.#stored.get(entry) ?? new Set();
    this.#stored.set(entry, stored);
    if (stored.size < STORED_BLOBS_MAX) stored.add(cid);
  }

  /** Nobody has outputs of these segments of a shuffle any more. */
  outputsLost(job: string, ranges: Ranges): void {
    if (ranges.length > 0) this.#host.feed({ type: "OutputLost", job, ranges });
  }

  recordLoss({ job, ranges }: EffectOf<"RecordLoss">): void {
    const { jobs, ledger, notify } = this.#host;
    const entry = jobs.get(job);
    if (entry === undefined) return;
    ledger.append({ type: "lost", job, ranges }, undefined, () => {
      entry.forget(ranges);
      notify(entry);
    });
  }

  /** Sends partitions as soon as the journal holds what they are made of; not at all where that was lost since. */
  async sendUnit(session: UnitTaker, open: OpenLease, entry: JobEntry): Promise<void> {
    await this.#host.ledger.settled();
    const inputs = await this.#columns.inputs(entry, open.descriptor.ranges);
    if (!session.has(open.lease) || session.defers(open)) return;
    if (inputs !== undefined) {
      session.sendUnit(open, entry.spec.task, inputs);
      return;
    }
    session.forget(open.lease);
    const { worker } = session;
    this.#host.feed({ type: "UnitReturned", worker, lease: open.lease, reason: "missing" });
  }
}
