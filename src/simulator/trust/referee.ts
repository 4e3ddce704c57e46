import { countOf, type JobTrustSummary } from "../../protocol/index.ts";
import { type EffectOf, mapStageId, type Scheduler, type SchedulerEffect } from "../../scheduler/index.ts";
import { digestsOf, disksOf, eachInput, judgeResults, pickRecords } from "../checks/records.ts";
import { ViolationError } from "../checks/violation.ts";
import { purpose } from "../environment/purpose.ts";
import { seededRandom } from "../environment/random.ts";
import type { SimulatedJournal } from "../hub/journal.ts";
import type { Outputs } from "../hub/outputs.ts";
import type { JobPlan } from "../plan.ts";
import type { Report, Session } from "../session.ts";
import type { Random } from "../types.ts";
import type { World } from "../world.ts";
import { type Candidate, Candidates } from "./candidates.ts";
import { faultOfDispute } from "./inspector.ts";
import { Registry } from "./registry.ts";

const RECORD_BYTES = 9;

export interface RefereeHost {
  readonly world: World;
  readonly journal: SimulatedJournal;
  readonly outputs: Pick<Outputs, "keep" | "keepRows">;
  /** A timer of the hub's process. */
  readonly later: (delayMs: number, then: () => void) => void;
}

/** What the referee does of what the scheduler decides. */
type TrustEffect = EffectOf<
  "CreditVotes" | "KeepCandidates" | "AcceptCandidates" | "DropCandidates" | "RecordDispute" | "RecordPerson"
>;

/** Results and the worker that they came from. */
export interface Source {
  readonly report: Report;
  readonly session: Session;
  /** How many of the results were not reported before. */
  readonly news: number;
  readonly job: string;
}

/** The hub's part in results that count, as `src/hub/trust/referee.ts` does it. */
export class Referee {
  readonly #world: World;
  readonly #journal: SimulatedJournal;
  readonly #outputs: RefereeHost["outputs"];
  readonly #candidates = new Candidates();
  readonly #registry: Registry;
  readonly #random: Random;
  #digests: readonly string[] = [];
  /** The step under way. */
  #step = 0;

  constructor({ world, journal, outputs, later }: RefereeHost) {
    this.#world = world;
    this.#outputs = outputs;
    this.#journal = journal;
    this.#registry = new Registry((then) => later(world.limits.peopleSaveMs, then));
    this.#random = seededRandom(world.seed, purpose.checking);
  }

  /** What the scheduler has to know of results of a job, beyond their number. */
  evidence(
    job: string,
    { block, failures }: Report,
  ): { readonly digests?: readonly string[]; readonly random?: number } {
    if (this.#world.inspector.ledgerOf(job) === undefined) return {};
    this.#digests = digestsOf(block, failures);
    return { digests: this.#digests, random: this.#random.int(2 ** 32) };
  }

  /** A step is to be performed. Says whether it booked what the results took that came with it. */
  begin(step: number, source: Source | undefined): boolean {
    this.#step = step;
    this.#world.inspector.begin(step);
    return source !== undefined && this.#book(source);
  }

  /** What results of a job with a quorum took is the price of believing, until they are results. */
  #book({ job, report, news }: Source): boolean {
    const ledger = this.#world.inspector.ledgerOf(job);
    if (ledger === undefined) return false;
    ledger.answers += news;
    const costMs = (report.costMs * news) / Math.max(1, report.count);
    this.#world.waste.checking += costMs;
    this.#world.auditor.spent(ledger.plan.number, costMs);
    return true;
  }

  /** Performs an effect if it is one of its own; says whether it was. */
  perform(effect: SchedulerEffect, source: Source | undefined): effect is TrustEffect {
    switch (effect.type) {
      case "KeepCandidates":
        this.#keep(effect, source!);
        return true;
      case "AcceptCandidates":
        this.#accept(effect);
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
        this.#registry.learn(effect);
        this.#world.inspector.judged(effect);
        return true;
      default:
        return false;
    }
  }

  crash(isDiskLost: boolean): void {
    this.#candidates.clear();
    this.#registry.crash(isDiskLost);
  }

  /** Tells a scheduler that begins what is known of people. @throws ViolationError */
  recover(state: Scheduler): void {
    this.#world.inspector.restarted(this.#registry.recover(state));
  }

  #planOf(job: string): JobPlan {
    return this.#world.planOf.get(job)!;
  }

