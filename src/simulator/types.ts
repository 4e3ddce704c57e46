import type { Limits } from "../protocol/index.ts";

/*
 * Words of the simulator.
 *
 * node      one simulated machine with a worker; it belongs to a population
 * draw      a number, or a function that draws one from a seeded random source
 * work      what an input costs: milliseconds on a slot of speed 1
 * waste     slot time that brought no accepted result
 *
 * Times are virtual milliseconds since the scenario began. Same seed, same version: same bytes.
 */

/** A seeded source of random numbers; every node has its own, so that one more draw here changes nothing there. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform among 0..count-1. */
  int(count: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** Standard normal. */
  normal(): number;
  /** Exponential with mean 1. */
  exponential(): number;
}

/** A constant, or a distribution to draw from. `src/simulator/scenarios/distributions.ts` has the usual ones. */
export type Draw = number | ((random: Random) => number);

export interface JobScenario {
  readonly name: string;
  /** How many such jobs; each is drawn anew. Default 1. */
  readonly count?: number;
  /** When it is submitted. With `count`: gaps between arrivals, each drawn. Default 0. */
  readonly arrivalMs?: Draw;
  readonly inputs: Draw;
  /** Inputs come in so many appends, this far apart. Default: at once. */
  readonly feed?: { readonly inputsPerAppend: number; readonly everyMs: Draw };
  /** Milliseconds of one input on a slot of speed 1. The same input costs the same on every attempt. */
  readonly workMs: Draw;
  /** Bytes of one input and of one result on the wire. Default 100 each. */
  readonly inputBytes?: number;
  readonly resultBytes?: number;
  readonly retries?: number;
  readonly backoffMs?: number;
  readonly maxAttempts?: number;
  readonly priority?: number;
  /** Share of inputs whose function throws on every attempt. Default 0. */
  readonly failingShare?: number;
  /** Share of attempts that throw. Default 0. */
  readonly flakyShare?: number;
  /** Share of inputs that kill their sandbox on every attempt. Default 0. */
  readonly killerShare?: number;
  /** An input that takes longer by the clock of its slot fails. Default: never. Not for jobs with checkpoints. */
  readonly timeoutMs?: number;
  /** Share of inputs that never come to an end but by their time-out, on every attempt. Default 0. */
  readonly hangingShare?: number;
  /** What one start of a unit costs a slot (fetching, compiling), whatever is in it. Default 0. */
  readonly unitOverheadMs?: number;
  /** Tasks save their state every `intervalMs` of work; the next attempt of the input resumes from it. */
  readonly checkpoint?: { readonly intervalMs: number; readonly costMs: number; readonly restartMs: number };
  /**
   * The inputs are the segments of a map stage, each leaving an output for each partition on the disk of the machine
   * that ran it; the partitions are reduced from those. Not for jobs with checkpoints.
   */
  readonly shuffle?: { readonly partitions: number; readonly reduceMs: Draw };
  /**
   * How strangers' results come to be believed (docs/trust.md); adaptive and within one JavaScript engine, if not
   * said otherwise. Default: the first result counts.
   */
  readonly quorum?: {
    readonly agree: number;
    readonly of: number;
    readonly adaptive?: boolean;
    readonly deterministic?: boolean;
  };
  /** Of a job with a quorum that is no shuffle: inputs with known answers that are mixed in between. Default 0. */
  readonly canaries?: number;
  /** Share of inputs whose answers differ from JavaScript engine to engine. Default 0. */
  readonly engineShare?: number;
  /** Labels that a worker must have. */
  readonly labels?: readonly string[];
  /**
   * Each input needs a block of the dataset of this name before it can run: so many inputs, one after the other, the
   * same. The job is submitted once the dataset is there.
   */
  readonly reads?: { readonly dataset: string; readonly inputsPerBlock?: number };
  /** Paused, let go on, or given another priority, so long after it began. */
  readonly adjusted?: readonly {
    readonly afterMs: number;
    readonly paused?: boolean;
    readonly priority?: number;
  }[];
  /** Cancelled after so long. Default: never. */
  readonly cancelAfterMs?: number;
}

