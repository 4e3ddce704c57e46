import { type Accepted, type FailureMark, pushRange, type Range } from "../../protocol/index.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import type { Job, Scheduler } from "../state/state.ts";
import type { Vote } from "../state/trust-state.ts";
import type { PersonId } from "../types.ts";

/** A failure of an input without its place in a block. */
type Failure = Omit<FailureMark, "at">;

/** Records that the shell keeps of one person and that are results now. */
interface Chosen {
  readonly person: PersonId;
  readonly accepted: Accepted;
  readonly inputs: RangeSet;
  readonly failures: Map<number, Failure>;
}

/** Gathers what becomes of candidates in one go, so that the shell hears of it in few effects. */
export class Outcome {
  readonly #state: Scheduler;
  readonly #job: Job;
  readonly #chosen = new Map<string, Chosen>();
  readonly #credits = new Map<string, { readonly people: readonly PersonId[]; readonly inputs: RangeSet }>();
  readonly #dropped = new RangeSet();
  readonly #disputes: { readonly input: number; readonly votes: readonly Vote[] }[] = [];
  /** Of all of these inputs, whoever gave their results. */
  readonly ranges: Range[] = [];

  constructor(state: Scheduler, job: Job) {
    this.#state = state;
    this.#job = job;
  }

  /** A kept record is its input's result. */
  choose({ person, failure, isTrusted }: Vote, input: number): void {
    const chosen = this.#of(person, isTrusted ? "trusted" : "quorum");
    chosen.inputs.add(input, input + 1);
    if (failure !== undefined) chosen.failures.set(input, failure);
    this.#dropped.add(input, input + 1);
  }

  /** Kept values are results. */
  chooseAll(person: PersonId, inputs: RangeSet): void {
    this.#of(person, "trust").inputs.addSet(inputs.clone());
    this.#credited([person]).addAll([...inputs.ranges()]);
  }

  /** These gave the answer that turned out to be right. */
  credit(votes: readonly Vote[], input: number): void {
    if (votes.length > 0) this.#credited(votes.map(({ person }) => person)).add(input, input + 1);
  }

  #credited(people: readonly PersonId[]): RangeSet {
    const key = JSON.stringify(people);
    let credit = this.#credits.get(key);
    if (credit === undefined) {
      credit = { people, inputs: new RangeSet() };
      this.#credits.set(key, credit);
    }
    return credit.inputs;
  }

  /** An input fails because these do not agree. */
  dispute(input: number, votes: readonly Vote[]): void {
    this.#disputes.push({ input, votes });
    this.#dropped.add(input, input + 1);
  }

  /** Nobody needs the kept records of an input any more. */
  drop(input: number): void {
    this.#dropped.add(input, input + 1);
  }

  #of(person: PersonId, accepted: Accepted): Chosen {
    const key = `${accepted} ${person}`;
    let chosen = this.#chosen.get(key);
    if (chosen === undefined) {
      chosen = { person, accepted, inputs: new RangeSet(), failures: new Map() };
      this.#chosen.set(key, chosen);
    }
    return chosen;
  }

  /** Enters the results into the job, and says what is to be done. */
  flush(): void {
    const { id: job, pending, done } = this.#job;
    for (const { people, inputs } of this.#credits.values()) {
      this.#state.effects.push({ type: "CreditVotes", job, people, ranges: [...inputs.ranges()] });
    }
    for (const { person, accepted, inputs, failures } of this.#chosen.values()) {
      const ranges = [...inputs.ranges()];
      done.addAll(ranges);
      pending.remove(ranges);
      for (const [start, end] of ranges) pushRange(this.ranges, start, end);
      const marks = failureMarks(inputs, failures);
      count(this.#job, inputs.count, marks.length, failures.keys().next().value);
      this.#state.effects.push({ type: "AcceptCandidates", job, person, accepted, ranges, failures: marks });
    }
    for (const { input, votes } of this.#disputes) this.#fail(input, votes);
    const dropped = [...this.#dropped.ranges()];
    if (dropped.length > 0) this.#state.effects.push({ type: "DropCandidates", job, ranges: dropped });
    if (this.#chosen.size + this.#disputes.length > 0) this.#state.changed.add(this.#job);
    this.#chosen.clear();
    this.#credits.clear();
    this.#dropped.clear();
    this.#disputes.length = 0;
  }

  #fail(input: number, votes: readonly Vote[]): void {
    const { id: job, done, pending } = this.#job;
    done.add(input, input + 1);
    pending.remove([[input, input + 1]]);
    count(this.#job, 1, 1, input);
    pushRange(this.ranges, input, input + 1);
    const candidates = votes.map(({ person, digest }) => ({ person, digest }));
    this.#state.effects.push({ type: "RecordDispute", job, input, candidates });
  }
}

/** Counts results into a job. */
export function count(job: Job, results: number, failed: number, culprit: number | undefined): void {
  job.judged += results;
  job.misjudged += failed;
  job.failed += failed;
  if (culprit !== undefined) job.culprit ??= culprit;
}

function failureMarks(inputs: RangeSet, failures: ReadonlyMap<number, Failure>): FailureMark[] {
  if (failures.size === 0) return [];
  const marks: FailureMark[] = [];
  let at = 0;
  for (const [start, end] of inputs.ranges()) {
    for (let input = start; input < end; input++, at++) {
      const failure = failures.get(input);
      if (failure !== undefined) marks.push({ at, ...failure });
    }
  }
  return marks;
}
