import type { Engine, Position } from "../../engine/index.ts";
import { type Limits, toMusketeersError } from "../../protocol/index.ts";
import type { Scheduler } from "../../scheduler/index.ts";
import type { Clock } from "../clock.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { type SweepOptions, sweepBlobs } from "./blob-sweep.ts";
import { CheckpointWriter } from "./checkpoint.ts";
import { storePointer } from "./checkpoint-pointer.ts";
import { Compactor, firstLivePosition, worthMovingUntil } from "./compactor.ts";
import type { Ledger } from "./ledger.ts";
import { type Leftover, Leftovers } from "./leftovers.ts";

export interface RetentionOptions {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly datasets: Pick<Datasets, "list">;
  readonly scheduler: Scheduler;
  readonly ledger: Ledger;
  /** Records that may become results, which are in memory only. */
  readonly candidates?: () => Iterable<Uint8Array>;
  /** Records behind the latest checkpoint that the start had to read one by one. */
  readonly recordsRead: number;
  /** What shuffles had made for themselves that ended before the start. */
  readonly leftovers: readonly Leftover[];
  /** Nobody needs these blobs any more; they were between the stages of a shuffle. */
  readonly onSpent?: (cids: readonly string[]) => void;
}

/** A checkpoint is due when so many records came for each row that the one before held. */
const CHECKPOINT_GROWTH = 1 / 8;

