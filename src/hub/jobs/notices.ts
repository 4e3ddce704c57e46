import type { JobProgressMessage, Limits } from "../../protocol/index.ts";
import type { JobEntry } from "./job-entry.ts";

/** Tells watchers how far their jobs are, a few times a second at most. */
export class Notices {
  readonly #limits: Pick<Limits, "jobNoticeIntervalMs">;
  readonly #progressOf: (entry: JobEntry) => JobProgressMessage;
  readonly #changed = new Set<JobEntry>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    limits: Pick<Limits, "jobNoticeIntervalMs">,
    progressOf: (entry: JobEntry) => JobProgressMessage,
  ) {
    this.#limits = limits;
    this.#progressOf = progressOf;
  }

  /** Something about a job, or its map stage, has changed. */
  changed({ submission }: JobEntry): void {
    if (submission.watches.size === 0 || this.#closed) return;
    this.#changed.add(submission);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const changed of this.#changed) {
        for (const watch of changed.watches) watch.progress(this.#progressOf(changed));
      }
      this.#changed.clear();
    }, this.#limits.jobNoticeIntervalMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
