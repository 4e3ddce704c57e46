import type { FailureKind } from "../../src/protocol/index.ts";
import type {
  EffectOf,
  EventOf,
  InputClass,
  JobId,
  SchedulerEffect,
  SchedulerEvent,
  WorkerId,
} from "../../src/scheduler/index.ts";
import { listOf } from "./scheduled-cluster.ts";
import { checkDecision, presented } from "./scheduler-model-rules.ts";
import { fresh, isSame, type ModelLease, ModelState, must } from "./scheduler-model-state.ts";

/*
 * What a scheduler must and may do, told as naively as possible: one object an input, every lease a list of
 * inputs, everything recounted each time. It does not decide who gets what; it says what must follow from
 * an event, and whether each decision was allowed.
 */

/** The results that must be recorded: position of the record and its input, and what becomes of it. */
interface Outcome {
  readonly kept: { at: number; input: number; failed: FailureKind | undefined }[];
  readonly retries: { input: number; inputClass: InputClass }[];
  refused: boolean;
}

/** Events about a worker that are no word of its own now. */
const notItsOwn: readonly SchedulerEvent["type"][] = ["WorkerLost", "WorkerJoined", "WorkerHolds"];

export class SchedulerModel extends ModelState {
  /** Takes an event and what the scheduler made of it; throws where that is wrong. */
  observe(event: SchedulerEvent, effects: readonly SchedulerEffect[]): void {
    this.nowMs = event.nowMs;
    if ("worker" in event && !notItsOwn.includes(event.type)) {
      const worker = this.workers.get(event.worker);
      if (worker !== undefined) worker.heardMs = event.nowMs;
    }
    const rest = [...effects];
    this.#follow(event, rest);
    for (const effect of rest) checkDecision(this, effect, event);
    for (const [id, job] of this.jobs) {
      const over = job.sealed && job.inputs.every(({ result }) => result !== undefined);
      must(!over, `${id} is over but goes on`);
      must(!this.isBroken(job), `${id} is broken but goes on`);
    }
    for (const [no, { worker }] of this.leases) must(this.workers.has(worker), `lease ${no} has no worker`);
  }

  /** The hub was killed: what only it knew is gone. */
  restart(nowMs: number): void {
    this.leases.clear();
    this.workers.clear();
    for (const job of this.jobs.values()) {
      job.judged = 0;
      job.misjudged = 0;
      job.inputs.forEach((input, at) => {
        input.now = input.recorded;
        input.notBeforeMs = 0;
        if (isSame(input.now, fresh) && at < job.mark)
          input.notBeforeMs = nowMs + this.limits.adoptionWindowMs;
      });
    }
  }

