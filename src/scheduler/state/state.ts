import type { EnrolledWorker, JobSpec, Limits, Needs } from "../../protocol/index.ts";
import type { Pending } from "../inputs/pending.ts";
import type { RangeSet } from "../inputs/rangeset.ts";
import type { JobId, LeaseDescriptor, LeaseNo, PersonId, SchedulerEffect, WorkerId } from "../types.ts";
import type { Chance } from "./chance.ts";
import type { RunQueue } from "./run-queue.ts";
import type { JobTrust } from "./trust-state.ts";

/** The limits that the scheduler goes by. */
export type SchedulerConfig = Readonly<
  Pick<
    Limits,
    | "leaseTtlMs"
    | "heartbeatIntervalMs"
    | "adoptionWindowMs"
    | "jobInputsMax"
    | "slotsPerWorkerMax"
    | "unitTargetMs"
    | "unitMinMs"
    | "unitInputsMax"
    | "unitRangesMax"
    | "unitBytesTarget"
    | "unitGrowthMax"
    | "prefetchMs"
    | "prefetchUnitsMax"
    | "leasesPerSecondTarget"
    | "fairnessLagMs"
    | "speculationFactor"
    | "speculationAfterMs"
    | "retryBackoffMaxMs"
    | "missingRetryMs"
    | "lossesPerStrike"
    | "breakerInputsMin"
    | "breakerFailedShare"
    | "provenStreakMin"
    | "checkIntervalInputsMax"
    | "suspectBadMin"
    | "suspectBadShare"
    | "undecidedInputsMax"
  >
>;

/** What jobs ask of a worker; jobs that ask the same share one, so that matching is done once. */
export interface Demand {
  readonly key: string;
  readonly project: string;
  readonly needs: Needs;
  readonly net: readonly string[];
  /** Of containers. */
  readonly image: string | undefined;
  readonly memoryBytes: number;
  /** Whether its submitter signed it. */
  readonly signed: boolean;
  readonly jobs: Set<Job>;
  /** Those of its jobs that have something ready. */
  readonly queue: RunQueue;
  /** Connected workers that meet it. */
  readonly workers: Set<Worker>;
  /** Their slots together. */
  slots: number;
  /** How many connected workers do not meet it, by what they lack. */
  readonly lacks: Map<string, number>;
}

/** Where work may be taken from when a job has nothing ready; see `tail.ts`. */
export interface Tail {
  /** Leases that are worth trimming, the best last. */
  trims: Lease[];
  /** Leases whose one running input takes suspiciously long. */
  copies: Lease[];
  /** When to look again. */
  lookAtMs: number;
}

/** What workers have of a job's data. */
export interface Nearness {
  /** Inputs whose data a worker has. */
  readonly of: Map<Worker, RangeSet>;
  /** Inputs whose data any worker had. */
  readonly any: RangeSet;
}

/** How many leases a project has, and may have, at once. */
export interface Quota {
  readonly project: string;
  /** Infinity where it has no bound. */
  leasesMax: number;
  leases: number;
  readonly jobs: Set<Job>;
}

/** What was found out about a person, over all jobs. */
export interface Person {
  readonly id: PersonId;
  /** Valid results in a row. */
  streak: number;
  /** Results that others confirmed, and results that others refuted. */
  valid: number;
  bad: number;
  /** Who agreed against this person when it was refuted by others' votes alone, the latest last. */
  accusations: (readonly PersonId[])[];
}

export interface Job {
  readonly id: JobId;
  readonly spec: JobSpec;
  /** Rank by submission. */
  readonly order: number;
  readonly demand: Demand;
  /** Same for all jobs of one task. */
  readonly taskKey: string;
  /** As it was submitted with, or was set since. */
  priority: number;
  /** Share among jobs: 2 to the power of its priority. */
  weight: number;
  /** Nothing of it is leased until somebody lets it go on. */
  paused: boolean;
  size: number;
  /** Size of all inputs together. */
  bytes: number;
  sealed: boolean;
  readonly done: RangeSet;
  failed: number;
  /** Inputs that ended by workers' doing since this scheduler began, and how many of them failed. */
  judged: number;
  misjudged: number;
  readonly pending: Pending;
  readonly leases: Set<Lease>;
  /** Which workers have the data of its inputs. */
  readonly near: Nearness;
  /** Connected workers that will not run it. */
  readonly refusedBy: Set<Worker>;
  carveMark: number;
  /** Slot time it got, divided by its weight. */
  vtimeMs: number;
  /** The map stage whose outputs are its inputs, where it is the reduce stage of a shuffle. */
  upstream: Job | undefined;
  /** The other way round. */
  downstream: Job | undefined;
  /** Results of a map stage that were lost, since the job began. */
  lost: number;
  /** Whether results of a map stage were made again, or may have been before this scheduler began. */
  isRemade: boolean;
  /** The first input of a map stage that failed for good, where that is known. */
  culprit: number | undefined;
  readonly quota: Quota;
  /** Its place in the heap of its demand's queue; -1 while nothing is ready. */
  queueAt: number;
  /** Measured milliseconds an input on a core of speed 1. */
  workPerInput: number | undefined;
  /** Inputs that were cancelled and have not all ended yet. */
  unwanted: { readonly inputs: RangeSet; readonly reason: string } | undefined;
  readonly tail: Tail;
  /** Where its results are voted on. */
  readonly trust: JobTrust | undefined;
}

