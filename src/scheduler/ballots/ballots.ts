import type { Ranges } from "../../protocol/index.ts";
import { freshClass } from "../inputs/pending.ts";
import { RangeSet } from "../inputs/rangeset.ts";
import { revokeServed } from "../leases/leases.ts";
import { requeue } from "../matching/fairness.ts";
import type { Job, Scheduler } from "../state/state.ts";
import type { Ballot, JobTrust, Vote, Word } from "../state/trust-state.ts";
import { isProven, reopen } from "../trust/job-trust.ts";
import { standingOf, stumbled, wasRight, wasWrong } from "../trust/people.ts";
import { decide } from "../trust/votes.ts";
import type { PersonId } from "../types.ts";
import { Outcome } from "./outcome.ts";
import { cutWord, giveWordBack, takeWord } from "./words.ts";

/*
 * What becomes of inputs with votes: who was right, and what else follows from it.
 */

/** A vote on an input of which there may be others already. */
export function cast(
  trust: JobTrust,
  input: number,
  engineClass: string,
  vote: Vote,
  stake: Word | undefined,
): Ballot {
  let ballot = trust.ballots.get(input);
  if (ballot === undefined) {
    ballot = { votes: [], engineClass, stake };
    trust.ballots.set(input, ballot);
    trust.open.add(input, input + 1);
  }
  ballot.votes.push(vote);
  let voted = trust.voted.get(vote.person);
  if (voted === undefined) {
    voted = new RangeSet();
    trust.voted.set(vote.person, voted);
  }
  voted.add(input, input + 1);
  return ballot;
}

/** Takes an input's votes out. */
export function discard(trust: JobTrust, input: number, ballot: Ballot): void {
  trust.ballots.delete(input);
  trust.comparing.delete(input);
  trust.open.remove(input, input + 1);
  // Whoever had too much undecided may go on.
  trust.pending.grew = true;
  for (const { person } of ballot.votes) unvote(trust, person, input);
}

function unvote(trust: JobTrust, person: PersonId, input: number): void {
  const voted = trust.voted.get(person);
  if (voted === undefined) return;
  voted.remove(input, input + 1);
  if (voted.count === 0) trust.voted.delete(person);
}

/** The answer that an input turned out to have. */
export interface Truth {
  readonly digest: string;
  readonly isFailure: boolean;
  /** Where the answer may differ from engine to engine: only voters of this class are judged by it. */
  readonly engineClass?: string;
}

/** An input's answer is known: enters what that says of those who voted. The record itself is the caller's to enter. */
export function settle(
  state: Scheduler,
  trust: JobTrust,
  input: number,
  ballot: Ballot,
  truth: Truth,
  outcome: Outcome,
): void {
  discard(trust, input, ballot);
  const isJudged = truth.engineClass === undefined || truth.engineClass === ballot.engineClass;
  const right = ballot.votes.filter(({ digest }) => digest === truth.digest);
  const isCertain = truth.engineClass !== undefined || right.some(({ isTrusted }) => isTrusted);
  const accusers = isCertain ? [] : right.map(({ person }) => person);
  for (const [at, vote] of ballot.votes.entries()) {
    const stake = at === 0 ? ballot.stake : undefined;
    if (vote.isTrusted) continue;
    if (vote.digest === truth.digest) {
      wasRight(state, vote.person, 1 + (stake?.inputs.count ?? 0));
      if (stake === undefined) continue;
      outcome.chooseAll(vote.person, stake.inputs);
      trust.provisional.removeAll([...stake.inputs.ranges()]);
      continue;
    }
    // Engines differ in the last bits: where they do nobody is wrong, and a check says nothing.
    if (stake !== undefined) giveWordBack(trust, vote.person, stake);
    if (!isJudged) continue;
    // What fails here and not there may be the network's doing; only an answer that is another one is a lie.
    if (vote.failure === undefined && !truth.isFailure) wasWrong(state, vote.person, accusers);
    else stumbled(state, vote.person);
  }
  if (!truth.isFailure) outcome.credit(right, input);
}

/** Decides an input by its votes if it can be decided; says whether it was. */
export function tryDecide(
  state: Scheduler,
  trust: JobTrust,
  input: number,
  ballot: Ballot,
  outcome: Outcome,
): boolean {
  if (trust.comparing.has(input)) return false;
  const decision = decide(ballot.votes, trust.quorum, (person) => isProven(state, person));
  if (decision.type === "open") return false;
  if (decision.type === "dispute") {
    discard(trust, input, ballot);
    if (ballot.stake !== undefined) giveWordBack(trust, ballot.votes[0]!.person, ballot.stake);
    outcome.dispute(input, ballot.votes);
    return true;
  }
  const { digest } = decision;
  const winners = ballot.votes.filter((vote) => vote.digest === digest);
  const winner = winners.find(({ isTrusted }) => isTrusted) ?? winners[0]!;
  settle(state, trust, input, ballot, { digest, isFailure: winner.failure !== undefined }, outcome);
  outcome.choose(winner, input);
  return true;
}

