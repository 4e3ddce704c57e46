import {
  type Accepted,
  countOf,
  DEFAULT_PROJECT,
  defaultLimits,
  type EnrolledWorker,
  type FailureKind,
  type JobOptions,
  type JobSpec,
  type Limits,
  type Ranges,
  type TaskSpec,
} from "../../src/protocol/index.ts";
import {
  createScheduler,
  type EffectOf,
  finishRecovery,
  type JobId,
  type KeptAnswer,
  type LeaseDescriptor,
  type LeaseNo,
  type PersonRecord,
  type PresentedUnit,
  recoverRecord,
  type Scheduler,
  type SchedulerEffect,
  type SchedulerEvent,
  type SchedulerRecord,
  step,
  validate,
  type WorkerId,
} from "../../src/scheduler/index.ts";
import { plainOptions } from "./plain-options.ts";

/** Small, so that everything happens: of tests that do whatever may be. */
export const smallLimits: Limits = {
  ...defaultLimits,
  unitRangesMax: 3,
  unitTargetMs: 60,
  prefetchMs: 25,
  prefetchUnitsMax: 1,
  leaseTtlMs: 1_000,
  heartbeatIntervalMs: 100,
  adoptionWindowMs: 300,
};

/** An event without its time. */
export type Untimed<E = SchedulerEvent> = E extends SchedulerEvent ? Omit<E, "nowMs"> : never;

/** What a worker knows of its lease. */
export interface OpenLease {
  readonly no: LeaseNo;
  readonly job: JobId;
  readonly worker: WorkerId;
  readonly descriptor: LeaseDescriptor;
  readonly inputs: readonly number[];
  readonly speculative: boolean;
  keep: number;
  reported: number;
}

export interface Report {
  readonly lease?: LeaseNo;
  /** How many results; all that it owes, if not given. */
  readonly count?: number;
  /** What they took; the clock goes on by as much. */
  readonly ms?: number;
  /** Failures by position in the report. */
  readonly fail?: Readonly<Record<number, FailureKind>>;
  readonly done?: boolean;
  /** Answers by input, where they are not the right one. */
  readonly answers?: (input: number) => string;
}

export const listOf = (ranges: Ranges): number[] =>
  ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, at) => start + at));

/** Options of a job, its task and its shuffle, if it is one. */
type SpecOptions = Partial<JobOptions> &
  Partial<TaskSpec> & {
    readonly partitions?: number;
    /** Answers of canaries. */
    readonly canaries?: readonly string[];
    readonly project?: string;
  };

export function jobSpec(job: JobId, options: SpecOptions = {}): JobSpec {
  const { bundle, entry, title, timeoutMs, memoryBytes, net, image, proof, ...others } = options;
  const { partitions, project, canaries, ...rest } = others;
  return {
    job,
    title: job,
    ...(project === undefined ? {} : { project }),
    ...(partitions === undefined ? {} : { shuffle: { partitions } }),
    ...(canaries === undefined ? {} : { canaries: { inputs: new Uint8Array(0), answers: canaries } }),
    task: {
      bundle: bundle ?? `bundle of ${job}`,
      entry: entry ?? "export:default",
      title: title ?? job,
      timeoutMs: timeoutMs ?? 60_000,
      memoryBytes: memoryBytes ?? 1_000_000,
      net: net ?? [],
      ...(image === undefined ? {} : { image }),
      ...(proof === undefined ? {} : { proof }),
    },
    options: { ...plainOptions, ...rest },
  };
}

export const workerDescription = (name: WorkerId, options: Partial<EnrolledWorker> = {}): EnrolledWorker => ({
  name,
  version: "0",
  platform: "linux",
  arch: "x64",
  cores: 4,
  memoryBytes: 4_000_000_000,
  slots: 1,
  sandbox: "deno",
  engineClass: "v8-1",
  allowNet: [],
  labels: [],
  capabilities: [],
  speed: 1,
  person: name,
  trusted: false,
  projects: [DEFAULT_PROJECT],
  ...options,
});

/**
 * A scheduler with the least of a shell around it: a clock, a journal, and what workers were told. The
 * state is validated after every step.
 */
