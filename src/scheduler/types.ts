import type {
  Accepted,
  EnrolledWorker,
  FailureMark,
  JobSpec,
  JobState,
  JobTrustSummary,
  Range,
  Ranges,
  ReturnReason,
  StageProgress,
} from "../protocol/index.ts";

/*
 * Words of the scheduler.
 *
 * job       a growing range of inputs `[0, size)`, sealed when it grows no more
 * unit      a short list of ranges of one job that is leased as one; inputs of a unit share their class
 * class     how often an input failed (`failures`) and how much it is suspected of killing its sandbox or
 *           worker (`strikes`); fresh inputs are of class 0,0
 * lease     one worker's right to one unit; results come in order, `reported` of them so far
 * position  the place of an input in its unit, from 0
 * done      inputs with their one accepted result, a value or a final failure
 * stage     of a shuffle: the map stage runs its inputs, the reduce stage its partitions. Each is a job in
 *           here; the reduce stage has the submission's id and ends for both (`stages.ts`)
 *
 * Times are milliseconds of a monotonic clock that only rises (`nowMs`); nothing here reads a clock.
 */

export type JobId = string;
export type WorkerId = string;
/** Who answers for workers; empty: unknown. */
export type PersonId = string;
/** Unique for the life of one scheduler state. */
export type LeaseNo = number;

/** Class of inputs; see above. */
export interface InputClass {
  readonly failures: number;
  readonly strikes: number;
}

/** What a lease's opaque id stands for. */
export interface LeaseDescriptor extends InputClass {
  readonly job: JobId;
  readonly worker: WorkerId;
  readonly ranges: Ranges;
}

/** A lease that a worker comes back with: what stands before `from` was reported and stored. */
export interface PresentedUnit {
  readonly descriptor: LeaseDescriptor;
  readonly from: number;
}

export type SchedulerEvent =
  | { readonly type: "JobSubmitted"; readonly nowMs: number; readonly spec: JobSpec }
  /** More inputs are there; they may be leased although the journal has not stored them yet. */
  | {
      readonly type: "InputsAppended";
      readonly nowMs: number;
      readonly job: JobId;
      readonly count: number;
      readonly bytes: number;
    }
  | { readonly type: "InputsSealed"; readonly nowMs: number; readonly job: JobId }
  /** Without ranges the whole job. */
  | {
      readonly type: "JobCancelled";
      readonly nowMs: number;
      readonly job: JobId;
      readonly reason: string;
      readonly ranges?: Ranges;
    }
  /** Somebody pauses it, lets it go on, or changes its priority; what is not said stays. */
  | {
      readonly type: "JobAdjusted";
      readonly nowMs: number;
      readonly job: JobId;
      readonly paused?: boolean;
      readonly priority?: number;
    }
  | {
      readonly type: "WorkerJoined";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly description: EnrolledWorker;
      /** What it was before, of which only its end was still missing: it has left as such. */
      readonly replaces?: readonly WorkerId[];
      /** Leases of before that it goes on with if it may; their ids were proven by the shell. */
      readonly presented?: readonly PresentedUnit[];
    }
  /** Its connection is gone. `left`: it said so and had returned what it held. */
  | {
      readonly type: "WorkerLost";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly reason: "left" | "dropped";
    }
  /** Anything came from it; moves the deadlines of its leases. */
  | {
      readonly type: "WorkerHeard";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly slots?: number;
    }
  /** It has the data of these inputs at hand, or has it no more: advice on whom to give them to. */
  | {
      readonly type: "WorkerHolds";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly job: JobId;
      readonly ranges: Ranges;
      readonly kept: boolean;
    }
  /** How many leases the jobs of a project may have at once, all together; null: any number. */
  | {
      readonly type: "ProjectLimited";
      readonly nowMs: number;
      readonly project: string;
      readonly leasesMax: number | null;
    }
  | { readonly type: "WorkerDraining"; readonly nowMs: number; readonly worker: WorkerId }
  | {
      readonly type: "UnitProgressed";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly lease: LeaseNo;
      /** Results for the positions `[from, from + count)`. */
      readonly from: number;
      readonly count: number;
      /** Positions in `failures` count from `from`. */
      readonly failures: readonly FailureMark[];
      readonly elapsedMs: number;
      readonly bytes: number;
      readonly done: boolean;
      /** As in `LateResults`. */
      readonly digests?: readonly string[];
      readonly random?: number;
    }
  /** What the lease has not reported comes back. */
  | {
      readonly type: "UnitReturned";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly lease: LeaseNo;
      /** `missing`: what its inputs are made of is not there now, so that the shell never sent it. */
      readonly reason: ReturnReason | "missing";
    }
  /** Results of a lease that is no more; its id was proven by the shell. */
  | {
      readonly type: "LateResults";
      readonly nowMs: number;
      readonly worker: WorkerId;
      readonly descriptor: LeaseDescriptor;
      readonly from: number;
      readonly count: number;
      readonly failures: readonly FailureMark[];
      /** Of each record, where the job asks for a quorum: equal answers have equal ones, whatever their stacks. */
      readonly digests?: readonly string[];
      /** 32 bits, of which everything follows that is left to chance. */
      readonly random?: number;
    }
  /** What `KeepCandidates` asked for takes as much room as it may, or far less again. */
  | { readonly type: "CandidatesFull"; readonly nowMs: number; readonly full: boolean }
  /** An operator takes a person for a newcomer, whatever was found out. */
  | { readonly type: "PersonForgiven"; readonly nowMs: number; readonly person: PersonId }
  /** What was known of a person before a disk was lost has turned up. */
  | ({ readonly type: "PersonRecalled"; readonly nowMs: number } & Omit<PersonRecord, "type">)
  /** What was asked by `CompareAnswers`: these of the others are the same answer to the task. */
  | {
      readonly type: "AnswersCompared";
      readonly nowMs: number;
      readonly job: JobId;
      readonly input: number;
      /** As it was asked. */
      readonly digest: string;
      readonly same: readonly string[];
    }
  /** Nobody has outputs of these segments of a shuffle any more. */
  | {
      readonly type: "OutputLost";
      readonly nowMs: number;
      readonly job: JobId;
      readonly ranges: Ranges;
    }
  /** Time passed; at the latest when `WakeAt` said. */
  | { readonly type: "Tick"; readonly nowMs: number };

