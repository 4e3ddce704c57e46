import type { FailureKind, Ranges } from "../../protocol/index.ts";
import { eachInput, type Outcome } from "../checks/records.ts";
import type { Tally } from "../machine.ts";
import type { Persona } from "./persona.ts";

/** One answer that may become a result, with what the hub could not know of it. */
export interface Candidate {
  readonly persona: Persona;
  readonly engineClass: string;
  readonly digest: string;
  /** Where it is no value. */
  readonly failure: FailureKind | undefined;
  /** What it took of its slot. */
  readonly costMs: number;
  readonly verdict: Outcome | "wrong";
  /** Of a segment, where its outputs are. */
  readonly disk: number | undefined;
  readonly tally: Tally;
  /** The step of the scheduler that it came with. */
  readonly step: number;
}

const none: ReadonlyMap<string, Candidate> = new Map();

/** What the hub keeps in memory until it is believed: by job, input and person. */
export class Candidates {
  readonly #jobs = new Map<string, Map<number, Map<string, Candidate>>>();

  /** Everybody's answers to an input. */
  of(job: string, input: number): ReadonlyMap<string, Candidate> {
    return this.#jobs.get(job)?.get(input) ?? none;
  }

  keep(job: string, input: number, person: string, candidate: Candidate): void {
    const inputs = this.#jobs.get(job) ?? new Map<number, Map<string, Candidate>>();
    this.#jobs.set(job, inputs);
    const people = inputs.get(input) ?? new Map<string, Candidate>();
    inputs.set(input, people.set(person, candidate));
  }

  drop(job: string, ranges: Ranges): void {
    const inputs = this.#jobs.get(job);
    if (inputs !== undefined) for (const input of eachInput(ranges)) inputs.delete(input);
  }

  dropOf(job: string, input: number, person: string): void {
    const people = this.#jobs.get(job)?.get(input);
    people?.delete(person);
    if (people?.size === 0) this.#jobs.get(job)?.delete(input);
  }

  end(job: string): void {
    this.#jobs.delete(job);
  }

  clear(): void {
    this.#jobs.clear();
  }
}