  #keep({ job, person, kept, ranges, failures }: EffectOf<"KeepCandidates">, source: Source): void {
    for (const [input, candidate] of this.#read(job, { kept, ranges, failures }, source)) {
      this.#candidates.keep(job, input, person, candidate);
    }
  }

  /** These records of a block, with what the auditor thinks of them. */
  *#read(
    job: string,
    { kept, ranges, failures }: Pick<EffectOf<"KeepCandidates">, "kept" | "ranges" | "failures">,
    { report, session }: Source,
  ): Generator<[number, Candidate], void, undefined> {
    const { voice, tally } = session.machine;
    const records = pickRecords(report.block, kept);
    const disks = this.#planOf(job).isStage ? new Map(disksOf(records, ranges)) : undefined;
    const verdicts: Candidate["verdict"][] = [];
    judgeResults(records, this.#planOf(job).number, ranges, (_, verdict) => {
      verdicts.push(verdict);
    });
    if (verdicts.length !== countOf(ranges))
      throw new Error(`${countOf(ranges)} inputs have ${verdicts.length} records`);
    const positions = eachInput(kept);
    const marks = new Map(failures.map(({ at, kind }) => [at, kind]));
    let at = 0;
    for (const input of eachInput(ranges)) {
      const candidate = {
        persona: voice.persona,
        engineClass: voice.engineClass,
        digest: this.#digests[positions.next().value!]!,
        failure: marks.get(at),
        costMs: report.costMs / Math.max(1, report.count),
        verdict: verdicts[at]!,
        disk: disks?.get(input),
        tally,
        step: this.#step,
      };
      at++;
      yield [input, candidate];
    }
  }

  #accept({ job, person, ranges, failures, accepted }: EffectOf<"AcceptCandidates">): void {
    const plan = this.#planOf(job);
    const { inspector } = this.#world;
    const rows: [segment: number, disk: number][] = [];
    for (const input of eachInput(ranges)) {
      const others = this.#candidates.of(job, input);
      const giver = others.get(person);
      if (giver === undefined || accepted === "single") {
        throw new ViolationError("correctness", `nothing is kept of ${person} for input ${input} of ${job}`);
      }
      inspector.accepted({ plan, input, way: accepted, giver, others: new Map(others) });
      this.#enter(plan, input, giver);
      if (giver.disk !== undefined) rows.push([input, giver.disk]);
      this.#candidates.dropOf(job, input, person);
    }
    if (plan.isStage) this.#outputs.keepRows(job, rows);
    this.#store(job, ranges, failures.length);
  }

  /** Results of a trusted worker. Says whether their job asks for a quorum. */
  take(effect: EffectOf<"RecordResults">, source: Source): boolean {
    const { job, ranges, failures, retries } = effect;
    if (this.#world.inspector.ledgerOf(job) === undefined) return false;
    const plan = this.#planOf(job);
    for (const [input, giver] of this.#read(job, effect, source)) {
      const others = new Map(this.#candidates.of(job, input));
      this.#world.inspector.accepted({ plan, input, way: "trusted", giver, others });
      this.#enter(plan, input, giver);
      if (giver.failure === undefined) giver.tally.credited++;
    }
    this.#outputs.keep(effect, source.report.block);
    this.#journal.append(
      { type: "results", job, ranges, failed: failures.length, retries },
      undefined,
      source.report.block.length,
    );
    return true;
  }

  #enter({ number }: JobPlan, input: number, { verdict, failure, costMs, tally }: Candidate): void {
    const { auditor, waste } = this.#world;
    auditor.accept(number, input, verdict, failure);
    waste.checking -= costMs;
    if (failure === undefined && verdict === "corrupted") {
      waste.corrupted += costMs;
      tally.corrupted++;
    } else {
      waste.useful += costMs;
    }
    tally.inputsDone++;
  }

  #store(job: string, ranges: EffectOf<"AcceptCandidates">["ranges"], failed: number): void {
    const record = { type: "results", job, ranges, failed, retries: [] } as const;
    this.#journal.append(record, undefined, RECORD_BYTES * countOf(ranges));
  }

  #credit({ job, people, ranges }: EffectOf<"CreditVotes">): void {
    const plan = this.#planOf(job);
    for (const input of eachInput(ranges)) {
      const kept = this.#candidates.of(job, input);
      for (const person of people) {
        const claim = kept.get(person);
        this.#world.inspector.credited(plan, input, person, claim);
        claim!.tally.credited++;
      }
    }
  }

  #dispute({ job, input, candidates }: EffectOf<"RecordDispute">): void {
    const plan = this.#planOf(job);
    const fault = faultOfDispute(plan.spec.options.quorum!, candidates, this.#candidates.of(job, input));
    if (fault !== undefined) throw new ViolationError("correctness", `input ${input} of ${job} ${fault}`);
    this.#world.inspector.ledgerOf(job)!.disputed++;
    this.#world.auditor.accept(plan.number, input, "threw", "disputed");
    this.#store(job, [[input, input + 1]], 1);
  }

  /** Nothing of an ended job is wanted any more. */
  ended(job: string, trust: JobTrustSummary | undefined): void {
    for (const id of [job, mapStageId(job)]) this.#candidates.end(id);
    const ledger = this.#world.inspector.ledgerOf(job);
    if (ledger !== undefined) ledger.rerun += trust?.rerun ?? 0;
  }
}