  /** Applies what an event means, and takes the effects out that must follow from it. */
  #follow(event: SchedulerEvent, effects: SchedulerEffect[]): void {
    switch (event.type) {
      case "JobSubmitted":
        if (this.jobs.has(event.spec.job)) break;
        this.jobs.set(event.spec.job, {
          submitted: event.spec,
          inputs: [],
          sealed: false,
          paused: false,
          judged: 0,
          misjudged: 0,
          mark: 0,
        });
        break;
      case "InputsAppended": {
        const job = this.jobs.get(event.job);
        if (job === undefined || job.sealed) break;
        for (let at = 0; at < event.count; at++) {
          job.inputs.push({ result: undefined, now: fresh, recorded: fresh, notBeforeMs: 0 });
        }
        break;
      }
      case "InputsSealed": {
        const job = this.jobs.get(event.job);
        if (job !== undefined) job.sealed = true;
        break;
      }
      case "JobAdjusted": {
        const job = this.jobs.get(event.job);
        if (job !== undefined) job.paused = event.paused ?? job.paused;
        break;
      }
      case "JobCancelled":
        this.#cancelled(event, effects);
        break;
      case "WorkerJoined":
        for (const id of [event.worker, ...(event.replaces ?? [])]) this.#lost(id, false, effects);
        this.workers.set(event.worker, {
          description: event.description,
          slots: event.description.slots,
          draining: false,
          pausedUntilMs: 0,
          heardMs: event.nowMs,
          refused: new Set(),
        });
        for (const unit of event.presented ?? []) presented(this, event.worker, unit, effects);
        break;
      case "WorkerHeard": {
        const worker = this.workers.get(event.worker);
        if (worker !== undefined && event.slots !== undefined) worker.slots = event.slots;
        break;
      }
      case "WorkerDraining": {
        const worker = this.workers.get(event.worker);
        if (worker !== undefined) worker.draining = true;
        break;
      }
      case "WorkerLost":
        this.#lost(event.worker, event.reason === "dropped", effects);
        break;
      case "UnitProgressed":
        this.#progressed(event, effects);
        break;
      case "UnitReturned":
        this.#returned(event);
        break;
      case "LateResults":
        this.#late(event, effects);
        break;
      case "WorkerHolds":
        // Advice: whoever gets an input instead, nothing must follow.
        break;
      case "OutputLost":
        throw new Error("this model knows no shuffles");
      case "AnswersCompared":
      case "CandidatesFull":
      case "PersonForgiven":
      case "PersonRecalled":
        throw new Error("this model knows no votes");
      case "ProjectLimited":
      case "Tick":
        for (const [id, { heardMs }] of [...this.workers]) {
          if (event.nowMs - heardMs < this.limits.leaseTtlMs) continue;
          const at = effects.findIndex((effect) => effect.type === "DropWorker" && effect.worker === id);
          must(at >= 0, `${id} is silent but was not dropped`);
          this.#lost(id, true, effects);
          effects.splice(
            effects.findIndex((effect) => effect.type === "DropWorker" && effect.worker === id),
            1,
          );
        }
        break;
    }
  }

  #cancelled({ job: id, ranges, reason }: EventOf<"JobCancelled">, effects: SchedulerEffect[]): void {
    const job = this.jobs.get(id);
    if (job === undefined) return;
    if (ranges === undefined) {
      const end = effects.find((effect) => effect.type === "EndJob");
      must(end?.job === id && end.state === "cancelled" && end.reason === reason, `${id} was not cancelled`);
      return;
    }
    const wanted = [...new Set(listOf(ranges))].filter(
      (at) => job.inputs[at]?.result === undefined && at < job.inputs.length,
    );
    const records = effects.filter((effect) => effect.type === "RecordFailures");
    must(records.length === (wanted.length > 0 ? 1 : 0), `wrong records for a cancel of ${wanted}`);
    for (const record of records) {
      must(record.kind === "cancelled", "a cancelled input is cancelled");
      must(sorted(listOf(record.ranges)) === sorted(wanted), `${wanted} should be cancelled`);
      effects.splice(effects.indexOf(record), 1);
    }
    for (const at of wanted) job.inputs[at]!.result = "cancelled";
  }

  #lost(id: WorkerId, vanished: boolean, effects: SchedulerEffect[]): void {
    const worker = this.workers.get(id);
    if (worker === undefined) return;
    this.workers.delete(id);
    const leases = [...this.leases].filter(([, lease]) => lease.worker === id);
    const struck = new Map<JobId, { retried: number[]; givenUp: number[] }>();
    for (const [rank, [no, lease]] of leases.entries()) {
      const owed = this.owedBy(no);
      this.leases.delete(no);
      const running = lease.reported < lease.keep ? lease.inputs[lease.reported]! : -1;
      if (!vanished || rank >= worker.slots || !owed.includes(running)) continue;
      if (this.ownersOf(lease.job, running).length > 0) continue;
      const job = this.jobs.get(lease.job)!;
      const input = job.inputs[running]!;
      const strikes = lease.inputClass.strikes + 1;
      const lists = struck.get(lease.job) ?? { retried: [], givenUp: [] };
      struck.set(lease.job, lists);
      if (strikes >= job.submitted.options.maxAttempts * this.limits.lossesPerStrike) {
        input.result = "quarantined";
        job.judged++;
        job.misjudged++;
        lists.givenUp.push(running);
      } else {
        input.now = { failures: lease.inputClass.failures, strikes };
        input.recorded = input.now;
        lists.retried.push(running);
      }
    }
    for (const [job, { retried, givenUp }] of struck) {
      if (retried.length > 0) this.#checkRetries(takeOut(effects, "RecordRetries", job), retried);
      if (givenUp.length === 0) continue;
      const failures = takeOut(effects, "RecordFailures", job);
      must(sorted(listOf(failures.ranges)) === sorted(givenUp), `${givenUp} of ${job} should be given up`);
    }
  }

  #checkRetries({ job, retries }: EffectOf<"RecordRetries">, struck: readonly number[]): void {
    const told = retries.flatMap(({ ranges }) => listOf(ranges));
    must(sorted(told) === sorted(struck), `${struck} of ${job} should be struck, not ${told}`);
    for (const retry of retries) {
      for (const at of listOf(retry.ranges)) {
        must(isSame(this.jobs.get(job)!.inputs[at]!.now, retry), `${at} of ${job} has the wrong class`);
      }
    }
  }

  #progressed(event: EventOf<"UnitProgressed">, effects: SchedulerEffect[]): void {
    const lease = this.leases.get(event.lease);
    const { from, count } = event;
    if (lease === undefined || lease.worker !== event.worker || from > lease.reported) return;
    if (from + count > lease.inputs.length) return;
    const worker = this.workers.get(event.worker)!;
    const first = Math.max(from, lease.reported);
    const outcome = this.#judge(lease, event, first, (at) => {
      const owners = this.ownersOf(lease.job, lease.inputs[at]!);
      return owners.length === 1 && owners[0] === event.lease;
    });
    this.#settle(lease.job, event.worker, outcome, effects);
    if (outcome.refused) worker.refused.add(lease.job);
    lease.reported = Math.max(lease.reported, from + count);
    if (!event.done && lease.reported < lease.inputs.length) return;
    const owed = this.owedBy(event.lease);
    this.leases.delete(event.lease);
    if (owed.some((at) => this.ownersOf(lease.job, at).length === 0)) worker.refused.add(lease.job);
  }

  #late(event: EventOf<"LateResults">, effects: SchedulerEffect[]): void {
    const { descriptor, from, count } = event;
    const job = this.jobs.get(descriptor.job);
    const inputs = listOf(descriptor.ranges);
    if (job === undefined || inputs.some((at) => at >= job.inputs.length) || from + count > inputs.length)
      return;
    const lease = { job: descriptor.job, inputs, inputClass: descriptor };
    const outcome = this.#judge(lease, event, from, () => false);
    this.#settle(descriptor.job, event.worker, outcome, effects);
  }

  /** What becomes of each position of a report. */
  #judge(
    lease: Pick<ModelLease, "job" | "inputs" | "inputClass">,
    report: Pick<EventOf<"UnitProgressed">, "from" | "count" | "failures">,
    first: number,
    isOwner: (position: number) => boolean,
  ): Outcome {
    const { submitted, inputs } = this.jobs.get(lease.job)!;
    const { failures, strikes } = lease.inputClass;
    const { retries, maxAttempts } = submitted.options;
    const outcome: Outcome = { kept: [], retries: [], refused: false };
    for (let position = first; position < report.from + report.count; position++) {
      const at = position - report.from;
      const input = lease.inputs[position]!;
      if (inputs[input]!.result !== undefined) continue;
      const kind = report.failures.find((failure) => failure.at === at)?.kind;
      const final = (failed?: FailureKind) => outcome.kept.push({ at, input, failed });
      const again = (inputClass: InputClass) =>
        isOwner(position) && outcome.retries.push({ input, inputClass });
      if (kind === undefined) final();
      else if (kind === "refused") outcome.refused = true;
      else if (kind === "unserializable") final(kind);
      else if (kind === "crash") {
        const more = strikes + this.limits.lossesPerStrike;
        if (more >= maxAttempts * this.limits.lossesPerStrike) final("quarantined");
        else again({ failures, strikes: more });
      } else if (failures < retries) again({ failures: failures + 1, strikes });
      else final(kind === "timeout" ? "timeout" : "error");
    }
    return outcome;
  }

  /** Exactly one record where there is anything to record, and it says exactly that. */
  #settle(id: JobId, worker: WorkerId, outcome: Outcome, effects: SchedulerEffect[]): void {
    const { kept, retries } = outcome;
    const job = this.jobs.get(id)!;
    if (kept.length + retries.length === 0) return;
    const record = takeOut(effects, "RecordResults", id);
    must(record.worker === worker, "the record is of somebody else");
    must(
      same(
        listOf(record.kept),
        kept.map(({ at }) => at),
      ),
      "other positions are kept",
    );
    must(
      same(
        listOf(record.ranges),
        kept.map(({ input }) => input),
      ),
      "other inputs are kept",
    );
    const failed = kept.flatMap(({ failed }, at) => (failed === undefined ? [] : [{ at, failed }]));
    must(
      same(
        record.failures.map(({ at, kind }) => `${at} ${kind}`),
        failed.map(({ at, failed }) => `${at} ${failed}`),
      ),
      "other failures",
    );
    const told = record.retries.flatMap((retry) =>
      listOf(retry.ranges).map((input) => `${input} ${retry.failures}.${retry.strikes}`),
    );
    const expected = retries.map(
      ({ input, inputClass }) => `${input} ${inputClass.failures}.${inputClass.strikes}`,
    );
    must(same(told.toSorted(), expected.toSorted()), `retries ${told} are not ${expected}`);
    for (const { input, failed } of kept) {
      must(job.inputs[input]!.result === undefined, `${input} of ${id} was accepted twice`);
      job.inputs[input]!.result = failed ?? "value";
      job.judged++;
      if (failed !== undefined) job.misjudged++;
    }
    for (const { input, inputClass } of retries) {
      const isFailure = inputClass.failures > job.inputs[input]!.now.failures;
      const { backoffMs } = job.submitted.options;
      const delayMs = Math.min(backoffMs * 2 ** (inputClass.failures - 1), this.limits.retryBackoffMaxMs);
      Object.assign(job.inputs[input]!, {
        now: inputClass,
        recorded: inputClass,
        notBeforeMs: isFailure ? this.nowMs + delayMs : 0,
      });
    }
  }

  #returned(event: EventOf<"UnitReturned">): void {
    const lease = this.leases.get(event.lease);
    if (lease === undefined || lease.worker !== event.worker) return;
    const worker = this.workers.get(event.worker)!;
    if (event.reason === "refused") worker.refused.add(lease.job);
    if (event.reason === "drain") worker.draining = true;
    if (event.reason === "overload") worker.pausedUntilMs = this.nowMs + this.limits.heartbeatIntervalMs;
    this.leases.delete(event.lease);
  }
}

const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b).join();
const same = (a: readonly unknown[], b: readonly unknown[]) => a.join() === b.join();

/** Takes the first record of a kind (and job) out, which must be there. */
function takeOut<T extends SchedulerEffect["type"]>(
  effects: SchedulerEffect[],
  type: T,
  job: JobId,
): EffectOf<T> {
  const at = effects.findIndex((effect) => effect.type === type && "job" in effect && effect.job === job);
  must(at >= 0, `there is no ${type} for ${job}`);
  return effects.splice(at, 1)[0] as EffectOf<T>;
}
