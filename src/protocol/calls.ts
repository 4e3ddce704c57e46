import type { InviteParams, InviteSummary } from "./invite-summary.ts";
import type { JobState, PictureSize, Role, StageProgress } from "./messages/index.ts";
import { type ProjectCalls, projectCallRoles } from "./projects.ts";
import type { EnrolledWorker } from "./standing.ts";

/*
 * What a client may ask a hub with a `call`, and what it is told. The same shapes are what the command
 * line prints with --json.
 */

/** Times are milliseconds since 1970. */
export interface JobSummary {
  readonly job: string;
  readonly title: string;
  readonly state: JobState;
  /** Nothing of it is begun until somebody lets it go on. */
  readonly paused: boolean;
  readonly priority: number;
  readonly attached: boolean;
  /** Inputs so far; all of them once `sealed`. */
  readonly size: number;
  readonly sealed: boolean;
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  readonly retrying: number;
  /** Why nothing happens, where nothing can; else empty. */
  readonly waiting: string;
  readonly submittedAtMs: number;
  readonly endedAtMs: number | null;
  /** The stages of a shuffle, in their order; the numbers above are those of the last one. */
  readonly stages?: readonly StageProgress[];
  /** Where it asks for a quorum. */
  readonly trust?: JobTrustSummary;
  /** Where its results are parts of a picture. */
  readonly picture?: PictureSize;
}

/** How far the results of a job are believed. */
export interface JobTrustSummary {
  /** Results that came, discarded ones among them. */
  readonly replicas: number;
  /** Inputs with votes that are not decided. */
  readonly undecided: number;
  /** Inputs whose results stand on one person's word until its next check. */
  readonly provisional: number;
  /** Provisional results that were taken back and run again. */
  readonly rerun: number;
}

/** What a hub knows of a person. */
export interface PersonSummary {
  readonly person: string;
  /** Its workers that are connected. */
  readonly workers: number;
  /** One of them is vouched for by the hub's owner. */
  readonly trusted: boolean;
  /** Was right so often in a row that its word confirms others'. */
  readonly proven: boolean;
  readonly streak: number;
  /** Results that others confirmed, and that others refuted. */
  readonly valid: number;
  readonly invalid: number;
  /** Was refuted too often: gets no more work that asks for a quorum. */
  readonly suspect: boolean;
}

/** How much of a job is done, all of its stages together. */
export function extentOf({
  stages,
  done,
  size,
  sealed,
}: JobSummary): Pick<JobSummary, "done" | "size" | "sealed"> {
  if (stages === undefined) return { done, size, sealed };
  return {
    done: stages.reduce((sum, stage) => sum + stage.done, 0),
    size: stages.reduce((sum, stage) => sum + stage.size, 0),
    sealed: stages.every((stage) => stage.sealed),
  };
}

/** One job in full. */
export interface JobDetails extends JobSummary {
  /** Accepted results by worker name. */
  readonly perWorker: Readonly<Record<string, number>>;
  readonly errors: readonly { readonly fingerprint: string; readonly kind: string; readonly count: number }[];
  readonly reason: string;
}

export interface WorkerSummary extends EnrolledWorker {
  readonly worker: string;
  readonly connectedAtMs: number;
  readonly busySlots: number;
  readonly inputsDone: number;
  readonly inputsFailed: number;
  readonly memoryUsedBytes: number;
  readonly load: number;
  readonly draining: boolean;
  /** What it works on now, by job title. */
  readonly running: readonly string[];
}

/** A named folder of files. */
export interface DatasetSummary {
  readonly name: string;
  readonly cid: string;
  /** Of all its files. */
  readonly bytes: number;
  readonly files: number;
  readonly createdAtMs: number;
  /** Label of the invite of whoever put it. */
  readonly owner: string;
  /** Workers that are to keep it, besides the hub. */
  readonly replicas: number;
}

/** A dataset, and which workers keep it. */
export interface DatasetStatus extends DatasetSummary {
  /** By name; those that are not `whole` are still fetching it. */
  readonly keptBy: readonly { readonly worker: string; readonly whole: boolean }[];
  /** Of what is not whole at the hub: how many blocks are seen to be missing, and since when. */
  readonly lacks?: { readonly blocks: number; readonly sinceMs: number };
}

export interface HubStatus {
  readonly hub: string;
  readonly version: string;
  readonly upSinceMs: number;
  readonly workers: number;
  readonly slots: number;
  readonly busySlots: number;
  readonly jobsRunning: number;
  readonly jobsEnded: number;
  readonly inputsDone: number;
  /** Accepted results a second, over the last seconds. */
  readonly inputsPerSecond: number;
  readonly memoryBytes: number;
  /** Bytes of blobs that it sent to workers and clients since it started. */
  readonly blobBytesSent: number;
  /** What an operator should know, such as a full disk or a job that no worker can serve. */
  readonly warnings: readonly string[];
}

