import type { FailureMark, QuorumSpec } from "../../protocol/index.ts";
import type { LanedPending } from "../inputs/lanes.ts";
import type { RangeSet } from "../inputs/rangeset.ts";
import type { PersonId, WorkerId } from "../types.ts";
import type { Lease, Worker } from "./state.ts";

/* What is kept of results that are voted on. */

/** One person's answer for one input. */
export interface Vote {
  readonly person: PersonId;
  readonly worker: WorkerId;
  /** Equal answers have equal digests. */
  readonly digest: string;
  /** The input failed there for good. */
  readonly failure: Omit<FailureMark, "at"> | undefined;
  /** A trusted worker's: it holds alone, and nobody judges it. */
  readonly isTrusted?: boolean;
}

/** What people said of one input that is not decided. */
export interface Ballot {
  readonly votes: Vote[];
  /** Answers are compared within one; empty: across all. */
  readonly engineClass: string;
  /** This input checks its first voter, and what that person gave on its word alone before stands by it. */
  stake: Word | undefined;
}

/** Values that stand on one person's word alone. They are provisional until a check of that person passes. */
export interface Word {
  readonly inputs: RangeSet;
  /** One of them, each with the same chance, for the check that ends a job. */
  sample: Sample | undefined;
}

/** One answer of which only the digest is known here. */
export interface Sample {
  readonly input: number;
  readonly engineClass: string;
  readonly vote: Vote;
}

/** The canaries that a person was given, and whether the answer is still to come. */
export type CanariesMet = Map<number, boolean>;

/** What a job needs to know whose results are voted on. */
export interface JobTrust {
  readonly quorum: QuorumSpec;
  /** The inputs with votes, not decided. */
  readonly ballots: Map<number, Ballot>;
  /** The same as a set. */
  readonly open: RangeSet;
  /** Which of them a person has voted on. */
  readonly voted: Map<PersonId, RangeSet>;
  /** What stands on a person's word alone and is not behind any check yet. */
  readonly words: Map<PersonId, Word>;
  /** All that stands on somebody's word, behind a check or not: provisional. */
  readonly provisional: RangeSet;
  /** Inputs of which the task itself has to say whether this answer is one that others gave; they neither wait nor run. */
  readonly comparing: Map<number, string>;
  readonly pending: LanedPending;
  readonly canaries: Map<PersonId, CanariesMet>;
  /** Its leases by who answers for their workers. */
  readonly held: Map<PersonId, Set<Lease>>;
  /** Workers that were offered something and could take none of it. */
  readonly shut: Set<Worker>;
  /** Results that came and were looked at. */
  replicas: number;
  /** Provisional results that were taken back. */
  rerun: number;
}