/** Folders that are put at the hub, and kept on trusted machines. */
export interface DatasetScenario {
  readonly name: string;
  /** How many of this kind. Default 1. */
  readonly count?: number;
  /** When it is put. Default 0. */
  readonly putMs?: Draw;
  /** Removed so long after that. Default: never. */
  readonly removeAfterMs?: number;
  /** Of the whole folder. */
  readonly bytes: Draw;
  /** In how many blocks. */
  readonly blocks: Draw;
  /** How many trusted machines are to keep it. */
  readonly replicas: number;
}

/** What a node does next, and for how long; `forMs: Infinity` for ever. */
export interface Presence {
  readonly online: boolean;
  readonly forMs: number;
}

/**
 * When a node is there. Asked at the start (`turn` 0, `online` false) and whenever its last answer is over.
 * A function is asked anew each time, for one node; `random` is that node's own.
 */
export type Availability = (
  random: Random,
  now: { readonly nowMs: number; readonly online: boolean; readonly turn: number; readonly node: number },
) => Presence;

export interface NetworkScenario {
  /** One way. Default 20. */
  readonly latencyMs?: Draw;
  /** Added to each message. A connection keeps its order all the same. Default 0. */
  readonly jitterMs?: Draw;
  /** Share of messages whose packet is lost: they, and what is behind them, come `retransmitMs` later. */
  readonly lossRate?: number;
  readonly retransmitMs?: number;
  /** Share of messages that break their connection instead of arriving. */
  readonly breakRate?: number;
  /** Of the breaks: share that the hub hears nothing of until the lease expires (half-open). */
  readonly halfOpenShare?: number;
  /** Of one node, each way. Default: unlimited. */
  readonly bytesPerSecond?: number;
}

export interface Partition {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Share of the nodes that are cut off. */
  readonly share: number;
}

/**
 * How people answer. `liar`: wrong, each in a way of its own; `colluder`: wrong, all in the same way; `sleeper`: right
 * at first, then wrong, all sleepers in the same way.
 */
export type Conduct = "honest" | "liar" | "colluder" | "sleeper";

export interface Population {
  readonly name: string;
  readonly count: number;
  /** So many nodes, one after the other, are one person's. Default 1. */
  readonly nodesPerPerson?: number;
  /** Default "honest". */
  readonly conduct?: Conduct;
  /** Inputs that a sleeper answers rightly, with all its nodes together, before it lies. Default 30. */
  readonly honestInputs?: number;
  /** The JavaScript engine of its nodes. Default "v8". */
  readonly engineClass?: string;
  /** Default 1. */
  readonly slots?: Draw;
  /** Speed of a slot; 1 is the reference. Default 1. */
  readonly speed?: Draw;
  /** Default: there from the start to the end. */
  readonly availability?: Availability;
  /** When the node is switched on for the first time. Default 0. */
  readonly startMs?: Draw;
  /** How it goes when its availability ends; weights. Default: all crash. */
  readonly departure?: {
    /** Finishes or hands back what it has. */
    readonly drain?: number;
    /** Its memory is lost. */
    readonly crash?: number;
    /** It sleeps, with all it has, and goes on when it is back. */
    readonly freeze?: number;
  };
  readonly network?: NetworkScenario;
  /** Outputs of shuffles are still there when a node that crashed or left is back. Default: they are not. */
  readonly keepsOutputs?: boolean;
  /** Share of its results whose bytes are silently wrong. Default 0. */
  readonly corruptionRate?: number;
  /** Share of its reports whose elapsed time is nonsense, because the clock was set or the machine slept. Default 0. */
  readonly clockJumpRate?: number;
  /** Share of the jobs that a node of it will not run. Default 0. */
  readonly refusedShare?: number;
  /** Share of runs that cannot begin for want of memory or processes. Default 0. */
  readonly overloadRate?: number;
  /** Its clock runs this much faster than true time (drift); timers and elapsed times follow it. Default 1. */
  readonly clockRate?: Draw;
  readonly labels?: readonly string[];
  /**
   * The operator vouches for it: one answer of its is enough where others need a quorum; it keeps replicas of datasets,
   * and the hub's catalogue. Default false.
   */
  readonly trusted?: boolean;
  /** Share of the times it crashed or left after which its disk is empty: replicas, catalogue and cache. Default 0. */
  readonly diskLostShare?: number;
  /** Share of the folders for which it finds no space when it is told to keep them. Default 0. */
  readonly noSpaceRate?: number;
  /** Of blocks that it read. Default: unlimited. */
  readonly cacheBytes?: number;
  /** Its nodes get blocks from each other at this rate each. Default: from the hub only. */
  readonly neighbourBytesPerSecond?: number;
}

