import { randomFillSync } from "node:crypto";
import {
  decodeFailure,
  decodeValue,
  type FailureMark,
  type Limits,
  projectOf,
  RecordReader,
} from "../../protocol/index.ts";
import {
  type EffectOf,
  type EventOf,
  mapStageId,
  type SchedulerEffect,
  type Untimed,
} from "../../scheduler/index.ts";
import { newId } from "../../security/index.ts";
import type { Claim, Credit } from "../credit/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { ResultWriter } from "../jobs/result-writer.ts";
import type { IndexedBlock } from "../journal/block.ts";
import { joinBlocks } from "../journal/block.ts";
import { Candidates } from "./candidates.ts";
import { Comparer, type ComparerHost } from "./comparer.ts";
import { digestsOf } from "./digests.ts";
import type { People } from "./people.ts";

/** What the referee does of what the scheduler decides. */
type TrustEffect = EffectOf<
  | "CompareAnswers"
  | "CreditVotes"
  | "KeepCandidates"
  | "AcceptCandidates"
  | "DropCandidates"
  | "RecordDispute"
  | "RecordPerson"
>;

export interface RefereeHost {
  readonly people: People;
  readonly jobs: Pick<Jobs, "get">;
  readonly credit: Pick<Credit, "agreed">;
  readonly writer: Pick<ResultWriter, "store" | "fail">;
  readonly limits: ComparerHost["limits"] & Pick<Limits, "candidateBytesMax">;
  readonly feed: (event: Untimed<EventOf<"AnswersCompared" | "CandidatesFull">>) => void;
}

/** A block and the worker that it came from. */
interface Source {
  readonly block: IndexedBlock;
  readonly session: { readonly description: { readonly name: string }; readonly claim: Claim };
}

/** What an event of results brings along where these are voted on. */
export interface Evidence {
  readonly digests: readonly string[];
  readonly random: number;
}

const none: Partial<Evidence> = Object.freeze({});

/** The hub's part in results that count: keeps candidates, makes digests, and looks into no record. */
export class Referee {
  readonly #host: RefereeHost;
  readonly #candidates = new Candidates();
  #isFull = false;
  readonly #random = new Uint32Array(256);
  #drawn = this.#random.length;

  /** Has tasks compare answers, where they can. */
  readonly comparer: Comparer;

  constructor(host: RefereeHost) {
    this.#host = host;
    const { jobs, limits, feed } = host;
    this.comparer = new Comparer({
      limits,
      specOf: (job) => jobs.get(job)?.spec,
      recordOf: (job, input, person) => this.#recordOf(job, input, person),
      newId,
      onCompared: (job, input, digest, same) => feed({ type: "AnswersCompared", job, input, digest, same }),
    });
  }

  get candidateBytes(): number {
    return this.#candidates.bytes;
  }

  /** All that may become a result, packed. */
  candidateRecords(): Iterable<Uint8Array> {
    return this.#candidates.records();
  }

  /** What the scheduler has to know of results of a job, beyond their number. */
  evidence(
    entry: JobEntry | undefined,
    block: IndexedBlock,
    failures: readonly FailureMark[],
  ): Partial<Evidence> {
    if (entry?.spec.options.quorum === undefined) return none;
    return { digests: digestsOf(block.bytes, failures), random: this.#draw() };
  }

  /** Performs an effect if it is one of its own; says whether it was. */
  perform(effect: SchedulerEffect, source: Source | undefined): effect is TrustEffect {
    const isOwn = this.#perform(effect, source);
    if (isOwn) this.#weigh();
    return isOwn;
  }

  /** Has nothing new begun while what waits takes too much memory. */
  #weigh(): void {
    const { limits, feed } = this.#host;
    const bytesMax = limits.candidateBytesMax / (this.#isFull ? 2 : 1);
    const full = this.#candidates.bytes > bytesMax;
    if (full === this.#isFull) return;
    this.#isFull = full;
    // Not amid effects.
    queueMicrotask(() => feed({ type: "CandidatesFull", full }));
  }

  #perform(effect: SchedulerEffect, source: Source | undefined): boolean {
    switch (effect.type) {
      case "KeepCandidates":
        this.#keep(effect, source);
        return true;
      case "AcceptCandidates":
        this.#accept(effect);
        return true;
      case "CompareAnswers":
        this.comparer.ask(effect);
        return true;
      case "CreditVotes":
        this.#credit(effect);
        return true;
      case "DropCandidates":
        this.#candidates.drop(effect.job, effect.ranges);
        return true;
      case "RecordDispute":
        this.#dispute(effect);
        return true;
      case "RecordPerson":
        this.#host.people.learn(effect);
        return true;
      default:
        return false;
    }
  }

  /** Resolves when what is known of people is written. */
  saved(): Promise<void> {
    return this.#host.people.save();
  }

  /** Nothing of an ended job is wanted any more. */
  ended(job: string): void {
    for (const id of [job, mapStageId(job)]) this.#candidates.end(id);
    this.comparer.ended(job);
    this.#weigh();
  }

  #keep(
    { job, person, kept, ranges, failures }: EffectOf<"KeepCandidates">,
    source: Source | undefined,
  ): void {
    if (source === undefined) return;
    const body = joinBlocks(kept.map(([from, to]) => source.block.slice(from, to)));
    const { claim, description } = source.session;
    const worker = description.name;
    this.#candidates.keep(job, person, { worker, ranges, failures, body, claim });
  }