/** Inputs that end otherwise: what was said of them counts no more. */
export function forgetVotes(state: Scheduler, job: Job, trust: JobTrust, ranges: Ranges): void {
  const gone = [...trust.open.intersect(ranges), ...trust.provisional.intersect(ranges)];
  if (gone.length === 0) return;
  for (const [start, end] of trust.open.intersect(ranges)) {
    for (let input = start; input < end; input++) {
      const ballot = trust.ballots.get(input)!;
      discard(trust, input, ballot);
      if (ballot.stake !== undefined) giveWordBack(trust, ballot.votes[0]!.person, ballot.stake);
    }
  }
  trust.provisional.removeAll(ranges);
  for (const [person, word] of trust.words) cutWord(trust, person, word, ranges);
  for (const { stake } of trust.ballots.values()) stake?.inputs.removeAll(ranges);
  state.effects.push({ type: "DropCandidates", job: job.id, ranges: gone });
  reopen(state, job, trust);
}

/** What follows from what was found out about people in this step, until nothing more does. */
export function settlePeople(state: Scheduler): void {
  while (state.fallen.size + state.turned.size > 0) {
    const fallen = [...state.fallen];
    state.fallen.clear();
    for (const person of fallen) takeBack(state, person);
    // A newcomer that was wrong begins anew.
    if (fallen.length > 0)
      for (const job of state.jobs.values()) if (job.trust) reopen(state, job, job.trust);
    const turned = [...state.turned];
    state.turned.clear();
    for (const person of turned) reconsider(state, person);
  }
}

/** A person was wrong: all that stands on its word alone runs again. */
function takeBack(state: Scheduler, person: PersonId): void {
  for (const job of state.jobs.values()) {
    const { trust } = job;
    if (trust === undefined) continue;
    const back = takeWord(trust, person).inputs;
    for (const input of inputsOf(trust, person)) {
      const ballot = trust.ballots.get(input)!;
      if (ballot.stake === undefined || ballot.votes[0]!.person !== person) continue;
      back.addSet(ballot.stake.inputs);
      ballot.stake = undefined;
    }
    if (back.count === 0) continue;
    const ranges = [...back.ranges()];
    trust.provisional.removeAll(ranges);
    trust.rerun += back.count;
    state.effects.push({ type: "DropCandidates", job: job.id, ranges });
    job.pending.add({ failures: 0, strikes: 0 }, ranges);
    requeue(state, job);
  }
}

/** The word of a person is worth more or less than before: looks again at what it voted on. */
function reconsider(state: Scheduler, person: PersonId): void {
  const isSuspect = standingOf(state, person) === "suspect";
  for (const job of state.jobs.values()) {
    const { trust } = job;
    if (trust === undefined) continue;
    const outcome = new Outcome(state, job);
    const inputs = inputsOf(trust, person);
    for (const input of inputs) {
      const ballot = trust.ballots.get(input)!;
      if (isSuspect) withdraw(job, trust, input, ballot, person, outcome);
      else tryDecide(state, trust, input, ballot, outcome);
    }
    outcome.flush();
    revokeServed(state, job, outcome.ranges, "enough others agree");
    trust.pending.relane(inputs.map((input) => [input, input + 1]));
    reopen(state, job, trust);
    requeue(state, job);
  }
}

/** Votes of somebody who lies count no more. */
function withdraw(
  job: Job,
  trust: JobTrust,
  input: number,
  ballot: Ballot,
  person: PersonId,
  outcome: Outcome,
): void {
  const at = ballot.votes.findIndex((vote) => vote.person === person);
  ballot.votes.splice(at, 1);
  unvote(trust, person, input);
  if (ballot.votes.length > 0) return;
  const isWaiting = !trust.comparing.has(input);
  discard(trust, input, ballot);
  if (!isWaiting) job.pending.add(freshClass, [[input, input + 1]]);
  outcome.drop(input);
}

const inputsOf = (trust: JobTrust, person: PersonId): number[] => {
  const inputs: number[] = [];
  for (const [start, end] of trust.voted.get(person)?.ranges() ?? []) {
    for (let input = start; input < end; input++) inputs.push(input);
  }
  return inputs;
};