/** What a worker showed of one task. */
export interface TaskHistory {
  msPerInput: number;
  /** The largest unit of which it reported something. */
  unitInputs: number;
}

export interface Worker {
  readonly id: WorkerId;
  readonly description: EnrolledWorker;
  slots: number;
  draining: boolean;
  /** Is given nothing before this time, because it said that it cannot take more. */
  pausedUntilMs: number;
  lastHeardMs: number;
  /** In the order in which it got them, which is the order in which it runs them. */
  readonly leases: Set<Lease>;
  readonly demands: Set<Demand>;
  readonly refused: Set<Job>;
  /** Jobs that have nothing that it may do for now. */
  readonly shut: Set<Job>;
  /** Jobs of which it has some data. */
  readonly nearTo: Set<Job>;
  /** By task, the least recently used first. */
  readonly history: Map<string, TaskHistory>;
}

export interface Lease {
  readonly no: LeaseNo;
  readonly job: Job;
  readonly worker: Worker;
  readonly descriptor: LeaseDescriptor;
  readonly count: number;
  /** Positions from here on are somebody else's; lowered by trimming. */
  keep: number;
  /** Positions below have been reported. */
  reported: number;
  readonly speculative: boolean;
  /** Its worker had it from before: it may have been trimmed then, which nobody here remembers. */
  readonly adopted: boolean;
  /** Its inputs that are its to do, where others have got some of them meanwhile; undefined: all. */
  readonly own: RangeSet | undefined;
  /** The other one where two leases run the same input. */
  sibling: Lease | undefined;
  /**
   * How many copies of its input may still be started. While two run it, nobody is struck or charged for the one
   * that vanishes or fails: without a bound an input that always does so would be copied for ever.
   */
  copiesLeft: number;
  readonly startedMs: number;
  lastProgressMs: number;
  /** What the job was charged for each input in advance. */
  readonly chargedMs: number;
}

/** Inputs that the lease still owes. */
export const unreportedOf = (lease: Lease): number => Math.max(0, lease.keep - lease.reported);

/** The whole state. What it means is the scheduler's affair: change it only through `step`. */
export interface Scheduler {
  readonly config: SchedulerConfig;
  nowMs: number;
  readonly jobs: Map<JobId, Job>;
  readonly workers: Map<WorkerId, Worker>;
  readonly leases: Map<LeaseNo, Lease>;
  readonly demands: Map<string, Demand>;
  /** By project. */
  readonly quotas: Map<string, Quota>;
  /** Everybody of whom something was found out. */
  readonly people: Map<PersonId, Person>;
  readonly chance: Chance;
  /** Slots of all workers that take work. */
  slots: number;
  nextLeaseNo: LeaseNo;
  nextOrder: number;
  /** Virtual time: where the job stood that was served last. */
  vtimeMs: number;

  /** Workers with a free slot and nothing to do, the longest waiting first. */
  readonly idle: Set<Worker>;
  /** Workers whose slots are busy, but which would take a unit in advance. */
  readonly hungry: Set<Worker>;
  readonly paused: Set<Worker>;

  /** Of this step: workers to be looked at, jobs that got something ready, jobs that may be over. */
  readonly touched: Set<Worker>;
  readonly woken: Set<Job>;
  readonly changed: Set<Job>;
  /** Of this step: jobs of which it is time to look for work to take over. */
  readonly due: Set<Job>;
  /** Of this step: projects that may have more leases again. */
  readonly thawed: Set<Quota>;
  /** Of this step: people of whom something was found out, whose standing changed, who were wrong. */
  readonly judged: Set<PersonId>;
  readonly turned: Set<PersonId>;
  readonly fallen: Set<PersonId>;
  /** The shell keeps as many candidates as it may. */
  candidatesFull: boolean;
  effects: SchedulerEffect[];

  /** When the shell was told to wake us; infinity: never. */
  wakeAtMs: number;
  /** The earliest time anybody asked for in this step. */
  wantedMs: number;
  /** No worker falls silent for too long before this time. */
  expiryAtMs: number;
}

/** A scheduler without jobs and workers. */
export const createScheduler = (config: SchedulerConfig): Scheduler => ({
  config,
  nowMs: 0,
  jobs: new Map(),
  workers: new Map(),
  leases: new Map(),
  demands: new Map(),
  quotas: new Map(),
  people: new Map(),
  chance: { word: 0 },
  slots: 0,
  nextLeaseNo: 1,
  nextOrder: 0,
  vtimeMs: 0,
  idle: new Set(),
  hungry: new Set(),
  paused: new Set(),
  touched: new Set(),
  woken: new Set(),
  changed: new Set(),
  due: new Set(),
  thawed: new Set(),
  judged: new Set(),
  turned: new Set(),
  fallen: new Set(),
  candidatesFull: false,
  effects: [],
  wakeAtMs: Number.POSITIVE_INFINITY,
  wantedMs: Number.POSITIVE_INFINITY,
  expiryAtMs: Number.POSITIVE_INFINITY,
});

/** Asks to be woken at a time. */
export function wakeBy(state: Scheduler, atMs: number): void {
  if (atMs < state.wantedMs) state.wantedMs = atMs;
}

/** Slots that a worker offers for new work. */
export const openSlots = (worker: Worker): number => (worker.draining ? 0 : worker.slots);