  #credit({ job, people, ranges }: EffectOf<"CreditVotes">): void {
    const entry = this.#host.jobs.get(job);
    if (entry === undefined) return;
    const credited = { job, project: projectOf(entry.spec) };
    for (const [start, end] of ranges) {
      for (let input = start; input < end; input++) {
        const claims = people.flatMap((person) => this.#candidates.claimOf(job, person, input) ?? []);
        if (claims.length > 0) this.#host.credit.agreed(credited, claims);
      }
    }
  }

  #accept({ job, person, ranges: wanted, accepted }: EffectOf<"AcceptCandidates">): void {
    for (const { worker, ranges, failures, body } of this.#candidates.find(job, person, wanted)) {
      this.#host.writer.store(
        { type: "results", job, worker, ranges, failures, retries: [], accepted },
        body,
      );
    }
    this.#candidates.drop(job, wanted, person);
  }

  #dispute({ job, input, candidates }: EffectOf<"RecordDispute">): void {
    const range = [input, input + 1] as const;
    const isMap = this.#host.jobs.get(job)?.spec.task.stage?.kind === "map";
    const answers = new Map<string, { people: number; text: string }>();
    for (const { person, digest } of candidates) {
      const known = answers.get(digest);
      if (known !== undefined) {
        known.people++;
        continue;
      }
      const [found] = this.#candidates.find(job, person, [range]);
      const isFailure = found !== undefined && found.failures.length > 0;
      // Rows of outputs say nothing to anybody, but that they differ.
      const isRow = isMap && !isFailure;
      const text =
        found === undefined ? "?" : isRow ? `files ${digest.slice(0, 8)}` : preview(found.body, isFailure);
      answers.set(digest, { people: 1, text });
    }
    const texts = Array.from(answers.values(), ({ people, text }) => `${people} × ${text}`);
    const reason = `${candidates.length} people do not agree: ${texts.join("; ")}`;
    this.#host.writer.fail(job, [range], "disputed", reason);
  }

  #recordOf(job: string, input: number, person: string): Uint8Array | undefined {
    const [found] = this.#candidates.find(job, person, [[input, input + 1]]);
    return found === undefined ? undefined : new RecordReader(found.body).read();
  }

  #draw(): number {
    if (this.#drawn === this.#random.length) {
      randomFillSync(this.#random);
      this.#drawn = 0;
    }
    return this.#random[this.#drawn++]!;
  }
}

const PREVIEW_LENGTH_MAX = 60;

/** A record as people may read it. */
function preview(block: Uint8Array, isFailure: boolean): string {
  const record = new RecordReader(block).read() ?? new Uint8Array(0);
  let text: string;
  try {
    if (isFailure) {
      const { name, message } = decodeFailure(record);
      text = `${name}: ${message}`;
    } else {
      text = JSON.stringify(decodeValue(record)) ?? "undefined";
    }
  } catch {
    text = `${record.length} bytes`;
  }
  return text.length > PREVIEW_LENGTH_MAX ? `${text.slice(0, PREVIEW_LENGTH_MAX - 1)}…` : text;
}
