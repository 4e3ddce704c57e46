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
    if (entry === undefined) throw new MusketeersError("NOT_FOUND", `There is no job ${job}`);
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

  /** Forgets the oldest ended jobs beyond `jobsEndedKept`; says whether there were any. */
  evict(): boolean {
    let excess = this.#entries.size - this.#running - this.#limits.jobsEndedKept;
    if (excess <= 0) return false;
    for (const [job, entry] of this.#entries) {
      if (excess === 0) break;
      if (entry.state === "running" || entry.watches.size > 0) continue;
      this.#entries.delete(job);
      excess--;
    }
    return true;
  }

  /** Where the oldest record stands that any kept job needs. */
  get firstPosition(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) first = Math.min(first, entry.firstPosition);
    return first;
  }

  [Symbol.iterator](): IterableIterator<JobEntry> {
    return this.#entries.values();
  }
}