export class ScheduledCluster {
  readonly limits: Limits;
  state: Scheduler;
  nowMs = 0;
  wakeAtMs = Number.POSITIVE_INFINITY;
  readonly journal: SchedulerRecord[] = [];
  readonly leases = new Map<LeaseNo, OpenLease>();
  readonly workers = new Set<WorkerId>();
  readonly ended = new Map<JobId, EffectOf<"EndJob">>();
  /** Accepted results by job, `value` or the kind of failure. */
  readonly results = new Map<JobId, Map<number, string>>();
  /** How they were, by job and input. */
  readonly accepted = new Map<string, Accepted>();
  /** What a hub would keep in memory, by job and input, and there by person. */
  readonly candidates = new Map<string, Map<string, string>>();
  readonly people = new Map<string, PersonRecord>();
  /** What tasks were asked about their answers and have not said. */
  readonly comparisons: EffectOf<"CompareAnswers">[] = [];
  #reported = new Map<number, string>();
  /** Of the last event. */
  effects: readonly SchedulerEffect[] = [];

  readonly #observe: (event: SchedulerEvent, effects: readonly SchedulerEffect[]) => void;

  constructor(
    limits: Partial<Limits> = {},
    observe: (event: SchedulerEvent, effects: readonly SchedulerEffect[]) => void = () => {},
  ) {
    this.limits = { ...defaultLimits, ...limits };
    this.#observe = observe;
    this.state = createScheduler(this.limits);
  }

  send(event: Untimed): this {
    const timed = { ...event, nowMs: this.nowMs } as SchedulerEvent;
    this.effects = step(this.state, timed);
    for (const effect of this.effects) this.#perform(effect);
    this.#observe(timed, this.effects);
    validate(this.state);
    return this;
  }