/** What one person did for one project, as far as it was accepted. */
export interface CreditSummary {
  /** Who answers for the workers, as the hub knows them. */
  readonly person: string;
  /** Of the invite that they came with last. */
  readonly label: string;
  readonly project: string;
  /** Seconds on a core of the reference speed. */
  readonly seconds: number;
  readonly inputs: number;
  /** When the last of it was given, in milliseconds since 1970. */
  readonly lastAtMs: number;
}

export interface LogLine {
  readonly worker: string;
  readonly line: string;
}

/** A failure as it was stored. */
export interface FailureSample {
  readonly input: number;
  /** By name; empty where the hub made it. */
  readonly worker: string;
  /** One packed record. */
  readonly failure: Uint8Array;
  /** What the task was given, as one packed record; null where that is made of other results. */
  readonly given: Uint8Array | null;
}

/** Methods with their parameters and values. */
export interface Calls extends ProjectCalls {
  status: { params: Record<string, never>; value: HubStatus };
  workers: { params: Record<string, never>; value: readonly WorkerSummary[] };
  jobs: { params: { readonly limit?: number }; value: readonly JobSummary[] };
  job: { params: { readonly job: string }; value: JobDetails };
  /** Those of whom something is known, or who are connected. */
  people: { params: Record<string, never>; value: readonly PersonSummary[] };
  /** Takes a person for a newcomer, whatever was found out; says what it is now. */
  forgive: { params: { readonly person: string }; value: PersonSummary };
  logs: { params: { readonly job: string }; value: readonly LogLine[] };
  /** One of the failures of a job that look alike. */
  failure: {
    params: { readonly job: string; readonly fingerprint: string };
    value: FailureSample;
  };
  /** Stops a job; says what it is now. */
  cancel: { params: { readonly job: string }; value: JobSummary };
  /** Pauses a job, lets it go on, changes its priority; what is not said stays. Says what it is now. */
  adjust: {
    params: { readonly job: string; readonly paused?: boolean; readonly priority?: number };
    value: JobSummary;
  };
  /** Finish what runs and leave. */
  drain: { params: { readonly worker: string }; value: WorkerSummary };
  /** The leader board, of one project or of all; the most first. */
  credit: { params: { readonly project?: string }; value: readonly CreditSummary[] };
  invite: {
    params: InviteParams;
    value: { readonly invite: string; readonly joinCommand: string };
  };
  /** The newest first. */
  invites: { params: Record<string, never>; value: readonly InviteSummary[] };
  /** Takes back the invite of an id, or all with a label, and ends their connections; says which. */
  revoke: { params: { readonly invite: string }; value: readonly InviteSummary[] };
  /** The catalogue, by name. */
  datasets: { params: Record<string, never>; value: readonly DatasetStatus[] };
  dataset: { params: { readonly name: string }; value: DatasetStatus };
  /** Gives a folder whose blocks are all there a name. */
  putDataset: {
    params: {
      readonly name: string;
      readonly cid: string;
      readonly replicas?: number;
      readonly replace?: boolean;
    };
    value: DatasetSummary;
  };
  /** Says what it was. */
  removeDataset: { params: { readonly name: string }; value: DatasetSummary };
  /** Whether the hub holds these blobs, in order. */
  hasBlobs: { params: { readonly cids: readonly string[] }; value: readonly boolean[] };
}

export type CallMethod = keyof Calls;

/** Which roles may call what. */
export const callRoles: Readonly<Record<CallMethod, readonly Role[]>> = Object.freeze({
  ...projectCallRoles,
  status: ["admin", "submitter", "viewer"],
  workers: ["admin", "submitter", "viewer"],
  jobs: ["admin", "submitter", "viewer"],
  job: ["admin", "submitter", "viewer"],
  people: ["admin", "submitter", "viewer"],
  forgive: ["admin"],
  logs: ["admin", "submitter", "viewer"],
  failure: ["admin", "submitter"],
  cancel: ["admin", "submitter"],
  adjust: ["admin", "submitter"],
  drain: ["admin"],
  credit: ["admin", "submitter", "viewer"],
  invite: ["admin"],
  invites: ["admin"],
  revoke: ["admin"],
  datasets: ["admin", "submitter", "viewer"],
  dataset: ["admin", "submitter", "viewer"],
  putDataset: ["admin", "submitter"],
  removeDataset: ["admin", "submitter"],
  hasBlobs: ["admin", "submitter", "worker"],
});
