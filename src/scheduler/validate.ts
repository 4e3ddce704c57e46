import { RangeSet } from "./inputs/rangeset.ts";
import { owedBy, ownedOf } from "./leases/leases.ts";
import { strikesMax } from "./leases/verdict.ts";
import { canServe } from "./matching/demand.ts";
import { excludedFor, isHeld, isStopped, isWhole } from "./matching/fairness.ts";
import { isCanary } from "./state/canary.ts";
import {
  type Demand,
  type Job,
  openSlots,
  type Scheduler,
  unreportedOf,
  type Worker,
} from "./state/state.ts";
import type { JobTrust, Word } from "./state/trust-state.ts";
import { hasForVote, isProven } from "./trust/job-trust.ts";
import { standingOf } from "./trust/people.ts";
import { decide } from "./trust/votes.ts";

type Complain = (broken: string) => void;

/**
 * Checks every invariant of a state between two steps. Slow: for tests and the simulator.
 * @throws Error that lists what is broken.
 */
export function validate(state: Scheduler): void {
  const broken: string[] = [];
  for (const job of state.jobs.values()) {
    checkInputs(state, job, (what) => broken.push(`job ${job.id}: ${what}`));
    checkJob(state, job, (what) => broken.push(`job ${job.id}: ${what}`));
  }
  for (const worker of state.workers.values()) {
    checkWorker(state, worker, (what) => broken.push(`worker ${worker.id}: ${what}`));
  }
  for (const demand of state.demands.values()) {
    checkDemand(state, demand, (what) => broken.push(`demand ${demand.key}: ${what}`));
  }
  checkWhole(state, (what) => broken.push(what));
  if (broken.length > 0) throw new Error(`Broken invariants:\n${broken.join("\n")}`);
}

/** Every input is done, pending or under lease, and only one of these. */
function checkInputs(state: Scheduler, job: Job, complain: Complain): void {
  const seen = job.done.clone();
  for (const { failures, strikes, inputs } of job.pending.sets()) {
    const ranges = [...inputs.ranges()];
    if (seen.addAll(ranges) !== inputs.count) complain(`class ${failures}.${strikes} shares inputs`);
    if (inputs.count === 0 && failures + strikes > 0) complain(`class ${failures}.${strikes} is kept empty`);
    if (failures > job.spec.options.retries) complain(`class ${failures}.${strikes} was retried too often`);
    if (strikes >= strikesMax(job, state.config)) complain(`class ${failures}.${strikes} should be given up`);
  }
  for (const lease of job.leases) {
    const { no, count, keep, reported, sibling, descriptor } = lease;
    if (keep > count || reported > count) complain(`lease ${no} goes beyond its unit`);
    if (sibling !== undefined && unreportedOf(sibling) > 0 && sibling.no < no) continue;
    if (unreportedOf(lease) > 0 && owedBy(lease).length === 0) complain(`lease ${no} is in vain`);
    let position = 0;
    for (const [start, end] of descriptor.ranges) {
      const from = Math.max(start, start + reported - position);
      const to = Math.min(end, start + keep - position);
      position += end - start;
      if (from >= to || isCanary(start)) continue;
      for (const [first, last] of ownedOf(lease, job.done.missing([[from, to]]))) {
        if (seen.add(first, last) !== last - first) complain(`lease ${no} shares inputs`);
        if (descriptor.failures + descriptor.strikes === 0 && last > job.carveMark) {
          complain(`lease ${no} is above the carve mark`);
        }
      }
    }
  }
  if (job.trust !== undefined) checkVotes(state, job, job.trust, seen, complain);
  if (seen.count !== job.size) complain(`${job.size - seen.count} inputs are lost`);
  if (seen.nextIn(job.size) !== Number.POSITIVE_INFINITY) complain("it holds inputs that do not exist");
}

