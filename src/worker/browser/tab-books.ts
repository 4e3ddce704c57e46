import type { DiaryEntry } from "../diary/entry.ts";
import type { TabState, TabTask } from "./state.ts";

/** Tasks that are told apart; the one that ran longest ago is forgotten first. */
const TASKS_MAX = 200;

/** What a tab has done since it began. */
export class TabBooks {
  readonly #tasks = new Map<string, TabTask>();
  #inputs = 0;
  #failed = 0;
  #units = 0;
  #seconds = 0;

  /** Inputs that have results; `failed` are among `done`. */
  ran(done: number, failed: number): void {
    this.#inputs += done;
    this.#failed += failed;
  }

  /** What was written down of the last interval. */
  add(entries: readonly DiaryEntry[]): void {
    for (const { task, submitter, bundle, units, inputs, failed, cpuMs } of entries) {
      const key = JSON.stringify([submitter, bundle, task]);
      const before = this.#tasks.get(key);
      const seconds = cpuMs / 1000;
      this.#units += units;
      this.#seconds += seconds;
      this.#tasks.delete(key);
      this.#tasks.set(key, {
        task,
        submitter,
        units: (before?.units ?? 0) + units,
        inputs: (before?.inputs ?? 0) + inputs,
        failed: (before?.failed ?? 0) + failed,
        seconds: (before?.seconds ?? 0) + seconds,
      });
    }
    for (const oldest of this.#tasks.keys()) {
      if (this.#tasks.size <= TASKS_MAX) break;
      this.#tasks.delete(oldest);
    }
  }

  sums(): Pick<TabState, "done" | "jobs"> {
    const done = { inputs: this.#inputs, failed: this.#failed, units: this.#units, seconds: this.#seconds };
    return { done, jobs: [...this.#tasks.values()].reverse() };
  }
}
