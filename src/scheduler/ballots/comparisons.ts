import { freshClass } from "../inputs/pending.ts";
import { requeue } from "../matching/fairness.ts";
import type { Job, Scheduler, Worker } from "../state/state.ts";
import type { Ballot, JobTrust, Vote } from "../state/trust-state.ts";
import { isTrusted, personOf } from "../trust/people.ts";
import type { EffectOf, EventOf, KeptAnswer, PersonId } from "../types.ts";
import { tryDecide } from "./ballots.ts";
import { Outcome } from "./outcome.ts";

/*
 * Answers that are not equal byte by byte, but the same to their task, as sums of floating point are. Only the task
 * can say so, and it does not run here: the shell is asked, and the input waits for what it says.
 */

/** Under what an answer of a worker's is kept. Trusted ones stand for themselves: their person may have voted elsewhere. */
export const voiceOf = (worker: Worker): PersonId =>
  isTrusted(worker) ? `\u0000${worker.id}` : personOf(worker);

/** One answer of each kind that was given, but for one kind. */
function kindsOf(ballot: Ballot, without: string): KeptAnswer[] {
  const kinds = new Map<string, KeptAnswer>();
  for (const { person, digest, failure } of ballot.votes) {
    // Errors have no values that a task could compare.
    if (digest === without || failure !== undefined || kinds.has(digest)) continue;
    kinds.set(digest, { person, digest });
  }
  return [...kinds.values()];
}

/** Whether only the task knows what a vote says beside those of a ballot. */
export function isComparable({ quorum }: JobTrust, ballot: Ballot, vote: Vote): boolean {
  if (quorum.same !== true || vote.failure !== undefined) return false;
  // An answer that was given before was compared then; a trusted worker's decides about all others.
  if (vote.isTrusted !== true && ballot.votes.some(({ digest }) => digest === vote.digest)) return false;
  return kindsOf(ballot, vote.digest).length > 0;
}

/** What to ask about a vote that was just cast. */
export function comparisonOf(
  job: Job,
  trust: JobTrust,
  input: number,
  ballot: Ballot,
  { person, digest }: Vote,
): EffectOf<"CompareAnswers"> {
  trust.comparing.set(input, digest);
  const answer = { person, digest };
  return { type: "CompareAnswers", job: job.id, input, answer, others: kindsOf(ballot, digest) };
}

/**
 * The task has compared. What is the same as a trusted worker's answer is that; any other answer becomes the first
 * of those that it is the same as: `same` need not be transitive.
 */
export function answersCompared(
  state: Scheduler,
  { job: id, input, digest, same }: EventOf<"AnswersCompared">,
): void {
  const job = state.jobs.get(id);
  const trust = job?.trust;
  if (job === undefined || trust?.comparing.get(input) !== digest) return;
  trust.comparing.delete(input);
  const ballot = trust.ballots.get(input)!;
  const known = same.filter((other) => ballot.votes.some((vote) => vote.digest === other));
  if (ballot.votes.some((vote) => vote.isTrusted)) rename(ballot, known, digest);
  else if (known[0] !== undefined) rename(ballot, [digest], known[0]);
  const outcome = new Outcome(state, job);
  const isDecided = tryDecide(state, trust, input, ballot, outcome);
  outcome.flush();
  if (!isDecided) job.pending.add(freshClass, [[input, input + 1]]);
  trust.pending.grew = true;
  requeue(state, job);
  state.changed.add(job);
}

function rename(ballot: Ballot, digests: readonly string[], digest: string): void {
  for (const [at, vote] of ballot.votes.entries()) {
    if (digests.includes(vote.digest)) ballot.votes[at] = { ...vote, digest };
  }
}