  /** Lets time pass, with a tick whenever one was asked for. */
  pass(ms: number): this {
    const endMs = this.nowMs + ms;
    while (this.wakeAtMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.wakeAtMs);
      this.wakeAtMs = Number.POSITIVE_INFINITY;
      this.send({ type: "Tick" });
    }
    this.nowMs = endMs;
    return this;
  }

  /** Submits a job with its inputs, sealed. */
  job(id: JobId, inputs: number, options: Parameters<typeof jobSpec>[1] = {}): this {
    this.submit(id, options);
    if (inputs > 0) this.append(id, inputs);
    return this.seal(id);
  }

  submit(id: JobId, options: Parameters<typeof jobSpec>[1] = {}): this {
    const spec = jobSpec(id, options);
    this.journal.push({ type: "submitted", spec });
    return this.send({ type: "JobSubmitted", spec });
  }

  append(job: JobId, count: number, bytes = count): this {
    this.journal.push({ type: "inputs", job, count, bytes });
    return this.send({ type: "InputsAppended", job, count, bytes });
  }

  seal(job: JobId): this {
    this.journal.push({ type: "sealed", job });
    return this.send({ type: "InputsSealed", job });
  }

  worker(worker: WorkerId, options: Partial<EnrolledWorker> = {}): this {
    this.workers.add(worker);
    return this.send({ type: "WorkerJoined", worker, description: workerDescription(worker, options) });
  }

  /** A worker comes back with leases, in place of what it was before. */
  present(worker: WorkerId, presented: readonly PresentedUnit[], replaces: readonly WorkerId[] = []): this {
    for (const id of [worker, ...replaces]) this.#forget(id);
    this.workers.add(worker);
    const description = workerDescription(worker, { slots: 0 });
    return this.send({ type: "WorkerJoined", worker, description, replaces, presented });
  }

  lose(worker: WorkerId, reason: "left" | "dropped" = "dropped"): this {
    this.#forget(worker);
    return this.send({ type: "WorkerLost", worker, reason });
  }

  /** All workers say that they are there. */
  heartbeat(): this {
    for (const worker of this.workers) this.send({ type: "WorkerHeard", worker });
    return this;
  }

  /** Outputs of these segments of a shuffle are nowhere any more. */
  loseOutputs(job: JobId, ranges: Ranges): this {
    return this.send({ type: "OutputLost", job, ranges });
  }

  leasesOf(worker: WorkerId): OpenLease[] {
    return [...this.leases.values()].filter((lease) => lease.worker === worker);
  }

  /** What a worker was told to run, unit by unit. */
  inputsOf(worker: WorkerId): number[][] {
    return this.leasesOf(worker).map(({ inputs, keep, reported }) => inputs.slice(reported, keep));
  }

  /** A worker reports results of its first lease, or of the named one. */
  report(worker: WorkerId, report: Report = {}): this {
    const lease = report.lease === undefined ? this.leasesOf(worker)[0] : this.leases.get(report.lease);
    if (lease === undefined) throw new Error(`${worker} has nothing to report`);
    const count = report.count ?? Math.max(0, lease.keep - lease.reported);
    const { ms = 0, fail = {} } = report;
    this.pass(ms);
    const from = lease.reported;
    lease.reported += count;
    const done = report.done ?? lease.reported >= lease.keep;
    if (done) this.leases.delete(lease.no);
    const failures = Object.entries(fail).map(([at, kind]) => ({ at: Number(at), kind, fingerprint: kind }));
    const digests = this.#digests(lease.inputs.slice(from, from + count), failures, report.answers);
    this.#reported = new Map(digests.map((digest, at) => [lease.inputs[from + at]!, digest]));
    const bytes = count;
    return this.send({
      type: "UnitProgressed",
      worker,
      lease: lease.no,
      from,
      count,
      failures,
      elapsedMs: ms,
      bytes,
      done,
      digests,
      random: this.#random(),
    });
  }

  /** A worker reports results of a lease that it has no more. */
  late(
    worker: WorkerId,
    { descriptor, inputs }: OpenLease,
    from: number,
    answers: (input: number) => string,
  ): this {
    const digests = inputs.slice(from).map(answers);
    this.#reported = new Map(digests.map((digest, at) => [inputs[from + at]!, digest]));
    const block = { from, count: digests.length, failures: [], digests, random: this.#random() };
    return this.send({ type: "LateResults", worker, descriptor, ...block });
  }

  #digests(
    inputs: readonly number[],
    failures: readonly { readonly at: number; readonly kind: string }[],
    answers: (input: number) => string = () => "right",
  ): string[] {
    const kinds = new Map(failures.map(({ at, kind }) => [at, kind]));
    return inputs.map((input, at) => kinds.get(at) ?? answers(input));
  }

  /** Any numbers will do that are the same each time. */
  #random(): number {
    this.#word = (Math.imul(this.#word, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#word;
  }

  #word = 1;

  /** The hub is killed: a new scheduler from the journal, without any worker. */
  restart(): this {
    this.state = createScheduler(this.limits);
    for (const record of [...this.journal, ...this.people.values()]) recoverRecord(this.state, record);
    this.candidates.clear();
    this.comparisons.length = 0;
    finishRecovery(this.state, this.nowMs);
    this.leases.clear();
    this.workers.clear();
    this.wakeAtMs = Number.POSITIVE_INFINITY;
    return this.send({ type: "Tick" });
  }

  effectsOf<T extends SchedulerEffect["type"]>(type: T): EffectOf<T>[] {
    return this.effects.filter((effect): effect is EffectOf<T> => effect.type === type);
  }

  #perform(effect: SchedulerEffect): void {
    switch (effect.type) {
      case "LeaseUnit":
        this.#open(effect.lease, effect.descriptor, 0, effect.speculative);
        break;
      case "AdoptLease":
        this.#open(effect.lease, effect.descriptor, effect.from, false);
        break;
      case "TrimLease":
        this.leases.get(effect.lease)!.keep = effect.keep;
        break;
      case "RevokeLease":
        this.leases.delete(effect.lease);
        break;
      case "RecordResults":
        this.#record(effect);
        break;
      case "RecordFailures": {
        const { job, ranges, kind } = effect;
        this.journal.push({ type: "results", job, ranges, failed: countOf(ranges), retries: [] });
        for (const input of listOf(ranges)) this.#result(job, input, kind);
        break;
      }
      case "RecordRetries": {
        const { job, retries } = effect;
        this.journal.push({ type: "results", job, ranges: [], failed: 0, retries });
        break;
      }
      case "RecordLoss": {
        const { job, ranges } = effect;
        this.journal.push({ type: "lost", job, ranges });
        for (const input of listOf(ranges)) {
          if (!this.results.get(job)?.delete(input)) throw new Error(`${input} of ${job} had no result`);
        }
        break;
      }
      case "RecordAdjustment": {
        const { job, paused, priority } = effect;
        this.journal.push({ type: "adjusted", job, paused, priority });
        break;
      }
      case "RecordCarveMark":
        this.journal.push({ type: "carve", job: effect.job, mark: effect.mark });
        break;
      case "EndJob":
        if (this.ended.has(effect.job)) throw new Error(`${effect.job} ended twice`);
        this.ended.set(effect.job, effect);
        this.journal.push({ type: "ended", job: effect.job });
        break;
      case "DropWorker":
        this.#forget(effect.worker);
        break;
      case "WakeAt":
        this.wakeAtMs = effect.atMs;
        break;
      case "KeepCandidates":
        this.#keep(effect);
        break;
      case "AcceptCandidates":
        this.#acceptKept(effect);
        break;
      case "CreditVotes":
        this.#credit(effect);
        break;
      case "DropCandidates":
        for (const input of listOf(effect.ranges)) this.candidates.delete(`${effect.job} ${input}`);
        break;
      case "RecordDispute":
        this.#dispute(effect);
        break;
      case "RecordPerson":
        this.people.set(effect.person, { ...effect, type: "person" });
        break;
      case "CompareAnswers":
        this.#checkKept(effect.job, effect.input, [effect.answer, ...effect.others]);
        this.comparisons.push(effect);
        break;
      case "RefuseLease":
        break;
    }
  }

  /** The answers of a quorum job are those that its last report gave. */
  #keep({ job, person, kept, ranges }: EffectOf<"KeepCandidates">): void {
    if (countOf(kept) !== countOf(ranges)) throw new Error("kept records do not fit their inputs");
    for (const input of listOf(ranges)) {
      const key = `${job} ${input}`;
      const ofInput = this.candidates.get(key) ?? new Map<string, string>();
      this.candidates.set(key, ofInput.set(person, this.#reported.get(input) ?? "?"));
    }
  }

  #acceptKept({ job, person, ranges, failures, accepted }: EffectOf<"AcceptCandidates">): void {
    for (const input of listOf(ranges)) {
      const kept = this.candidates.get(`${job} ${input}`);
      const answer = kept?.get(person);
      if (answer === undefined) throw new Error(`nothing was kept of ${person} for ${input} of ${job}`);
      this.#result(job, input, answer, accepted);
      if (accepted === "trust") this.candidates.delete(`${job} ${input}`);
    }
    this.journal.push({ type: "results", job, ranges, failed: failures.length, retries: [] });
  }

  #credit({ job, people, ranges }: EffectOf<"CreditVotes">): void {
    for (const input of listOf(ranges)) {
      for (const person of people) {
        if (!this.candidates.get(`${job} ${input}`)?.has(person)) throw new Error(`${person} has no claim`);
      }
    }
  }

  #dispute({ job, input, candidates }: EffectOf<"RecordDispute">): void {
    this.#checkKept(job, input, candidates);
    this.#result(job, input, "disputed");
    this.journal.push({ type: "results", job, ranges: [[input, input + 1]], failed: 1, retries: [] });
  }

  #checkKept(job: JobId, input: number, answers: readonly KeptAnswer[]): void {
    const kept = this.candidates.get(`${job} ${input}`);
    for (const { person } of answers) {
      if (!kept?.has(person)) throw new Error(`nothing was kept of ${person} for ${input} of ${job}`);
    }
  }

  /** The task says of the oldest of what it was asked which answers are the same. */
  compare(same: (one: string, other: string) => boolean, at = 0): this {
    const [asked] = this.comparisons.splice(at, 1);
    if (asked === undefined) throw new Error("nothing is to be compared");
    const { job, input, answer, others } = asked;
    const alike = others.map(({ digest }) => digest).filter((digest) => same(answer.digest, digest));
    return this.send({ type: "AnswersCompared", job, input, digest: answer.digest, same: alike });
  }

  #open(no: LeaseNo, descriptor: LeaseDescriptor, reported: number, speculative: boolean): void {
    const { job, worker, ranges } = descriptor;
    const inputs = listOf(ranges);
    const keep = inputs.length;
    this.leases.set(no, { no, job, worker, descriptor, inputs, speculative, keep, reported });
  }

  #record({ job, ranges, failures, retries, kept, accepted }: EffectOf<"RecordResults">): void {
    const inputs = listOf(ranges);
    if (countOf(kept) !== inputs.length) throw new Error("kept records do not fit their inputs");
    const kinds = new Map(failures.map(({ at, kind }) => [at, kind]));
    for (const [at, input] of inputs.entries()) {
      const answer = accepted === "single" ? (kinds.get(at) ?? "value") : this.#reported.get(input)!;
      this.#result(job, input, answer, accepted);
    }
    this.journal.push({ type: "results", job, ranges, failed: failures.length, retries });
  }

  #result(job: JobId, input: number, result: string, accepted: Accepted = "single"): void {
    this.accepted.set(`${job} ${input}`, accepted);
    const results = this.results.get(job) ?? new Map<number, string>();
    if (results.has(input)) throw new Error(`input ${input} of ${job} was accepted twice`);
    this.results.set(job, results.set(input, result));
  }

  #forget(worker: WorkerId): void {
    this.workers.delete(worker);
    for (const lease of this.leasesOf(worker)) this.leases.delete(lease.no);
  }
}