/** Undecided inputs wait or run; provisional ones do neither; nobody votes twice, and what can be decided is. */
function checkVotes(state: Scheduler, job: Job, trust: JobTrust, seen: RangeSet, complain: Complain): void {
  const { ballots, open, voted, words, provisional, quorum, pending, shut } = trust;
  const word = new RangeSet();
  const stakes = [...words, ...stakesOf(trust)];
  let staked = 0;
  for (const [person, { inputs, sample }] of stakes) {
    staked += inputs.count;
    word.addAll([...inputs.ranges()]);
    if (inputs.count === 0 && words.get(person)?.inputs === inputs)
      complain(`the empty word of ${person} is kept`);
    if (sample !== undefined && words.get(person)?.sample === sample && !inputs.has(sample.input))
      complain(`the sample of ${person} is none of its inputs`);
  }
  if (word.count !== staked) complain("inputs stand on the word of two");
  if (word.count !== provisional.count || word.countIn([...provisional.ranges()]) !== word.count)
    complain("what is provisional stands on nobody's word");
  const before = seen.count;
  if (
    seen.addAll([...provisional.ranges()]) !== provisional.count ||
    seen.count - before !== provisional.count
  )
    complain("provisional inputs wait or run");
  for (const input of trust.comparing.keys()) {
    if (!ballots.has(input)) complain(`${input} is compared, and nobody voted on it`);
    if (seen.addAll([[input, input + 1]]) === 0) complain(`${input} is compared, and waits or runs`);
  }
  if (open.count !== ballots.size) complain(`${open.count} inputs are open with ${ballots.size} ballots`);
  if (open.intersect([...job.done.ranges()]).length > 0) complain("decided inputs have votes");
  let votes = 0;
  for (const [input, ballot] of ballots) {
    votes += ballot.votes.length;
    const people = new Set(ballot.votes.map(({ person }) => person));
    if (people.size !== ballot.votes.length) complain(`somebody voted twice on ${input}`);
    if (people.size === 0 || !open.has(input)) complain(`${input} has a ballot without votes`);
    for (const person of people) {
      if (!voted.get(person)?.has(input)) complain(`${person} does not know that it voted on ${input}`);
      if (standingOf(state, person) === "suspect") complain(`the word of ${person} still counts`);
    }
    const isKnown = (person: string) => isProven(state, person);
    if (!trust.comparing.has(input) && decide(ballot.votes, quorum, isKnown).type !== "open")
      complain(`${input} could be decided`);
  }
  for (const inputs of voted.values()) votes -= inputs.count;
  if (votes !== 0) complain("votes are not where they were given");
  for (const { lane, inputs } of pending.sets()) {
    const apart = open.countIn([...inputs.ranges()]);
    if (apart !== (lane === undefined ? 0 : inputs.count)) complain(`lane ${lane} holds others' inputs`);
  }
  for (const worker of shut) {
    if (!worker.shut.has(job)) complain(`${worker.id} does not know that there is nothing for it`);
    if (hasForVote(state, job, trust, worker) && canServe(worker, job))
      complain(`there is something for ${worker.id}, and it does not know`);
  }
}

function* stakesOf({ ballots }: JobTrust): Generator<[string, Word], void, undefined> {
  for (const { stake, votes } of ballots.values()) {
    if (stake !== undefined) yield [votes[0]!.person, stake];
  }
}

function checkJob(state: Scheduler, job: Job, complain: Complain): void {
  const { demand, done, pending, queueAt, leases, refusedBy } = job;
  const { downstream, upstream } = job;
  if (isWhole(job) && downstream === undefined) complain("it has ended");
  if (downstream !== undefined) checkStage(state, job, downstream, complain);
  if (upstream !== undefined && upstream.downstream !== job) complain("its map stage is another job's");
  if (job.failed > done.count) complain("more failed than are done");
  if (queueAt >= 0 !== (pending.readyCount > 0 && !isStopped(job)))
    complain("its queue does not know whether it is ready");
  if (!demand.jobs.has(job) || state.demands.get(demand.key) !== demand) complain("its demand is unknown");
  if (!Number.isFinite(job.vtimeMs)) complain("its virtual time is lost");
  if (pending.nextMs < state.wakeAtMs) complain("nobody will wake it");
  for (const lease of leases)
    if (state.leases.get(lease.no) !== lease) complain(`lease ${lease.no} is stray`);
  for (const worker of refusedBy) if (!worker.refused.has(job)) complain(`${worker.id} did not refuse it`);
  for (const [worker, own] of job.near.of) {
    if (state.workers.get(worker.id) !== worker) complain(`${worker.id} is near, but gone`);
    if (!worker.nearTo.has(job)) complain(`${worker.id} does not know that it is near`);
    if (own.without(job.near.any, 1).length > 0) complain(`${worker.id} is near to what nobody is near to`);
  }
}

function checkStage(state: Scheduler, stage: Job, reduce: Job, complain: Complain): void {
  if (reduce.upstream !== stage || state.jobs.get(reduce.id) !== reduce) complain("its reduce stage is gone");
  if (stage.failed > 0) complain("an input of a map stage failed, and its job goes on");
  if (isHeld(reduce) && reduce.queueAt >= 0) complain("its reduce stage does not wait for it");
}

