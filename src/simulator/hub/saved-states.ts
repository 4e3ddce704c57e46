import { type Ranges, sliceRanges } from "../../protocol/index.ts";
import { isDone, type JobId, type LeaseDescriptor, type Scheduler } from "../../scheduler/index.ts";
import { eachInput } from "../checks/records.ts";
import type { Stored } from "../checks/stored.ts";
import type { World } from "../world.ts";
import type { SimulatedJournal } from "./journal.ts";

export interface SavedStatesHost {
  readonly world: World;
  readonly journal: SimulatedJournal;
  readonly state: () => Scheduler;
}

/** The states that unfinished inputs saved, as far as they are stored. */
export class SavedStates {
  readonly #host: SavedStatesHost;
  readonly #jobs = new Map<JobId, Map<number, Uint8Array>>();

  constructor(host: SavedStatesHost) {
    this.#host = host;
  }

  /** A task saved its state. */
  save({ job, ranges }: LeaseDescriptor, position: number, state: Uint8Array): void {
    const { world, journal } = this.#host;
    const index = sliceRanges(ranges, position, position + 1)[0]?.[0];
    if (index === undefined || !this.#isWanted(job, index)) return;
    // What one person's attempt saved is not given to another's.
    if (world.planOf.get(job)?.spec.options.quorum !== undefined) return;
    const record = { type: "saved", job, index, state } as const;
    journal.append(record, () => this.keep(record));
  }

  #isWanted(job: JobId, index: number): boolean {
    const state = this.#host.state();
    return state.jobs.has(job) && !isDone(state, job, index);
  }

  /** It is stored. */
  keep({ job, index, state }: Extract<Stored, { type: "saved" }>): void {
    if (!this.#isWanted(job, index)) return;
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

  /** A hub that begins knows none. */
  clear(): void {
    this.#jobs.clear();
  }
}
