import {
  decodeValue,
  type EnrolledWorker,
  eachRecord,
  encodeResumed,
  type FailureMark,
  isResumed,
  type JobSpec,
  type LeaseMessage,
  type Limits,
  packRecords,
  projectOf,
  serves,
  type TaskSpec,
} from "../../protocol/index.ts";
import type { EffectOf, KeptAnswer } from "../../scheduler/index.ts";

/** A connected worker, as far as it may be asked to compare. */
export interface ComparingSession {
  readonly description: Pick<EnrolledWorker, "trusted" | "sandbox" | "projects">;
  sendUnit(
    lease: Pick<LeaseMessage, "count"> & { readonly id: string },
    task: TaskSpec,
    inputs: Uint8Array,
  ): void;
  ack(lease: string, upTo: number): void;
}

export interface ComparerHost {
  readonly limits: Pick<Limits, "comparisonsPerUnitMax" | "unitPartBytesTarget">;
  /** The specification of a job that runs. */
  specOf(job: string): JobSpec | undefined;
  /** A kept answer's record; undefined where it is not wanted any more. */
  recordOf(job: string, input: number, person: string): Uint8Array | undefined;
  newId(): string;
  onCompared(job: string, input: number, digest: string, same: readonly string[]): void;
}

type Question = Omit<EffectOf<"CompareAnswers">, "type">;

/** A unit of pairs at a worker. */
interface Unit {
  readonly id: string;
  readonly job: string;
  readonly questions: readonly Question[];
  readonly pairs: number;
  /** What it has said so far, pair by pair. */
  readonly said: boolean[];
}

/** Results of a unit as a worker reports them. */
interface Report {
  readonly lease: string;
  readonly from: number;
  readonly count: number;
  readonly failures: readonly FailureMark[];
  readonly done: boolean;
}

/**
 * Has tasks say which answers are the same to them: in a sandbox of a trusted worker, as a unit of its own kind, whose
 * records are pairs of answers. The hub opens none of them. Each worker has one such unit at a time; what comes
 * meanwhile goes with the next. Where there is no trusted worker the answers wait for one.
 */
export class Comparer {
  readonly #host: ComparerHost;
  readonly #waiting = new Map<string, Question[]>();
  readonly #workers = new Map<ComparingSession, Unit | undefined>();
  /** Jobs that a worker would not compare for. */
  readonly #refused = new WeakMap<ComparingSession, Set<string>>();
  #pumps = false;

  constructor(host: ComparerHost) {
    this.#host = host;
  }

  ask(question: Question): void {
    const waiting = this.#waiting.get(question.job);
    if (waiting === undefined) this.#waiting.set(question.job, [question]);
    else waiting.push(question);
    this.#pumpSoon();
  }

  /** A worker is there. */
  arrived(session: ComparingSession): void {
    const { trusted, sandbox } = session.description;
    if (!trusted || sandbox === "none") return;
    this.#workers.set(session, undefined);
    this.#pumpSoon();
  }

  /** A worker is gone: others are asked what it has not said. */
  left(session: ComparingSession): void {
    const unit = this.#workers.get(session);
    this.#workers.delete(session);
    if (unit !== undefined) this.#askAgain(unit);
  }

  ended(job: string): void {
    this.#waiting.delete(job);
  }

  /** Takes in results that are of a unit of pairs; false for all others. */
  took(session: ComparingSession, { lease, from, count, failures, done }: Report, body: Uint8Array): boolean {
    const unit = this.#workers.get(session);
    if (unit?.id !== lease) return false;
    session.ack(lease, from + count);
    if (failures.some(({ kind }) => kind === "refused")) return this.returned(session, lease);
    const failed = new Set(failures.map(({ at }) => at));
    let at = 0;
    for (const record of eachRecord(body)) {
      // Of what throws nobody can say that it is the same.
      if (from + at === unit.said.length) unit.said.push(!failed.has(at) && isTrue(record));
      at++;
    }
    if (!done && unit.said.length < unit.pairs) return true;
    // Whoever is done without having done it is not asked for this job again.
    if (unit.said.length < unit.pairs) return this.returned(session, lease);
    this.#workers.set(session, undefined);
    this.#answer(unit);
    this.#pumpSoon();
    return true;
  }

