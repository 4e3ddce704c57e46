import type { QuorumSpec, Ranges } from "../../protocol/index.ts";
import type { EffectOf } from "../../scheduler/index.ts";
import { type Answer, digestOf, isCanaryIndex } from "../checks/records.ts";
import { ViolationError } from "../checks/violation.ts";
import type { JobPlan } from "../plan.ts";
import type { CheckMode, Scenario } from "../types.ts";
import type { Candidate } from "./candidates.ts";
import { Confidence } from "./confidence.ts";
import { Ledger, type Way } from "./ledger.ts";
import { blamelessOf, type Persona } from "./persona.ts";

/** A value that counts from now on. */
export interface Acceptance {
  readonly plan: JobPlan;
  readonly input: number;
  readonly way: Way;
  readonly giver: Pick<Candidate, "persona" | "digest" | "engineClass" | "verdict" | "failure" | "step">;
  /** What others answered, as far as the hub kept it. */
  readonly others: ReadonlyMap<string, Candidate>;
}

type PersonEffect = EffectOf<"RecordPerson">;

/**
 * Knows who lies and who said what, and holds what the hub believes against it: whoever lies from the start is never
 * believed, so many people as it takes have said what is accepted, one of them was right often enough before, and
 * nothing stands on the word of somebody who was refuted after having given it.
 */
export class Inspector {
  readonly #ledgers = new Map<string, Ledger>();
  readonly #isThorough: boolean;
  readonly #hasOneEngine: boolean;
  readonly #provenMin: number;
  readonly #blameless: ReadonlySet<string>;
  /** By number of the job and input, who gave which answer, whatever became of it. */
  readonly #voices = new Map<string, Map<string, Set<string>>>();
  readonly #confidence = new Confidence();
  #known = new Map<string, Pick<PersonEffect, "streak" | "valid" | "bad">>();
  /** The last step in which somebody was refuted. */
  #refuted = new Map<string, number>();
  readonly #suspectBadMin: number;
  readonly #suspectBadShare: number;
  #step = 0;

  // Of the step under way.
  #acceptances: Acceptance[] = [];
  #contradicted = new Map<string, string>();
  #credits = new Map<string, { readonly person: string; readonly digest: string }>();
  #judged = new Map<string, PersonEffect>();

  constructor(
    plans: readonly JobPlan[],
    scenario: Scenario,
    personas: readonly Persona[],
    limits: {
      readonly provenStreakMin: number;
      readonly suspectBadMin: number;
      readonly suspectBadShare: number;
    },
    check: CheckMode,
  ) {
    for (const plan of plans) {
      if (plan.spec.options.quorum !== undefined) this.#ledgers.set(plan.spec.job, new Ledger(plan));
    }
    const { populations } = scenario;
    this.#blameless = blamelessOf(scenario, personas);
    this.#isThorough = check === "tick";
    this.#hasOneEngine = new Set(populations.map(({ engineClass }) => engineClass)).size === 1;
    this.#provenMin = limits.provenStreakMin;
    this.#suspectBadMin = limits.suspectBadMin;
    this.#suspectBadShare = limits.suspectBadShare;
  }

  /** Of a job that asks for a quorum. */
  ledgerOf(job: string): Ledger | undefined {
    return this.#ledgers.get(job);
  }

  get ledgers(): Iterable<Ledger> {
    return this.#ledgers.values();
  }

  // What machines do.

