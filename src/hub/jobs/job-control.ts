import { CLIENT_GONE, MusketeersError, type Ranges } from "../../protocol/index.ts";
import type { SchedulerEvent, Untimed } from "../../scheduler/index.ts";
import type { Ledger } from "../journal/ledger.ts";
import { type HoldLimits, Holds } from "./holds.ts";
import type { JobEntry } from "./job-entry.ts";
import type { Jobs } from "./jobs.ts";

/** What somebody sets a running job to; what is not said stays. */
export interface Adjustment {
  readonly paused?: boolean;
  readonly priority?: number;
}

export interface JobControlOptions {
  readonly limits: HoldLimits;
  readonly jobs: Jobs;
  readonly ledger: Ledger;
  readonly feed: (event: Untimed<SchedulerEvent>) => void;
  /** What is shown of a job is not what it was. */
  readonly notify: (entry: JobEntry) => void;
}

/** What people do with jobs that run: stop them, pause them, let them go on, change their priority, leave them. */
export class JobControl {
  readonly holds: Holds;
  readonly #options: JobControlOptions;

  constructor(options: JobControlOptions) {
    this.#options = options;
    const { jobs, limits } = options;
    this.holds = new Holds(jobs, limits, (entry) => this.cancel(entry.spec.job, CLIENT_GONE));
  }

  /**
   * Stops a job, or some of its inputs; one that has ended stays as it is.
   * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
   */
  cancel(job: string, reason: string, ranges?: Ranges): JobEntry {
    const { jobs, feed } = this.#options;
    const entry = jobs.require(job);
    if (entry.map !== undefined && ranges !== undefined) {
      throw new MusketeersError("BAD_ARGUMENT", "Single inputs of a shuffle cannot be cancelled", {
        hint: "Each of its results comes from all of its inputs: cancel the whole job.",
      });
    }
    if (entry.state === "running") {
      feed({ type: "JobCancelled", job, reason, ...(ranges === undefined ? {} : { ranges }) });
    }
    return entry;
  }

  /** Sets a job to something else; one that has ended stays as it is. @throws MusketeersError `NOT_FOUND` */
  adjust(job: string, change: Adjustment): JobEntry {
    const entry = this.#options.jobs.require(job);
    if (entry.state === "running") this.#options.feed({ type: "JobAdjusted", job, ...change });
    return entry;
  }

  /** The scheduler has taken it: stores it, and shows it when it would survive. */
  adjusted(job: string, set: Required<Adjustment>): void {
    const { jobs, ledger, notify } = this.#options;
    const { paused, priority } = set;
    ledger.append({ type: "adjusted", job, paused, priority }, undefined, () => {
      const entry = jobs.get(job);
      if (entry === undefined) return;
      entry.adjust(paused, priority);
      notify(entry);
    });
  }
}