export interface HubScenario {
  /** Killed at these times; it is back after `restartMs`. */
  readonly crashesAtMs?: readonly number[];
  /** Killed, and its disk is lost: it begins anew with its key and what keepers give back. */
  readonly diskLostAtMs?: readonly number[];
  /** Each time any of the blocks on its disk may turn out to be damaged. */
  readonly damagedAtMs?: readonly number[];
  /** Whoever put a dataset of which something is lost for good removes it; otherwise it stays, and lacks that. Default true. */
  readonly lostRemoved?: boolean;
  /** What it sends blocks at, to all machines together. Default: unlimited. */
  readonly bytesPerSecond?: number;
  /** Or at random, a Poisson process of so many per hour. */
  readonly crashesPerHour?: number;
  readonly restartMs?: Draw;
  /** What an append to the journal takes. Default 0.3. */
  readonly appendMs?: Draw;
  /**
   * A crash is a power cut: appends of so long before it may be lost although acknowledged; or its journal was cut off
   * at a damaged place as far back, which `journal repair` does. Default 0.
   */
  readonly unsyncedMs?: number;
  /** While its disk is full nothing is stored; what was to be is stored afterwards, in its order. */
  readonly diskFull?: readonly { readonly fromMs: number; readonly untilMs: number }[];
  /** A checkpoint is taken when so many records stand behind the last one. Default 20,000. */
  readonly checkpointRecords?: number;
  /** Its process stands still for so long (swapped out, suspended); then it reads what has come meanwhile. */
  readonly stalls?: readonly { readonly atMs: number; readonly forMs: number }[];
  /** Outputs whose machine is gone for so long are lost; sooner where a reducer misses them. Default 5,000. */
  readonly outputGraceMs?: number;
  /** CPU of the hub: one message at a time takes so long. Default 0 (infinitely fast). */
  readonly messageMs?: number;
}

/** Everything about one simulated run but its seed. */
export interface Scenario {
  readonly name: string;
  readonly description?: string;
  readonly durationMs: number;
  /** Ends as soon as every job has. Default true. */
  readonly endsWithJobs?: boolean;
  readonly jobs: readonly JobScenario[];
  readonly datasets?: readonly DatasetScenario[];
  readonly populations: readonly Population[];
  readonly network?: NetworkScenario;
  readonly partitions?: readonly Partition[];
  readonly hub?: HubScenario;
  /** As `startHub`'s. */
  readonly limits?: Partial<Limits>;
  /** Every job must have ended by the end, or it is a liveness violation. Default false. */
  readonly mustFinish?: boolean;
  /**
   * Jobs that have not ended by the end must have got slot time by their weights, or it is a correctness violation.
   * For jobs that are submitted at once and that every worker can serve. Default false.
   */
  readonly mustShare?: boolean;
}

export type CheckMode = "tick" | "end" | "none";

export interface SimulateOptions {
  readonly seed: number;
  /** Default "end". */
  readonly check?: CheckMode;
  /** Stops after so many scheduler steps, to find the shortest prefix that fails. */
  readonly stepsMax?: number;
  readonly signal?: AbortSignal;
  /** Now and then; `share` of the virtual time. */
  readonly onProgress?: (progress: {
    readonly virtualMs: number;
    readonly share: number;
    readonly events: number;
    readonly inputsDone: number;
  }) => void;
}

export type ViolationKind = "crash" | "liveness" | "correctness";

export interface Violation {
  readonly kind: ViolationKind;
  readonly message: string;
  readonly virtualMs: number;
  /** Steps of the scheduler so far: `stepsMax` of the shortest run that shows it. */
  readonly step: number;
}

/** Slot time by what became of it, in slot-ms; `useful` is what led to accepted results. */
export interface SlotTime {
  readonly useful: number;
  /** Lost with a worker that crashed, froze or was cut off, or with a hub. */
  readonly crashed: number;
  /** Somebody else's copy was faster. */
  readonly duplicate: number;
  /** Attempts that failed and were tried again. */
  readonly retried: number;
  /** Replicas, checks and canaries: answers that brought no result, but were needed to believe others. */
  readonly checking: number;
  /** Accepted results whose bytes are wrong. */
  readonly corrupted: number;
  /** Unit starts, checkpoints and restarts. */
  readonly overhead: number;
  /** Nothing to do. */
  readonly idle: number;
  /** Still running at the end. */
  readonly unfinished: number;
}