  /** A person answered an input; nobody knows yet whether the hub will ever hear of it. */
  said({ name }: Persona, answer: Answer): void {
    if (!this.#isThorough || answer.outcome === "threw" || answer.outcome === "missing") return;
    const { job, index } = answer.input;
    const digest = digestOf(answer);
    if (isCanaryIndex(index)) {
      if (answer.outcome === "right") this.#confidence.add(name);
      return;
    }
    const key = `${job} ${index}`;
    const answers = this.#voices.get(key) ?? new Map<string, Set<string>>();
    this.#voices.set(key, answers);
    answers.set(digest, (answers.get(digest) ?? new Set()).add(name));
  }

  // What the hub does.

  begin(step: number): void {
    this.#step = step;
  }

  /** @throws ViolationError where a lie is believed that never must be */
  accepted(acceptance: Acceptance): void {
    const { plan, input, way, giver } = acceptance;
    const { conduct, name } = giver.persona;
    const isWrong = giver.failure === undefined && giver.verdict === "corrupted";
    if (giver.failure === undefined) {
      this.#ledgers.get(plan.spec.job)?.accepted(input, way, isWrong ? conduct : undefined);
    }
    if (isWrong && way !== "trusted") {
      const isAccident = conduct === "honest";
      if (conduct === "liar" || conduct === "colluder" || (isAccident && way === "quorum")) {
        this.#complain(acceptance, `got a wrong result by ${way}, of ${name}, who is ${conduct}`);
      }
    }
    if (this.#isThorough) this.#acceptances.push(acceptance);
  }

  credited(plan: JobPlan, input: number, person: string, claim: Candidate | undefined): void {
    const key = `${plan.spec.job} ${input} ${person}`;
    if (claim === undefined || claim.failure !== undefined || this.#credits.has(key)) {
      const what = `of ${plan.spec.job} is credited to ${person} without a claim, or twice`;
      throw new ViolationError("correctness", `input ${input} ${what}`);
    }
    if (this.#isThorough) this.#credits.set(key, { person, digest: claim.digest });
  }

  judged(effect: PersonEffect): void {
    if (this.#isThorough) this.#judged.set(effect.person, effect);
  }

  /** The step is done, and all that follows from it. @throws ViolationError */
  end(): void {
    if (!this.#isThorough) return;
    for (const acceptance of this.#acceptances) this.#examine(acceptance);
    const confirmed = this.#admit();
    this.#checkCredits();
    this.#checkRefuted(confirmed);
    for (const [person, { streak, valid, bad }] of this.#judged) {
      if (bad > (this.#known.get(person)?.bad ?? 0)) this.#fell(person);
      this.#known.set(person, { streak, valid, bad });
    }
    this.#acceptances = [];
    this.#contradicted = new Map();
    this.#credits = new Map();
    this.#judged = new Map();
  }

  /** Results are lost that were not stored when the hub died. */
  forget(job: string, ranges: Ranges): void {
    this.#ledgers.get(job)?.forget(ranges);
  }

  /** The hub begins again, with this knowledge of people. */
  restarted(known: ReadonlyMap<string, Pick<PersonEffect, "streak" | "valid" | "bad">>): void {
    this.#known = new Map(known);
    this.#refuted = new Map();
  }

  // How it looks at it.

  #examine(acceptance: Acceptance): void {
    const { plan, input, way, giver, others } = acceptance;
    const quorum = plan.spec.options.quorum!;
    const { name } = giver.persona;
    if (way === "trust") {
      if (!quorum.adaptive)
        this.#complain(acceptance, "stands on one person's word, which its job does not allow");
      const refuted = this.#refuted.get(name) ?? -1;
      if (giver.step <= refuted && refuted < this.#step) {
        this.#complain(acceptance, `stands on the word of ${name}, who was refuted since`);
      }
    }
    if (giver.failure !== undefined) return;
    const voices = this.#voicesFor(acceptance);
    if (!voices.has(name)) this.#complain(acceptance, `got a result that ${name} never gave`);
    if (way === "quorum" && voices.size < quorum.agree) {
      this.#complain(acceptance, `was agreed on by ${[...voices].join(", ")} and nobody else`);
    }
    if (way !== "trust" && (this.#hasOneEngine || quorum.deterministic)) {
      for (const [person, { digest, failure }] of others) {
        if (digest === giver.digest || failure !== undefined || person === name) continue;
        if (!this.#isSuspect(person)) this.#contradicted.set(person, `input ${input} of ${plan.spec.job}`);
      }
    }
  }

  #fell(person: string): void {
    this.#refuted.set(person, this.#step);
    if (!this.#blameless.has(person)) return;
    throw new ViolationError("correctness", `${person} is refuted, who never gave a wrong answer`);
  }

  #isSuspect(person: string): boolean {
    const { valid, bad } = this.#known.get(person) ?? { valid: 0, bad: 0 };
    return bad >= this.#suspectBadMin && bad > (valid + bad) * this.#suspectBadShare;
  }

  /**
   * Somebody who was right often enough before must have said what is accepted; what is accepted makes others right.
   * Within a step the order is not known, so it is tried until nothing more can be admitted.
   */
  #admit(): ReadonlyMap<string, number> {
    const confirmed = new Map<string, number>();
    let open = this.#acceptances;
    for (;;) {
      const rest = open.filter((acceptance) => {
        const voices = this.#voicesFor(acceptance);
        const { way, giver } = acceptance;
        const backers = way === "trust" ? [giver.persona.name] : [...voices];
        const isProven = (person: string) => this.#confidence.of(person) >= this.#provenMin;
        if (way !== "trusted" && !backers.some(isProven)) return true;
        for (const person of voices) {
          this.#confidence.add(person);
          confirmed.set(person, (confirmed.get(person) ?? 0) + 1);
        }
        return false;
      });
      if (rest.length === open.length) break;
      open = rest;
    }
    const [unfounded] = open;
    if (unfounded !== undefined) {
      this.#complain(unfounded, `was accepted by ${unfounded.way}, although nobody who said so is proven`);
    }
    return confirmed;
  }

  #checkCredits(): void {
    if (this.#credits.size === 0) return;
    const results = new Map<string, string>();
    for (const { plan, input, giver } of this.#acceptances) {
      if (giver.failure === undefined) results.set(`${plan.spec.job} ${input}`, giver.digest);
    }
    for (const [key, { person, digest }] of this.#credits) {
      if (results.get(key.slice(0, -person.length - 1)) === digest) continue;
      throw new ViolationError("correctness", `${key} is credited for what is no result`);
    }
  }

  /** Whoever is refuted begins anew. */
  #checkRefuted(confirmed: ReadonlyMap<string, number>): void {
    for (const [person, where] of this.#contradicted) {
      const judged = this.#judged.get(person);
      if (judged !== undefined && judged.streak <= (confirmed.get(person) ?? 0)) continue;
      const streak = judged?.streak ?? this.#known.get(person)?.streak ?? 0;
      throw new ViolationError(
        "correctness",
        `${person} was refuted at ${where} and keeps a streak of ${streak}`,
      );
    }
  }

  #voicesFor({ plan, input, giver, others }: Acceptance): ReadonlySet<string> {
    if (giver.failure !== undefined) {
      const alike = [...others].filter(([, { digest }]) => digest === giver.digest);
      return new Set(alike.map(([person]) => person));
    }
    return this.#voices.get(`${plan.number} ${input}`)?.get(giver.digest) ?? new Set();
  }

  #complain({ plan, input }: Acceptance, what: string): never {
    throw new ViolationError("correctness", `input ${input} of ${plan.spec.job} ${what}`);
  }
}

/** What a dispute has to show. @returns what is wrong with it, or nothing */
export function faultOfDispute(
  { of }: QuorumSpec,
  candidates: EffectOf<"RecordDispute">["candidates"],
  kept: ReadonlyMap<string, Candidate>,
): string | undefined {
  if (candidates.length < of) return `is given up after ${candidates.length} answers`;
  for (const { person, digest } of candidates) {
    if (kept.get(person)?.digest !== digest) return `is given up for an answer that ${person} did not give`;
  }
  const answers = new Set(candidates.map(({ digest }) => digest));
  return answers.size > 1 ? undefined : "is given up although all agree";
}