export type EventOf<T extends SchedulerEvent["type"]> = Extract<SchedulerEvent, { type: T }>;

/** An event without its time. */
export type Untimed<E> = E extends SchedulerEvent ? Omit<E, "nowMs"> : never;

/** Inputs that go back to wait for another try. */
export interface Retry extends InputClass {
  readonly ranges: Ranges;
}

/** One of the answers to an input that the shell keeps. */
export interface KeptAnswer {
  readonly person: PersonId;
  readonly digest: string;
}

export type SchedulerEffect =
  /** Send the inputs of these ranges to the worker as one unit. */
  | {
      readonly type: "LeaseUnit";
      readonly lease: LeaseNo;
      readonly descriptor: LeaseDescriptor;
      readonly speculative: boolean;
    }
  /**
   * The presented lease goes on under this number, or `RefuseLease`: one of them for each presented lease, in
   * their order.
   */
  | {
      readonly type: "AdoptLease";
      readonly lease: LeaseNo;
      readonly descriptor: LeaseDescriptor;
      readonly from: number;
    }
  | { readonly type: "RefuseLease"; readonly worker: WorkerId; readonly descriptor: LeaseDescriptor }
  | { readonly type: "TrimLease"; readonly worker: WorkerId; readonly lease: LeaseNo; readonly keep: number }
  /** The worker is to forget the lease. It is gone here already. */
  | {
      readonly type: "RevokeLease";
      readonly worker: WorkerId;
      readonly lease: LeaseNo;
      readonly reason: string;
    }
  /**
   * Store these results, then send them to whoever waits. One for each `UnitProgressed` or `LateResults`
   * of which anything was accepted or is to be retried.
   */
  | {
      readonly type: "RecordResults";
      readonly job: JobId;
      readonly worker: WorkerId;
      /** Which records of the block are kept: ranges of positions from the block's first record. */
      readonly kept: Ranges;
      /** Their inputs, in the same order. */
      readonly ranges: Ranges;
      /** Final failures among the kept ones; `at` counts kept records. */
      readonly failures: readonly FailureMark[];
      readonly retries: readonly Retry[];
      readonly accepted: Accepted;
    }
  /**
   * Keep these records of the block, by person and input: they may become results. A later one of the same
   * person and input replaces them. They need not survive.
   */
  | {
      readonly type: "KeepCandidates";
      readonly job: JobId;
      readonly worker: WorkerId;
      readonly person: PersonId;
      readonly kept: Ranges;
      readonly ranges: Ranges;
      /** `at` counts kept records. */
      readonly failures: readonly FailureMark[];
    }
  /** What was kept of this person for these inputs, in rising order, are their results: store and send them. */
  | {
      readonly type: "AcceptCandidates";
      readonly job: JobId;
      readonly person: PersonId;
      readonly ranges: Ranges;
      readonly failures: readonly FailureMark[];
      readonly accepted: Accepted;
    }
  /**
   * Have the task say which of the others are the same answer as this one, all of them kept, and report it by
   * `AnswersCompared`. Until then nothing happens to the input.
   */
  | {
      readonly type: "CompareAnswers";
      readonly job: JobId;
      readonly input: number;
      readonly answer: KeptAnswer;
      readonly others: readonly KeptAnswer[];
    }
  /** These people gave the values that are, or agree with, the results of these inputs; what was kept of them is there. */
  | {
      readonly type: "CreditVotes";
      readonly job: JobId;
      readonly people: readonly PersonId[];
      readonly ranges: Ranges;
    }
  /** What was kept of anybody for these inputs is of no use any more. */
  | { readonly type: "DropCandidates"; readonly job: JobId; readonly ranges: Ranges }
  /** This input ends without a result, because these kept ones do not agree. The shell makes the record. */
  | {
      readonly type: "RecordDispute";
      readonly job: JobId;
      readonly input: number;
      readonly candidates: readonly KeptAnswer[];
    }
  /** What is known of a person now, to be kept beyond jobs. */
  | {
      readonly type: "RecordPerson";
      readonly person: PersonId;
      readonly streak: number;
      readonly valid: number;
      readonly bad: number;
      /** For each time when votes alone refuted it: whose. */
      readonly accusations: readonly (readonly PersonId[])[];
    }
  /** These inputs end without a result of a worker's: the shell makes the failure records. */
  | {
      readonly type: "RecordFailures";
      readonly job: JobId;
      readonly ranges: Ranges;
      readonly kind: "quarantined" | "cancelled";
      readonly reason: string;
    }
  /** Inputs whose class changed without a result (their worker vanished). */
  | { readonly type: "RecordRetries"; readonly job: JobId; readonly retries: readonly Retry[] }
  /** These inputs of a map stage have no result any more, and will have another one. */
  | { readonly type: "RecordLoss"; readonly job: JobId; readonly ranges: Ranges }
  /** What the job is set to now. */
  | {
      readonly type: "RecordAdjustment";
      readonly job: JobId;
      readonly paused: boolean;
      readonly priority: number;
    }
  /** Fresh inputs below `mark` may have been leased. Coarse, and ahead of what is leased. */
  | { readonly type: "RecordCarveMark"; readonly job: JobId; readonly mark: number }
  /** Always after the job's last result. */
  | {
      readonly type: "EndJob";
      readonly job: JobId;
      readonly state: Exclude<JobState, "running">;
      readonly reason: string;
      /** The input of its map stage that failed, where that is why. */
      readonly culprit?: number;
      /** Where it asked for a quorum: as in its view. */
      readonly trust?: JobTrustSummary;
    }
  /** The hub has not heard of it for `leaseTtlMs`: close its connection. Its leases are gone already. */
  | { readonly type: "DropWorker"; readonly worker: WorkerId }
  /** Send a `Tick` then. Replaces the one before. */
  | { readonly type: "WakeAt"; readonly atMs: number };

