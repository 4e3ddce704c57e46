import type { Holder, JobEntry } from "./job-entry.ts";
import type { Jobs } from "./jobs.ts";

/** Who holds which attached job: one that nobody holds for a while is given up. */
export class Holds {
  readonly #jobs: Jobs;
  readonly #graceMs: number;
  readonly #abandon: (entry: JobEntry) => void;
  #closed = false;

  constructor(jobs: Jobs, graceMs: number, abandon: (entry: JobEntry) => void) {
    this.#jobs = jobs;
    this.#graceMs = graceMs;
    this.#abandon = abandon;
  }

  /** Gives the clients of recovered jobs their time to come back. */
  start(): void {
    for (const entry of this.#jobs.submissions()) this.#startTimer(entry);
  }

  /** Says whether there is anything to hold: a job that has ended needs nobody. */
  hold(entry: JobEntry, holder: Holder): boolean {
    if (entry.state !== "running") return false;
    entry.holders.add(holder);
    clearTimeout(entry.abandonTimer);
    entry.abandonTimer = undefined;
    return true;
  }

  release(job: string, holder: Holder): void {
    const entry = this.#jobs.get(job);
    if (entry?.holders.delete(holder) === true) this.#startTimer(entry);
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#jobs.submissions()) clearTimeout(entry.abandonTimer);
  }

  #startTimer(entry: JobEntry): void {
    const { state, spec, holders } = entry;
    if (this.#closed || state !== "running" || !spec.options.attached || holders.size > 0) return;
    clearTimeout(entry.abandonTimer);
    entry.abandonTimer = setTimeout(() => this.#abandon(entry), this.#graceMs);
  }
}
