import type { Ranges } from "../protocol/index.ts";
import type { JobId } from "../scheduler/index.ts";
import { eachInput } from "./records.ts";

/** The states that unfinished inputs saved, as far as they are stored. */
export class SavedStates {
  readonly #jobs = new Map<JobId, Map<number, Uint8Array>>();

  keep(job: JobId, index: number, state: Uint8Array): void {
    const states = this.#jobs.get(job) ?? new Map<number, Uint8Array>();
    this.#jobs.set(job, states.set(index, state));
  }

  get(job: JobId, index: number): Uint8Array | undefined {
    return this.#jobs.get(job)?.get(index);
  }

  /** Inputs with a result need theirs no more. */
  drop(job: JobId, ranges: Ranges): void {
    const states = this.#jobs.get(job);
    if (states !== undefined) for (const index of eachInput(ranges)) states.delete(index);
  }

  forget(job: JobId): void {
    this.#jobs.delete(job);
  }
}