function checkWorker(state: Scheduler, worker: Worker, complain: Complain): void {
  const { leases, slots, draining, refused } = worker;
  for (const lease of leases) {
    const { no, sibling, job } = lease;
    if (lease.worker !== worker || state.leases.get(no) !== lease) complain(`lease ${no} is stray`);
    if (!job.leases.has(lease) || state.jobs.get(job.id) !== job) complain(`lease ${no} has no job`);
    if (sibling !== undefined && (sibling.sibling !== lease || sibling.worker === worker)) {
      complain(`lease ${no} has a sibling that is none`);
    }
  }
  for (const job of refused) if (!job.refusedBy.has(worker)) complain(`it refused ${job.id} in vain`);
  for (const job of worker.nearTo) {
    if (state.jobs.get(job.id) !== job || !job.near.of.has(worker))
      complain(`it is near to ${job.id} in vain`);
  }
  const isFree = !draining && leases.size < slots && state.nowMs >= worker.pausedUntilMs;
  if (isFree !== state.idle.has(worker) && !state.paused.has(worker)) complain(`idle should be ${isFree}`);
  if (state.hungry.has(worker) && leases.size < slots) complain("it is idle, not just hungry");
  if (worker.lastHeardMs + state.config.leaseTtlMs < state.wakeAtMs) complain("nobody will miss it");
  if (!state.idle.has(worker)) return;
  for (const { queue, jobs } of worker.demands) {
    const job = queue.least(excludedFor(worker));
    if (job !== undefined) complain(`it is idle although ${job.id} has inputs ready`);
    for (const each of jobs)
      if (!isLookedAt(state, each, worker)) complain(`nobody will look at ${each.id} for it`);
  }
}

/** Whether an idle worker is thought of when a lease of a job may have become worth something to it. */
function isLookedAt(state: Scheduler, job: Job, worker: Worker): boolean {
  if (job.leases.size === 0 || isStopped(job) || !canServe(worker, job)) return true;
  return job.tail.lookAtMs <= state.nowMs || job.tail.lookAtMs >= state.wakeAtMs;
}

function checkDemand(state: Scheduler, demand: Demand, complain: Complain): void {
  const { jobs, queue, workers, lacks } = demand;
  if (jobs.size === 0) complain("nobody has it");
  let slots = 0;
  for (const worker of workers) {
    slots += openSlots(worker);
    if (state.workers.get(worker.id) !== worker) complain(`${worker.id} is gone`);
    if (!worker.demands.has(demand)) complain(`${worker.id} does not know it`);
  }
  if (slots !== demand.slots) complain(`counts ${demand.slots} slots of ${slots}`);
  let lacking = 0;
  for (const count of lacks.values()) lacking += count;
  if (workers.size + lacking !== state.workers.size) complain("some workers were not compared");
  let at = 0;
  const heap = [...queue];
  for (const job of heap) {
    const parent = heap[(at - 1) >> 1];
    if (job.queueAt !== at || job.demand !== demand) complain(`${job.id} is not where it stands`);
    if (parent !== undefined && at > 0 && job.vtimeMs < parent.vtimeMs) complain("its queue is no heap");
    at++;
  }
}

function checkQuotas(state: Scheduler, complain: Complain): void {
  const leases = new Map<string, number>();
  for (const { job } of state.leases.values()) {
    leases.set(job.quota.project, (leases.get(job.quota.project) ?? 0) + 1);
  }
  for (const [project, quota] of state.quotas) {
    if (quota.leases !== (leases.get(project) ?? 0)) complain(`${project} counts ${quota.leases} leases`);
    for (const job of quota.jobs) if (state.jobs.get(job.id) !== job) complain(`${project} has an old job`);
    if (quota.jobs.size === 0 && quota.leasesMax === Number.POSITIVE_INFINITY)
      complain(`${project} has a quota that says nothing`);
  }
  for (const job of state.jobs.values()) {
    const known = state.quotas.get(job.quota.project) === job.quota && job.quota.jobs.has(job);
    if (!known) complain(`${job.id} has no quota`);
  }
  if (state.thawed.size > 0) complain("a project was not let go on");
}

function checkWhole(state: Scheduler, complain: Complain): void {
  const { leases, workers, jobs, idle, hungry, paused } = state;
  let held = 0;
  let slots = 0;
  for (const worker of workers.values()) {
    held += worker.leases.size;
    slots += openSlots(worker);
  }
  if (held !== leases.size) complain(`${leases.size - held} leases without a worker`);
  if (slots !== state.slots) complain(`counts ${state.slots} slots of ${slots}`);
  for (const waiting of [idle, hungry, paused]) {
    for (const worker of waiting)
      if (workers.get(worker.id) !== worker) complain(`${worker.id} waits but is gone`);
  }
  for (const worker of paused) {
    if (worker.pausedUntilMs < state.wakeAtMs) complain(`nobody will go on with ${worker.id}`);
  }
  checkQuotas(state, complain);
  for (const demand of state.demands.values()) {
    for (const job of demand.jobs) if (jobs.get(job.id) !== job) complain(`${job.id} is still in a demand`);
  }
  if (state.touched.size + state.woken.size + state.changed.size + state.due.size > 0) {
    complain("a step was left half done");
  }
}