/**
 * Keeps the journal, and the time to start from it, in bounds: forgets what is older than it has to be,
 * writes checkpoints, and frees the journal's beginning, with what is still needed copied to its end.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #stop = new AbortController();
  readonly #leftovers: Leftovers;
  #timer: ReturnType<typeof setInterval> | undefined;
  #running: Promise<void> | undefined;
  /** `ledger.stored` where the next checkpoint is due. */
  #checkpointAt: number;
  #checkpointBytes = 0;
  /** Jobs were forgotten since blobs were swept last, and when that was. */
  #forgotten = true;
  #sweptAtMs: number;
  /** The wall clock at the start: one that jumps later must not make anything old. */
  readonly #epochMs: number;
  /** Size of the journal at which it is looked at again, after freeing did not help enough. */
  #compactAtBytes = 0;
  #fault: string | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#leftovers = new Leftovers(options.limits);
    for (const leftover of options.leftovers) this.#leftovers.add(leftover, options.clock.nowMs());
    this.#checkpointAt = options.limits.checkpointRecordsMin - options.recordsRead;
    this.#sweptAtMs = options.clock.nowMs();
    this.#epochMs = options.clock.wallMs() - options.clock.nowMs();
  }

  /** Why the journal cannot be kept in bounds, if it cannot. */
  get fault(): string | undefined {
    return this.#fault;
  }

  start(): void {
    const { ledger, limits } = this.#options;
    ledger.onStored = () => {
      if (ledger.stored >= this.#checkpointAt) this.#wake();
    };
    this.#timer = setInterval(() => {
      this.evict();
      this.#wake();
    }, limits.retentionIntervalMs);
    this.#timer.unref();
    this.evict();
    this.#wake();
  }

  close(): void {
    this.#stop.abort();
    clearInterval(this.#timer);
    this.#options.ledger.onStored = () => {};
  }

  /** @param leftover what it had made that nobody needs any more */
  jobEnded(leftover: Leftover | undefined): void {
    if (leftover !== undefined) {
      // What is missed now, such as in a restart after a checkpoint, is swept with everything else one day.
      this.#forgotten = true;
      this.#leftovers.add(leftover, this.#options.clock.nowMs());
    }
    if (!this.#options.jobs.evict()) return;
    this.#forgotten = true;
    this.#wake();
  }

  /** Something that blobs were kept for is gone. */
  forgot(): void {
    this.#forgotten = true;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Writes a checkpoint now. For tests and for whoever knows that a start will follow. */
  async checkpoint(): Promise<void> {
    const { engine, jobs, scheduler, ledger, limits } = this.#options;
    const written = await new CheckpointWriter(jobs, scheduler, ledger).write();
    // In this order, so that the registry never names what a power cut may take.
    await engine.journal.sync();
    await storePointer(engine.registry, written);
    this.#checkpointBytes = written.bytes;
    const growth = Math.max(limits.checkpointRecordsMin, written.rows * CHECKPOINT_GROWTH);
    this.#checkpointAt = ledger.stored + growth;
    await engine.journal.dropBefore(Math.min(written.mark, firstLivePosition(jobs)));
  }

  /** Copies what is needed from the journal's beginning to its end, and drops the beginning. */
  async compact(): Promise<void> {
    const { engine, jobs, ledger } = this.#options;
    const end = await ledger.store({ type: "mark" });
    const first = Math.max(0, end - engine.journal.stats().bytes);
    const until: Position = worthMovingUntil(jobs, first, end);
    await new Compactor(jobs, engine.journal, ledger).move(until, this.#stop.signal);
    await this.checkpoint();
  }

  /** Forgets what is too much or too old. */
  evict(): void {
    const { jobs, clock, limits } = this.#options;
    const before = jobs.size;
    jobs.evict();
    jobs.evictEndedBefore(clock.nowMs() + this.#epochMs - limits.jobsKeptMs);
    if (jobs.size < before) this.#forgotten = true;
  }

  /** Deletes the blobs that nothing refers to any more. */
  async sweep(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#forgotten = false;
    this.#sweptAtMs = clock.nowMs();
    await this.#sweep(limits.blobsUnusedMs);
  }

  /** Deletes what ended shuffles made for themselves, except where others refer to the same. */
  async clearShuffles(): Promise<void> {
    const { engine, clock, limits, onSpent } = this.#options;
    const startedAtMs = clock.nowMs();
    const { journal, blobs } = engine;
    const among = await this.#leftovers.take(startedAtMs, journal, blobs, this.#stop.signal);
    const spent: string[] = [];
    await this.#sweep(limits.outputsUnusedMs, { among, onGone: (cid) => spent.push(cid) });
    onSpent?.(spent);
    const nowMs = clock.nowMs();
    this.#leftovers.rest(nowMs, nowMs - startedAtMs);
  }

  async #sweep(unusedMs: number, some: Pick<SweepOptions, "among" | "onGone"> = {}): Promise<void> {
    const { jobs, datasets, engine, clock, candidates = () => [] } = this.#options;
    const unusedSinceMs = clock.wallMs() - unusedMs;
    const { blobs, journal } = engine;
    const roots = datasets.list().map(({ cid }) => cid);
    const { signal } = this.#stop;
    const kept = { roots, candidates: candidates() };
    await sweepBlobs({ jobs, ...kept, blobs, journal, unusedSinceMs, signal, ...some });
  }

  /** Does what is due, one thing at a time. */
  #wake(): void {
    if (this.#stop.signal.aborted || this.#running !== undefined) return;
    const work = this.#due();
    if (work === undefined) return;
    this.#running = work
      .then(() => {
        this.#fault = undefined;
      })
      .catch((error: unknown) => {
        // It costs space and time, nothing else; the timer tries again.
        this.#fault = toMusketeersError(error).message;
        this.#checkpointAt = this.#options.ledger.stored + this.#options.limits.checkpointRecordsMin;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  #due(): Promise<void> | undefined {
    const { ledger, limits, jobs, engine, clock } = this.#options;
    const { bytes, fault } = engine.journal.stats();
    if (fault !== null) return undefined;
    const live = jobs.storedBytes + this.#checkpointBytes;
    if (bytes >= this.#compactAtBytes && bytes - live >= Math.max(limits.compactionBytesMin, live)) {
      this.#compactAtBytes = 0;
      return this.compact().finally(() => {
        this.#compactAtBytes = engine.journal.stats().bytes + limits.compactionBytesMin;
      });
    }
    if (ledger.stored >= this.#checkpointAt) return this.checkpoint();
    if (this.#leftovers.isDue(clock.nowMs())) return this.clearShuffles();
    const sweepDue = clock.nowMs() - this.#sweptAtMs >= limits.blobsUnusedMs;
    return sweepDue && this.#forgotten ? this.sweep() : undefined;
  }
}
