import { type JobSpec, type Limits, MusketeersError, projectOf } from "../../protocol/index.ts";
import { isStageId, stagesOf, submissionOf } from "../../scheduler/index.ts";
import { JobEntry } from "./job-entry.ts";

/** Every job that the hub knows, in order of submission: the running ones and the latest ended ones. */
export class Jobs {
  readonly #limits: Limits;
  readonly #entries = new Map<string, JobEntry>();
  #running = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A submission, or the map stage of a shuffle by its own id. */
  get(job: string): JobEntry | undefined {
    if (!isStageId(job)) return this.#entries.get(job);
    return this.#entries.get(submissionOf(job))?.map;
  }

  /**
   * A submission.
   * @param project only where it is of this project; of others nobody is told that they are there
   * @throws MusketeersError `NOT_FOUND`
   */
  require(job: string, project?: string): JobEntry {
    const entry = this.#entries.get(job);
    if (entry === undefined || (project !== undefined && projectOf(entry.spec) !== project)) {
      throw new MusketeersError("NOT_FOUND", `There is no job ${job}`, {
        hint: "`musketeers jobs` lists what is there; ended jobs are forgotten after some days (`up --keep`).",
      });
    }
    return entry;
  }

  add(spec: JobSpec, atMs: number): JobEntry {
    const { job, map } = stagesOf(spec);
    const entry = new JobEntry(job, atMs);
    if (map !== undefined) {
      entry.map = new JobEntry(map, atMs, entry);
      entry.size = job.shuffle?.partitions ?? 0;
      entry.storedSize = entry.size;
      entry.sealed = true;
      entry.storedSealed = true;
    }
    this.#entries.set(spec.job, entry);
    this.#running++;
    return entry;
  }

  ended(): void {
    this.#running--;
  }

  /** Forgets ended jobs: the oldest beyond `jobsEndedKept`; says whether there were any. */
  evict(): boolean {
    let excess = this.#entries.size - this.#running - this.#limits.jobsEndedKept;
    if (excess <= 0) return false;
    for (const entry of this.#entries.values()) {
      if (excess === 0) break;
      if (this.#forget(entry)) excess--;
    }
    return true;
  }

  /** Forgets jobs that ended before a time. */
  evictEndedBefore(atMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.endedAtMs !== null && entry.endedAtMs < atMs) this.#forget(entry);
    }
  }

  /** What the journal holds of all of them, in bytes. */
  get storedBytes(): number {
    let bytes = 0;
    for (const entry of this) bytes += entry.storedBytes;
    return bytes;
  }

  /** Not while somebody looks at it. */
  #forget(entry: JobEntry): boolean {
    if (entry.state === "running" || entry.watches.size > 0) return false;
    return this.#entries.delete(entry.spec.job);
  }

  /** In the order of their submission. */
  submissions(): IterableIterator<JobEntry> {
    return this.#entries.values();
  }

  /** All that has records in the journal: each submission, and behind it its map stage where it has one. */
  *[Symbol.iterator](): Generator<JobEntry, void, undefined> {
    for (const entry of this.#entries.values()) {
      yield entry;
      if (entry.map !== undefined) yield entry.map;
    }
  }
}
