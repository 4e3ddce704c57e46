import { countOf, type FailureKind, type Ranges } from "../../protocol/index.ts";
import type { JobPlan } from "../plan.ts";
import type { JobOutcome, Violation } from "../types.ts";
import type { Outcome } from "./records.ts";
import { ViolationError } from "./violation.ts";

const ACCEPTED = 1;
const FAILED = 2;
const STARTED = 4;

/** What the auditor knows of a job, from the client's side and from the machines', not from the hub. */
interface Account {
  readonly plan: JobPlan;
  /** A byte of flags an input. */
  flags: Uint8Array;
  size: number;
  cancelled: boolean;
  accepted: number;
  failed: number;
  endedMs: number | undefined;
  state: string;
  /** Attempts that threw or timed out, where some were seen. */
  readonly threw: Map<number, number>;
  /** Workers that vanished under an input: excuses that it is given up for it. */
  readonly lost: Map<number, number>;
  /** Slot time of its results. */
  spentMs: number;
  /** First input and time of each append. */
  readonly appends: { from: number; atMs: number }[];
  waitMs: number;
  started: number;
}

/**
 * Knows the right answers, and holds against them what the hub stores: every input ends once, with what its
 * function gives, and none fails that need not.
 */
export class Auditor {
  readonly #accounts: Account[];
  readonly #mayCorrupt: boolean;
  readonly #lossesMin: (job: JobPlan) => number;
  #open: number;
  done = 0;
  failed = 0;
  appended = 0;
  corrupted = 0;
  /** Workers that vanished, in whatever way. */
  losses = 0;

