import { type FailureMark, pushRange, type Range, type Ranges, sliceRanges } from "../../protocol/index.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { Retries } from "../inputs/retries.ts";
import { type ResultBlock, waitFor } from "../leases/results.ts";
import { judge, readyAtMs } from "../leases/verdict.ts";
import { requeue } from "../matching/fairness.ts";
import { isCanary } from "../state/canary.ts";
import { draw } from "../state/chance.ts";
import { type Job, type Scheduler, type Worker, wakeBy } from "../state/state.ts";
import type { JobTrust, Vote } from "../state/trust-state.ts";
import { engineOf, isProven } from "../trust/job-trust.ts";
import { checkInterval, isTrusted, personOf, standingOf } from "../trust/people.ts";
import type { EffectOf, InputClass, WorkerId } from "../types.ts";
import { cast, discard, settle, tryDecide } from "./ballots.ts";
import { judgeCanary } from "./canaries.ts";
import { comparisonOf, isComparable, voiceOf } from "./comparisons.ts";
import { count, Outcome } from "./outcome.ts";
import { giveWordBack, stand, takeWord } from "./words.ts";

/** Records of the block that are results as they are. */
class Taken {
  readonly kept: Range[] = [];
  readonly ranges: Range[] = [];
  readonly failures: FailureMark[] = [];
  count = 0;

  take(position: number, input: number, failure: Vote["failure"]): void {
    pushRange(this.kept, position, position + 1);
    pushRange(this.ranges, input, input + 1);
    if (failure !== undefined) this.failures.push({ at: this.count, ...failure });
    this.count++;
  }
}

/**
 * Takes in one block of results of a job that asks for a quorum: each record is a vote, or stands on its person's
 * word, or decides its input. The counterpart of `Acceptance`.
 */
export class Tally {
  readonly #state: Scheduler;
  readonly #job: Job;
  readonly #trust: JobTrust;
  readonly #worker: Worker;
  readonly #unit: InputClass & { readonly ranges: Ranges };
  readonly #block: ResultBlock;
  readonly #digests: readonly string[];
  readonly #outcome: Outcome;
  /** Of a trusted worker. */
  readonly #results = new Taken();
  readonly #candidates = new Taken();
  readonly #retries = new Retries();
  readonly #back: Range[] = [];
  readonly #unharmed: Range[] = [];
  readonly #absent: Range[] = [];
  readonly #comparisons: EffectOf<"CompareAnswers">[] = [];
  refused = false;

  constructor(
    state: Scheduler,
    job: Job,
    trust: JobTrust,
    worker: Worker,
    unit: InputClass & { readonly ranges: Ranges },
    block: ResultBlock,
  ) {
    this.#state = state;
    this.#job = job;
    this.#trust = trust;
    this.#worker = worker;
    this.#unit = unit;
    this.#block = block;
    this.#digests = block.digests ?? [];
    this.#outcome = new Outcome(state, job);
  }

