import type { Limits } from "../../protocol/index.ts";
import type { Holder, JobEntry } from "./job-entry.ts";
import type { Jobs } from "./jobs.ts";

export type HoldLimits = Pick<Limits, "attachedGraceMs" | "unsealedGraceMs">;

/** Who holds which job: one that nobody holds for a while is given up, unless it is detached and its inputs are all in. */
export class Holds {
  readonly #jobs: Jobs;
  readonly #limits: HoldLimits;
  readonly #abandon: (entry: JobEntry) => void;
  #closed = false;

  constructor(jobs: Jobs, limits: HoldLimits, abandon: (entry: JobEntry) => void) {
    this.#jobs = jobs;
    this.#limits = limits;
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
    const graceMs = this.#graceMs(entry);
    if (this.#closed || graceMs === undefined) return;
    clearTimeout(entry.abandonTimer);
    entry.abandonTimer = setTimeout(() => {
      // The last of its inputs may have been on their way to the disk.
      if (this.#graceMs(entry) !== undefined) this.#abandon(entry);
    }, graceMs);
  }

  /** How long a job goes on by itself; undefined for one that may do so to its end. */
  #graceMs({ state, spec, holders, taken }: JobEntry): number | undefined {
    if (state !== "running" || holders.size > 0) return undefined;
    if (spec.options.attached) return this.#limits.attachedGraceMs;
    return taken.sealed ? undefined : this.#limits.unsealedGraceMs;
  }
}
