import type {
  EffectOf,
  LeaseDescriptor,
  LeaseNo,
  PresentedUnit,
  SchedulerEffect,
  SchedulerEvent,
  WorkerId,
} from "../../src/scheduler/index.ts";
import { listOf } from "./scheduled-cluster.ts";
import { fresh, isSame, type ModelState, must } from "./scheduler-model-state.ts";

/** Whether a decision of the scheduler's own was allowed. */
export function checkDecision(model: ModelState, effect: SchedulerEffect, event: SchedulerEvent): void {
  switch (effect.type) {
    case "LeaseUnit":
      leased(model, effect);
      break;
    case "TrimLease": {
      const lease = model.leases.get(effect.lease);
      must(lease?.worker === effect.worker, "who has the lease is trimmed");
      must(
        effect.keep < lease.keep && effect.keep >= lease.reported,
        "a trim takes something, not what was reported",
      );
      const leases = [...model.leases.values()].filter(({ worker }) => worker === effect.worker);
      const isQueued = leases.indexOf(lease) >= model.workers.get(effect.worker)!.slots;
      must(isQueued || effect.keep > lease.reported, "what runs is not taken away");
      lease.keep = effect.keep;
      break;
    }
    case "RevokeLease": {
      const lease = model.leases.get(effect.lease);
      must(lease?.worker === effect.worker, "who has the lease loses it");
      const ends = event.type === "JobCancelled" && event.ranges === undefined;
      const job = model.jobs.get(lease.job)!;
      must(
        ends || model.isBroken(job) || model.owedBy(effect.lease).length === 0,
        "a lease was revoked in vain",
      );
      model.leases.delete(effect.lease);
      break;
    }
    case "EndJob":
      ended(model, effect, event);
      break;
    case "RecordCarveMark":
      must(effect.mark > model.jobs.get(effect.job)!.mark, "marks rise");
      model.jobs.get(effect.job)!.mark = effect.mark;
      break;
    case "RecordAdjustment":
      must(event.type === "JobAdjusted" && event.job === effect.job, "somebody set it");
      must(model.jobs.get(effect.job)?.paused === effect.paused, "what is recorded is what was said");
      break;
    case "WakeAt":
      break;
    case "AdoptLease":
    case "RefuseLease":
    case "RecordResults":
    case "RecordFailures":
    case "RecordRetries":
    case "RecordLoss":
    case "DropWorker":
    case "KeepCandidates":
    case "AcceptCandidates":
    case "DropCandidates":
    case "CreditVotes":
    case "RecordDispute":
    case "CompareAnswers":
    case "RecordPerson":
      must(false, `${JSON.stringify(effect)} does not follow from ${JSON.stringify(event)}`);
  }
}

function leased(model: ModelState, { lease: no, descriptor, speculative }: EffectOf<"LeaseUnit">): void {
  const job = model.jobs.get(descriptor.job);
  const worker = model.workers.get(descriptor.worker);
  must(job !== undefined && worker !== undefined, "job and worker are there");
  must(!job.paused, "nothing of a paused job is leased");
  const { slots, draining, pausedUntilMs, refused, description } = worker;
  must(!draining && model.nowMs >= pausedUntilMs, "the worker takes work");
  must(!refused.has(descriptor.job), "the worker did not refuse the job");
  const labels = job.submitted.options.needs.labels ?? [];
  must(
    labels.every((label) => description.labels.includes(label)),
    "the worker matches",
  );
  const inputs = listOf(descriptor.ranges);
  must(inputs.length > 0 && new Set(inputs).size === inputs.length, "a unit has inputs, each once");
  must(inputs.length <= model.limits.unitInputsMax, "a unit is not too large");
  must(descriptor.ranges.length <= model.limits.unitRangesMax, "a unit has not too many ranges");
  must(descriptor.strikes === 0 || inputs.length === 1, "suspects travel alone");
  for (const at of inputs) {
    const input = job.inputs[at];
    must(input !== undefined && input.result === undefined, `${at} is to be done`);
    must(isSame(descriptor, input.now), `${at} is of class ${JSON.stringify(input.now)}`);
    must(model.nowMs >= input.notBeforeMs, `${at} is ready`);
    must(!isSame(descriptor, fresh) || at < job.mark, `${at} is below the carve mark`);
    const owners = model.ownersOf(descriptor.job, at);
    must(owners.length === (speculative ? 1 : 0), `${at} runs ${owners.length} times already`);
    for (const owner of owners) {
      must(model.owedBy(owner).length === 1, "copies are made of what runs alone");
      must(model.leases.get(owner)!.worker !== descriptor.worker, "copies run elsewhere");
    }
  }
  enter(model, no, descriptor, 0);
  const held = [...model.leases.values()].filter((lease) => lease.worker === descriptor.worker).length;
  must(held <= slots * (1 + model.limits.prefetchUnitsMax), "no more units wait than may");
}

/** A lease that is presented goes on if there is anything left of it that nobody else has. */
export function presented(
  model: ModelState,
  worker: WorkerId,
  { descriptor, from }: PresentedUnit,
  effects: SchedulerEffect[],
): void {
  const at = effects.findIndex(({ type }) => type === "AdoptLease" || type === "RefuseLease");
  const [answer] = effects.splice(at, 1);
  const job = model.jobs.get(descriptor.job);
  const units = listOf(descriptor.ranges).slice(from);
  const own = units.filter((input) => {
    const known = job?.inputs[input];
    if (known === undefined || known.result !== undefined) return false;
    if (model.ownersOf(descriptor.job, input).length > 0) return false;
    const extra = known.now.strikes - descriptor.strikes;
    return known.now.failures === descriptor.failures && (extra === 0 || extra === 1);
  });
  must(
    answer?.type === (own.length > 0 ? "AdoptLease" : "RefuseLease"),
    `${own} of ${descriptor.job} is to go on`,
  );
  must(answer.descriptor.worker === worker, "it is told to who presented it");
  if (answer.type !== "AdoptLease") return;
  must(answer.from === from, "it goes on where it was");
  for (const input of own) {
    const { failures, strikes } = descriptor;
    Object.assign(job!.inputs[input]!, { now: { failures, strikes }, notBeforeMs: 0 });
  }
  enter(model, answer.lease, answer.descriptor, from, new Set(own));
}

function enter(
  model: ModelState,
  no: LeaseNo,
  descriptor: LeaseDescriptor,
  reported: number,
  own?: ReadonlySet<number>,
): void {
  must(!model.leases.has(no), "lease numbers are unique");
  const { job, worker, failures, strikes } = descriptor;
  const inputs = listOf(descriptor.ranges);
  const inputClass = { failures, strikes };
  model.leases.set(no, {
    job,
    worker,
    inputs,
    inputClass,
    reported,
    keep: inputs.length,
    ...(own && { own }),
  });
}

function ended(model: ModelState, { job: id, state }: EffectOf<"EndJob">, event: SchedulerEvent): void {
  const job = model.jobs.get(id);
  must(job !== undefined, `${id} ends once`);
  const isDone = job.sealed && job.inputs.every(({ result }) => result !== undefined);
  if (state === "done") must(isDone, `${id} is done`);
  if (state === "broken") must(!isDone && model.isBroken(job), `${id} is broken`);
  if (state === "cancelled") must(event.type === "JobCancelled" && event.job === id, `${id} was cancelled`);
  for (const lease of model.leases.values()) must(lease.job !== id, "an ended job has no leases");
  model.jobs.delete(id);
}