  /** The inputs that got their result. */
  get ranges(): Ranges {
    const all = new RangeSet(this.#outcome.ranges);
    all.addAll(this.#results.ranges);
    return [...all.ranges()];
  }

  /** As in `Acceptance`. */
  take(first: number, last: number, own: boolean | RangeSet): void {
    if (first >= last) return;
    const { from, failures } = this.#block;
    const marks = new Map(failures.map((mark) => [mark.at, mark]));
    let position = first - from;
    for (const [start, end] of sliceRanges(this.#unit.ranges, first, last)) {
      for (let input = start; input < end; input++, position++) {
        const isOwn = own === true || (own !== false && own.has(input));
        this.#one(position, input, marks.get(position), isOwn);
      }
    }
  }

  #one(position: number, input: number, mark: FailureMark | undefined, isOwn: boolean): void {
    const { done } = this.#job;
    this.#trust.replicas++;
    if (isCanary(input)) {
      const digest = mark === undefined ? this.#digests[position] : undefined;
      if (!isTrusted(this.#worker)) {
        judgeCanary(this.#state, this.#job, this.#trust, personOf(this.#worker), input, digest);
      }
      return;
    }
    if (done.has(input)) return;
    let failure: Vote["failure"];
    if (mark !== undefined) {
      const verdict = judge(this.#job, this.#unit, mark.kind, this.#state.config);
      if (verdict.type === "unharmed") this.refused = true;
      if (verdict.type !== "final") {
        if (!isOwn) return;
        if (verdict.type === "retry") this.#retries.add(verdict.inputClass, input);
        else pushRange(verdict.type === "absent" ? this.#absent : this.#unharmed, input, input + 1);
        return;
      }
      failure = { kind: verdict.kind, fingerprint: mark.fingerprint };
    }
    const digest = this.#digests[position]!;
    const vote = { person: personOf(this.#worker), worker: this.#worker.id, digest, failure };
    if (this.#trust.provisional.has(input)) return;
    // Somebody else's input that is not under a lease may be taken out and put back where it belongs.
    const isFree = !isOwn && this.#job.pending.remove([[input, input + 1]]) > 0;
    const isHeld = isOwn || isFree;
    if (!this.#enter(position, input, vote, isOwn, isHeld) && isHeld) pushRange(this.#back, input, input + 1);
  }

  /**
   * Says whether nothing is to be done about the input for now.
   * @param isHeld nobody else has it under a lease
   */
  #enter(position: number, input: number, vote: Vote, isOwn: boolean, isHeld: boolean): boolean {
    const state = this.#state;
    const trust = this.#trust;
    let ballot = trust.ballots.get(input);
    // Where the task itself compares nobody adds to what it is asked.
    if (trust.comparing.has(input)) return true;
    if (isTrusted(this.#worker)) {
      if (ballot !== undefined) {
        const trusted = { ...vote, person: voiceOf(this.#worker), isTrusted: true };
        if (isComparable(trust, ballot, trusted)) {
          if (!isHeld) return false;
          this.#candidates.take(position, input, vote.failure);
          this.#compare(input, trusted);
          return true;
        }
        const { digest } = vote;
        const engineClass = engineOf(trust, this.#worker);
        const isFailure = vote.failure !== undefined;
        settle(state, trust, input, ballot, { digest, isFailure, engineClass }, this.#outcome);
        this.#outcome.drop(input);
      }
      this.#results.take(position, input, vote.failure);
      this.#job.done.add(input, input + 1);
      return true;
    }
    if (standingOf(state, vote.person) === "suspect") return false;
    if (ballot !== undefined) {
      if (ballot.votes.some(({ person }) => person === vote.person)) return false;
      if (ballot.engineClass !== engineOf(trust, this.#worker)) {
        // What only newcomers said with another engine can be compared with nothing: it is begun anew.
        const isBound = ballot.votes.some(({ person }) => isProven(state, person));
        if (isBound || !isProven(state, vote.person)) return false;
        discard(trust, input, ballot);
        if (ballot.stake !== undefined) giveWordBack(trust, ballot.votes[0]!.person, ballot.stake);
        ballot = undefined;
      }
    }
    const isCompared = ballot !== undefined && isComparable(trust, ballot, vote);
    // It is late; whoever has the input now is asked instead.
    if (isCompared && !isHeld) return false;
    const isLone = ballot === undefined && vote.failure === undefined && trust.quorum.adaptive;
    const mayStand = isLone && isOwn && isProven(state, vote.person);
    const isChecked = mayStand && draw(state.chance) * checkInterval(state, vote.person) < 1;
    this.#candidates.take(position, input, vote.failure);
    if (mayStand && !isChecked) {
      stand(state, trust, { input, engineClass: engineOf(trust, this.#worker), vote });
      return true;
    }
    const stake = isChecked ? takeWord(trust, vote.person) : undefined;
    if (isCompared) {
      this.#compare(input, vote);
      return true;
    }
    const open = cast(trust, input, engineOf(trust, this.#worker), vote, stake);
    return tryDecide(state, trust, input, open, this.#outcome);
  }

  #compare(input: number, vote: Vote): void {
    const ballot = cast(this.#trust, input, "", vote, undefined);
    this.#comparisons.push(comparisonOf(this.#job, this.#trust, input, ballot, vote));
  }

  /** Enters what comes of it into the job and the effects. */
  record(worker: WorkerId): void {
    const { pending, id: job } = this.#job;
    const state = this.#state;
    const { nowMs, config, effects } = state;
    if (this.#candidates.count > 0) {
      const { kept, ranges, failures } = this.#candidates;
      const person = voiceOf(this.#worker);
      effects.push({ type: "KeepCandidates", job, worker, person, kept, ranges, failures });
    }
    effects.push(...this.#comparisons);
    const retries = this.#retries.list();
    if (this.#results.count > 0) this.#recordTrusted(worker);
    this.#outcome.flush();
    for (const retry of retries) {
      const isFailure = retry.failures > this.#unit.failures;
      const atMs = isFailure ? readyAtMs(this.#job, retry.failures, nowMs, config) : nowMs;
      if (atMs > nowMs) {
        pending.delay(retry, retry.ranges, atMs);
        wakeBy(state, atMs);
      } else {
        pending.add(retry, retry.ranges);
      }
    }
    if (retries.length > 0) effects.push({ type: "RecordRetries", job, retries });
    pending.add(this.#unit, this.#unharmed);
    pending.add({ failures: 0, strikes: this.#unit.strikes }, this.#back);
    waitFor(state, this.#job, this.#unit, this.#absent);
    // Newcomers may begin as much again as they have reported.
    this.#trust.pending.grew = true;
    requeue(state, this.#job);
    state.changed.add(this.#job);
  }

  #recordTrusted(worker: WorkerId): void {
    const { kept, ranges, failures, count: results } = this.#results;
    const [first] = failures;
    const culprit = first === undefined ? undefined : sliceRanges(ranges, first.at, first.at + 1)[0]?.[0];
    count(this.#job, results, failures.length, culprit);
    this.#job.pending.remove(ranges);
    const { id: job } = this.#job;
    const accepted = "trusted";
    this.#state.effects.push({
      type: "RecordResults",
      job,
      worker,
      accepted,
      kept,
      ranges,
      failures,
      retries: [],
    });
  }
}