export interface Series {
  readonly name: string;
  readonly unit: string;
  /** Virtual milliseconds and values; at most 2,000 points. */
  readonly atMs: readonly number[];
  readonly values: readonly number[];
}

export interface JobOutcome {
  readonly job: string;
  readonly name: string;
  readonly submittedMs: number;
  /** `null`: not ended. */
  readonly endedMs: number | null;
  readonly makespanMs: number | null;
  readonly state: string;
  readonly inputs: number;
  readonly done: number;
  readonly failed: number;
  /** Mean time from append to the first start of an input (waiting time), and its work. */
  readonly meanWaitMs: number;
  /** Of a job with a quorum. */
  readonly trust?: TrustTally;
}

/** How results came to be believed. */
export interface TrustTally {
  /** Answers that came in, canaries and those that were of no use among them. */
  readonly answers: number;
  /** Values that were accepted, by how. */
  readonly accepted: Readonly<Record<"quorum" | "trust" | "trusted", number>>;
  /** Wrong ones among them, by who gave them; of honest people it was their machines' doing. */
  readonly wrong: Readonly<Record<Conduct, number>>;
  /** Inputs that failed because people did not agree. */
  readonly disputed: number;
  /** Answers that were believed on their person's word, and were taken back. */
  readonly rerun: number;
}

/** All jobs with a quorum together. */
export interface TrustSummary extends TrustTally {
  /** Answers for each accepted value, minus one. */
  readonly overhead: number;
  /** Credited values; one may be credited to several people. */
  readonly credited: number;
  /** Persons of each kind, and how many of them the hub took for proven, and for suspect, at the end. */
  readonly people: Readonly<
    Record<Conduct, { readonly all: number; readonly proven: number; readonly suspect: number }>
  >;
}

export interface PopulationTally {
  readonly population: string;
  readonly nodes: number;
  readonly slots: number;
  readonly inputsDone: number;
  readonly corrupted: number;
  readonly onlineSlotMs: number;
  readonly busySlotMs: number;
  readonly crashes: number;
  readonly connects: number;
  /** Values of jobs with a quorum that it was credited. */
  readonly credited: number;
}

/** JSON-able, without any wall-clock figure. */
export interface SimulationResult {
  readonly scenario: string;
  readonly seed: number;
  readonly version: string;
  readonly virtualMs: number;
  /** Of the virtual clock. */
  readonly events: number;
  readonly schedulerSteps: number;
  readonly leases: number;
  readonly speculativeLeases: number;
  readonly trims: number;
  /** As they would cross wires, by kind; heartbeats that change nothing are counted, not simulated. */
  readonly messages: Readonly<Record<string, number>>;
  readonly messagesPerSecond: { readonly mean: number; readonly peak: number };
  readonly peaks: {
    readonly workers: number;
    readonly slots: number;
    readonly leases: number;
    readonly queuedEvents: number;
    readonly journalRecords: number;
  };
  readonly hubCrashes: number;
  /** Segments of shuffles that were mapped again because nobody had their outputs any more. */
  readonly outputsLost: number;
  /** Blocks of datasets that the hub sent to machines. */
  readonly hubBytesSent: number;
  readonly inputs: number;
  readonly inputsDone: number;
  readonly inputsFailed: number;
  /** Busy share of the online slots. */
  readonly utilisation: number;
  readonly slotTime: SlotTime;
  readonly makespanMs: number | null;
  /** At most 2,000, the first. */
  readonly jobs: readonly JobOutcome[];
  /** Over jobs: quantiles of the makespan, in ms. */
  readonly makespanQuantiles: Readonly<Record<"min" | "p10" | "p50" | "p90" | "p99" | "max", number>> | null;
  readonly populations: readonly PopulationTally[];
  /** Where any job asks for a quorum. */
  readonly trust?: TrustSummary;
  /** `busySlots`, `slots`, `inputsDone`, `messages`, and `workers <population>` for each. */
  readonly series: readonly Series[];
  readonly violations: readonly Violation[];
}