export type EffectOf<T extends SchedulerEffect["type"]> = Extract<SchedulerEffect, { type: T }>;

/** What the journal holds of a job, in order: enough to rebuild the state. */
export type SchedulerRecord =
  | { readonly type: "submitted"; readonly spec: JobSpec }
  | { readonly type: "inputs"; readonly job: JobId; readonly count: number; readonly bytes: number }
  | { readonly type: "sealed"; readonly job: JobId }
  | {
      readonly type: "results";
      readonly job: JobId;
      readonly ranges: Ranges;
      readonly failed: number;
      readonly retries: readonly Retry[];
    }
  | { readonly type: "lost"; readonly job: JobId; readonly ranges: Ranges }
  | { readonly type: "carve"; readonly job: JobId; readonly mark: number }
  | {
      readonly type: "adjusted";
      readonly job: JobId;
      readonly paused: boolean;
      readonly priority: number;
    }
  | { readonly type: "ended"; readonly job: JobId };

/** What is known of a person, kept beside the journal. */
export interface PersonRecord {
  readonly type: "person";
  readonly person: PersonId;
  readonly streak: number;
  readonly valid: number;
  readonly bad: number;
  readonly accusations?: readonly (readonly PersonId[])[];
}

/** How far a job is. */
export interface JobView {
  readonly spec: JobSpec;
  readonly size: number;
  readonly sealed: boolean;
  readonly state: JobState;
  /** Nothing of it is leased until somebody lets it go on. */
  readonly paused: boolean;
  readonly priority: number;
  readonly done: number;
  readonly failed: number;
  /** Inputs under a lease. */
  readonly running: number;
  /** Inputs that wait for another try. */
  readonly retrying: number;
  /** Why no connected worker can serve it, or that none is connected; else empty. */
  readonly waiting: string;
  /** Of a job that asks for a quorum. */
  readonly trust?: JobTrustSummary;
  /** The stages of a shuffle, of which the last one is the job itself. */
  readonly stages?: readonly StageProgress[];
}

/** What is known of a person. */
export interface PersonView {
  readonly person: PersonId;
  readonly standing: "newcomer" | "proven" | "suspect";
  readonly streak: number;
  readonly valid: number;
  readonly bad: number;
}

export interface WorkerView {
  readonly worker: WorkerId;
  readonly description: EnrolledWorker;
  readonly slots: number;
  readonly busySlots: number;
  readonly draining: boolean;
  readonly jobs: readonly JobId[];
}

export type { FailureMark, Range, Ranges };