  constructor(plans: readonly JobPlan[], mayCorrupt: boolean, lossesMin: (job: JobPlan) => number) {
    this.#accounts = plans.map((plan) => ({
      plan,
      flags: new Uint8Array(0),
      size: 0,
      cancelled: false,
      accepted: 0,
      failed: 0,
      endedMs: undefined,
      state: "running",
      threw: new Map(),
      lost: new Map(),
      spentMs: 0,
      appends: [],
      waitMs: 0,
      started: 0,
    }));
    this.#open = plans.length;
    this.#mayCorrupt = mayCorrupt;
    this.#lossesMin = lossesMin;
  }

  /** Jobs that have not ended, those to come among them. */
  get open(): number {
    return this.#open;
  }

  sizeOf(job: number): number {
    return this.#accounts[job]!.size;
  }

  hasEnded(job: number): boolean {
    return this.#accounts[job]!.endedMs !== undefined;
  }

  // What the client did.

  inputsAppended(job: number, count: number, nowMs: number): void {
    const account = this.#accounts[job]!;
    account.appends.push({ from: account.size, atMs: nowMs });
    account.size += count;
    this.appended += count;
    if (account.flags.length >= account.size) return;
    const flags = new Uint8Array(
      Math.max(account.size, Math.min(account.flags.length * 2, account.plan.inputs)),
    );
    flags.set(account.flags);
    account.flags = flags;
  }

  cancelled(job: number): void {
    const account = this.#accounts[job]!;
    account.cancelled = true;
    if (account.plan.map !== undefined) this.cancelled(account.plan.map.number);
  }

  // What machines did.

  started(job: number, index: number, nowMs: number): void {
    const account = this.#accounts[job]!;
    // Canaries are no inputs.
    if (index >= account.size) return;
    const flags = account.flags[index]!;
    if ((flags & STARTED) !== 0) return;
    account.flags[index] = flags | STARTED;
    account.started++;
    account.waitMs += nowMs - this.#appendedMs(account, index);
  }

  threw(job: number, index: number): void {
    const { threw } = this.#accounts[job]!;
    threw.set(index, (threw.get(index) ?? 0) + 1);
  }

  /** A worker vanished that may have been running it. */
  lostUnder(job: string, index: number): void {
    const account = this.#accounts.find(({ plan }) => plan.spec.job === job);
    account?.lost.set(index, (account.lost.get(index) ?? 0) + 1);
  }

  // What the hub did.

  /** The hub keeps the result of an input. */
  accept(job: number, index: number, verdict: Outcome | "wrong", failure: FailureKind | undefined): void {
    const account = this.#accounts[job]!;
    this.#mark(account, index, failure !== undefined);
    if (failure !== undefined) {
      this.#judgeFailure(account, index, failure);
      return;
    }
    if (verdict === "threw" || verdict === "missing")
      this.#wrong(account, index, "counts as a value although it threw");
    if (verdict === "wrong") this.#wrong(account, index, "got the result of another input");
    if (verdict === "corrupted") {
      if (!this.#mayCorrupt) this.#wrong(account, index, "was corrupted by nobody");
      this.corrupted++;
    }
  }

  /** Inputs that the hub itself ends. */
  giveUp(job: number, ranges: Ranges, kind: "quarantined" | "cancelled"): void {
    const account = this.#accounts[job]!;
    for (const [start, end] of ranges) {
      for (let index = start; index < end; index++) {
        this.#mark(account, index, true);
        this.#judgeFailure(account, index, kind);
      }
    }
  }

  /** A crash took results with it that the journal had not stored. */
  forget(job: number, ranges: Ranges): void {
    const account = this.#accounts[job]!;
    for (const [start, end] of ranges) {
      for (let index = start; index < end; index++) {
        const flags = account.flags[index]!;
        if ((flags & FAILED) !== 0) {
          account.failed--;
          this.failed--;
        }
        account.flags[index] = flags & ~(ACCEPTED | FAILED);
      }
    }
    account.accepted -= countOf(ranges);
    this.done -= countOf(ranges);
  }

  /** A crash took with it that outputs were lost: their segments count as mapped again. */
  remember(job: number, ranges: Ranges): void {
    const account = this.#accounts[job]!;
    for (const [start, end] of ranges) {
      for (let index = start; index < end; index++) this.#mark(account, index, false);
    }
  }

  /** A power cut took the end of a job with it that was told already. */
  reopen(job: number): void {
    const account = this.#accounts[job]!;
    if (account.endedMs === undefined) return;
    account.endedMs = undefined;
    account.state = "running";
    this.#open++;
    if (account.plan.map !== undefined) this.reopen(account.plan.map.number);
  }

  /** The journal holds the end of a job. */
  ended(job: number, state: string, nowMs: number): void {
    const account = this.#accounts[job]!;
    if (account.endedMs !== undefined)
      throw new ViolationError("correctness", `${account.plan.spec.job} ended twice`);
    account.endedMs = nowMs;
    account.state = state;
    this.#open--;
    if (account.plan.map !== undefined) this.ended(account.plan.map.number, state, nowMs);
    // What partitions that had begun have read may be lost when they are done, and is not made again.
    if (account.plan.isStage) return;
    const { accepted, size, plan } = account;
    if (state === "done" && accepted !== size) {
      throw new ViolationError(
        "correctness",
        `${plan.spec.job} ended with ${size - accepted} of ${size} inputs lost`,
      );
    }
    if (state === "done" && size !== plan.inputs) {
      throw new ViolationError("correctness", `${plan.spec.job} ended before all inputs were there`);
    }
    if (state === "cancelled" && !account.cancelled) {
      throw new ViolationError("correctness", `${plan.spec.job} was cancelled by nobody`);
    }
    const { failingShare = 0, flakyShare = 0, killerShare = 0, timeoutMs } = plan.scenario;
    // What its inputs read may be lost.
    const mayLack = plan.scenario.reads !== undefined;
    const nothingFails =
      failingShare + flakyShare + killerShare === 0 &&
      timeoutMs === undefined &&
      !mayLack &&
      !this.#mayDiffer(plan);
    if (state === "broken" && nothingFails && this.losses === 0) {
      throw new ViolationError("correctness", `${plan.spec.job} broke although nothing fails`);
    }
  }

  /** What results of a job took of a slot. */
  spent(job: number, ms: number): void {
    this.#accounts[job]!.spentMs += ms;
  }

  /**
   * Two unfinished jobs that got slot time which is not by their weights: start-time fair queueing keeps what they
   * got, divided by their weights, as close as what each may have under way.
   * @param underWayMs slot time of one job that may be leased and not reported
   * @returns a message, or nothing where all got their share
   */
  unfair(underWayMs: number): string | undefined {
    const open = this.#accounts.filter(({ endedMs, size }) => endedMs === undefined && size > 0);
    const shares = open.map(({ plan, spentMs }) => {
      const weight = 2 ** plan.spec.options.priority;
      return { job: plan.spec.job, spentMs, weight, lagMs: underWayMs / weight };
    });
    for (const a of shares) {
      for (const b of shares) {
        if (a.spentMs / a.weight - b.spentMs / b.weight <= a.lagMs + b.lagMs) continue;
        return `${a.job} got ${Math.round(a.spentMs)} ms of slots at weight ${a.weight}, ${b.job} ${Math.round(b.spentMs)} ms at ${b.weight}`;
      }
    }
    return undefined;
  }

  /** Jobs that should have ended. @returns a message, or nothing where all have. */
  unfinished(): string | undefined {
    const open = this.#accounts.filter(({ endedMs }) => endedMs === undefined);
    if (open.length === 0) return undefined;
    const { plan, accepted, size } = open[0]!;
    return `${open.length} jobs have not ended; ${plan.spec.job} has ${accepted} of ${size} results (${plan.inputs} inputs planned)`;
  }

  violation(error: unknown, virtualMs: number, step: number): Violation {
    const kind = error instanceof ViolationError ? error.kind : "crash";
    return { kind, message: error instanceof Error ? error.message : String(error), virtualMs, step };
  }

  outcomes(): JobOutcome[] {
    const jobs = this.#accounts.filter(({ plan }) => !plan.isStage);
    return jobs.map(({ plan, endedMs, state, accepted, failed, size, waitMs, started }) => ({
      job: plan.spec.job,
      name: plan.scenario.name,
      submittedMs: plan.submittedMs,
      endedMs: endedMs ?? null,
      makespanMs: endedMs === undefined ? null : endedMs - plan.submittedMs,
      state,
      inputs: size,
      done: accepted,
      failed,
      meanWaitMs: started === 0 ? 0 : waitMs / started,
    }));
  }

  #mark(account: Account, index: number, isFailed: boolean): void {
    if (index >= account.size) this.#wrong(account, index, "has a result but was never sent");
    const flags = account.flags[index]!;
    if ((flags & ACCEPTED) !== 0) this.#wrong(account, index, "was accepted twice");
    account.flags[index] = flags | ACCEPTED | (isFailed ? FAILED : 0);
    account.accepted++;
    this.done++;
    if (!isFailed) return;
    account.failed++;
    this.failed++;
  }

  #judgeFailure(account: Account, index: number, kind: FailureKind): void {
    const { plan, threw, cancelled } = account;
    const { retries } = plan.spec.options;
    switch (kind) {
      case "error":
      case "timeout":
        if ((threw.get(index) ?? 0) > retries) return;
        this.#wrong(
          account,
          index,
          `failed after ${threw.get(index) ?? 0} attempts that threw; ${retries} retries were due`,
        );
        break;
      case "quarantined":
        if (plan.kills(index) || (account.lost.get(index) ?? 0) >= this.#lossesMin(plan)) return;
        this.#wrong(account, index, `was given up after ${account.lost.get(index) ?? 0} workers vanished`);
        break;
      case "disputed":
        // Whether they disagree was looked at where the answers are; somebody must have caused it.
        if (this.#mayDiffer(plan)) return;
        this.#wrong(account, index, "is disputed although nobody was wrong");
        break;
      case "cancelled":
        if (!cancelled) this.#wrong(account, index, "was cancelled by nobody");
        break;
      default:
        this.#wrong(account, index, `failed with ${kind}, which nobody did`);
    }
  }

  /** Whether there is a reason for people's answers to differ. */
  #mayDiffer({ scenario, spec }: JobPlan): boolean {
    const { quorum } = spec.options;
    if (quorum === undefined) return false;
    const { flakyShare = 0, engineShare = 0 } = scenario;
    return this.#mayCorrupt || flakyShare > 0 || (quorum.deterministic && engineShare > 0);
  }

  #wrong({ plan }: Account, index: number, what: string): never {
    throw new ViolationError("correctness", `input ${index} of ${plan.spec.job} ${what}`);
  }

  #appendedMs({ appends }: Account, index: number): number {
    let low = 0;
    let high = appends.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (appends[middle]!.from <= index) low = middle;
      else high = middle - 1;
    }
    return appends[low]?.atMs ?? 0;
  }
}
