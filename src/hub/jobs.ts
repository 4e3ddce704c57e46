import { type JobSpec, type Limits, MusketeersError } from "../protocol/index.ts";
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

  get(job: string): JobEntry | undefined {
    return this.#entries.get(job);
  }

  /** @throws MusketeersError `NOT_FOUND` */
  require(job: string): JobEntry {
    const entry = this.#entries.get(job);
    if (entry === undefined) {
      throw new MusketeersError("NOT_FOUND", `There is no job ${job}`, {
        hint: "`musketeers jobs` lists what is there; ended jobs are forgotten after some days (`up --keep`).",
      });
    }
    return entry;
  }

  add(spec: JobSpec, atMs: number): JobEntry {
    const entry = new JobEntry(spec, atMs);
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
    for (const entry of this.#entries.values()) bytes += entry.storedBytes;
    return bytes;
  }

  /** Not while somebody looks at it. */
  #forget(entry: JobEntry): boolean {
    if (entry.state === "running" || entry.watches.size > 0) return false;
    return this.#entries.delete(entry.spec.job);
  }

  [Symbol.iterator](): IterableIterator<JobEntry> {
    return this.#entries.values();
  }
}