  /** A worker gives a unit back; false where it is none of these. */
  returned(session: ComparingSession, lease: string): boolean {
    const unit = this.#workers.get(session);
    if (unit?.id !== lease) return false;
    this.#workers.set(session, undefined);
    const refused = this.#refused.get(session) ?? new Set();
    this.#refused.set(session, refused.add(unit.job));
    this.#askAgain(unit);
    return true;
  }

  #answer({ job, questions, said }: Unit): void {
    let at = 0;
    for (const { input, answer, others } of questions) {
      const own = said.slice(at, at + others.length);
      at += others.length;
      this.#host.onCompared(job, input, answer.digest, digestsOf(others.filter((_, other) => own[other])));
    }
  }

  #askAgain({ questions }: Unit): void {
    for (const question of questions) this.ask(question);
  }

  /** What is asked together goes together. */
  #pumpSoon(): void {
    if (this.#pumps) return;
    this.#pumps = true;
    queueMicrotask(() => {
      this.#pumps = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (const [job, questions] of this.#waiting) {
      const spec = this.#host.specOf(job);
      if (spec === undefined) this.#waiting.delete(job);
      else if (questions.length > 0) this.#hand(spec, questions);
    }
  }

  #hand(spec: JobSpec, questions: Question[]): void {
    for (const [session, unit] of this.#workers) {
      if (questions.length === 0) break;
      const isFree = unit === undefined && this.#refused.get(session)?.has(spec.job) !== true;
      if (isFree && serves(session.description, projectOf(spec))) this.#send(session, spec, questions);
    }
    if (questions.length === 0) this.#waiting.delete(spec.job);
  }

  #send(session: ComparingSession, { job, task }: JobSpec, questions: Question[]): void {
    const { comparisonsPerUnitMax, unitPartBytesTarget } = this.#host.limits;
    const taken: Question[] = [];
    const pairs: Uint8Array[] = [];
    let bytes = 0;
    while (questions.length > 0 && pairs.length < comparisonsPerUnitMax && bytes < unitPartBytesTarget) {
      const question = questions.shift()!;
      const own = this.#pairsOf(question);
      if (own === undefined) continue;
      const others = question.others.filter((_, at) => own[at] !== undefined);
      const comparable = own.filter((pair) => pair !== undefined);
      if (others.length === 0) this.#host.onCompared(job, question.input, question.answer.digest, []);
      else taken.push({ ...question, others });
      for (const pair of comparable) bytes += pair.length;
      pairs.push(...comparable);
    }
    if (pairs.length === 0) return;
    const unit: Unit = { id: this.#host.newId(), job, questions: taken, pairs: pairs.length, said: [] };
    this.#workers.set(session, unit);
    // It reaches nothing: what is to be compared is there.
    const comparison: TaskSpec = { ...task, net: [], stage: { kind: "same", partitions: 0 } };
    session.sendUnit({ id: unit.id, count: unit.pairs }, comparison, packRecords(pairs));
  }

  /** The pair with each of the others that can be compared; undefined where nobody waits for the answer any more. */
  #pairsOf({ job, input, answer, others }: Question): (Uint8Array | undefined)[] | undefined {
    const record = this.#host.recordOf(job, input, answer.person);
    if (record === undefined) return undefined;
    return others.map(({ person }) => {
      const other = this.#host.recordOf(job, input, person);
      // No worker of ours sends such a record: it is no value.
      const isPair = other !== undefined && !isResumed(record) && !isResumed(other);
      return isPair ? encodeResumed(record, other) : undefined;
    });
  }
}

const digestsOf = (answers: readonly KeptAnswer[]): string[] => answers.map(({ digest }) => digest);

function isTrue(record: Uint8Array): boolean {
  try {
    return decodeValue(record) === true;
  } catch {
    return false;
  }
}
