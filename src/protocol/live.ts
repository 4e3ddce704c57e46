import type { HubStatus, JobDetails, JobSummary, PersonSummary, WorkerSummary } from "./calls.ts";
import type { InviteSummary } from "./invite-summary.ts";
import type { ShuffleStageKind } from "./messages/index.ts";

/*
 * What pages are told by `live` messages. A topic has values, which are replaced as a whole, and tables, of which
 * only the rows that changed are sent. Nothing here grows with the inputs of a job.
 */

export interface LivePart {
  readonly set: Readonly<Record<string, unknown>>;
  readonly put: Readonly<Record<string, readonly (readonly [key: string, row: unknown])[]>>;
  readonly drop: Readonly<Record<string, readonly string[]>>;
}

/** What a worker does, which changes all the time, as against what it is. */
export type WorkerWork = Pick<
  WorkerSummary,
  "slots" | "busySlots" | "inputsDone" | "inputsFailed" | "memoryUsedBytes" | "load" | "draining" | "running"
>;

/** What a worker is. */
export type WorkerIdentity = Omit<WorkerSummary, keyof WorkerWork>;

/** Counts over time, in steps of one length; the last one goes on. */
export interface TimelineView {
  readonly startMs: number;
  readonly stepMs: number;
  readonly done: readonly number[];
  readonly failed: readonly number[];
}

/**
 * A job's inputs, cut into equal pieces, as runs of pieces that look alike: how many there are, by which worker
 * most of it was done (an index into `workers`; -1 nobody), which share has a result and which share a failure
 * (0 to 100), and what goes on there: `l` leased, `s` a second copy runs, `r` is tried again, `q` has answers
 * and waits for more people's.
 */
export interface BandView {
  readonly kind: ShuffleStageKind | "inputs";
  readonly size: number;
  readonly sealed: boolean;
  readonly inputsPerBin: number;
  readonly workers: readonly string[];
  readonly runs: readonly (readonly [
    bins: number,
    worker: number,
    done: number,
    failed: number,
    now: string,
  ])[];
}

/** Time that a unit took on a slot. */
export interface Segment {
  readonly worker: string;
  readonly name: string;
  readonly lane: number;
  readonly job: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly inputs: number;
  readonly failed: number;
  readonly copy: boolean;
}

export interface OverviewValues {
  readonly status: HubStatus;
  readonly timeline: TimelineView;
  /** Inputs of running jobs. */
  readonly inputs: { readonly waiting: number; readonly running: number; readonly retrying: number };
  readonly omitted: { readonly workers: number; readonly jobs: number };
}

export interface JobValues {
  readonly job: JobDetails;
  readonly bands: readonly BandView[];
  readonly timeline: TimelineView;
  readonly nowMs: number;
  /** Undefined where nobody can say yet. */
  readonly leftMs?: number;
}

export interface WorkerValues {
  readonly worker: WorkerSummary;
  /** Whose it is, where that is known. */
  readonly person?: PersonSummary;
  readonly nowMs: number;
}

export type JobRow = JobSummary;
export type InviteRow = InviteSummary;
