import {
  type JobSpec,
  type JobState,
  type JobTrustSummary,
  jobStates,
  parseJobSpec,
  type Range,
  type StageProgress,
} from "../../protocol/index.ts";
import { Fields, parsePriority, parseStages } from "../../protocol/messages/index.ts";
import type { Retry } from "../../scheduler/index.ts";
import type { MapFailure } from "../jobs/job-entry.ts";

export const keptTables = Object.freeze(["inputs", "records", "spans", "saved"] as const);
export type KeptTable = (typeof keptTables)[number];
export type GrowingTable = Exclude<KeptTable, "saved">;

/** A job as a checkpoint keeps it; its tables follow as `rows`. */
export interface KeptJob {
  readonly spec: JobSpec;
  readonly submittedAtMs: number;
  readonly state: JobState;
  readonly reason: string;
  readonly endedAtMs: number | null;
  readonly size: number;
  readonly sealed: boolean;
  readonly done: number;
  readonly failed: number;
  readonly storedBytes: number;
  /** Size of its inputs together. */
  readonly bytes: number;
  readonly carveMark: number;
  /** Where somebody set it to something else than it was submitted with. */
  readonly adjusted?: { readonly paused: boolean; readonly priority: number };
  readonly perWorker: readonly (readonly [worker: string, count: number])[];
  /** The last three, where there are any, say where one of them stands. */
  readonly errors: readonly (readonly [
    fingerprint: string,
    kind: string,
    count: number,
    record?: number,
    at?: number,
    input?: number,
  ])[];
  /** Of its course, for people; checkpoints of before have none. */
  readonly history?: Uint8Array;
  /** Results of a map stage that were lost. */
  readonly lost?: number;
  /** How far its stages were, of a shuffle that has ended. */
  readonly stages?: readonly StageProgress[];
  /** Why a shuffle broke. */
  readonly failure?: MapFailure;
  /** How the results of one that has ended were believed, where it asked for a quorum. */
  readonly trust?: JobTrustSummary;
}

/**
 * What a checkpoint consists of. `mark` comes first: all that stands before it is in the checkpoint, whose
 * other records are written bit by bit while work goes on; `checkpointed` comes last.
 */
export type CheckpointRecord =
  | { readonly type: "mark" }
  | ({ readonly type: "kept" } & KeptJob)
  /** Rows of one of its tables, as `NumberTable.bytes` gives them. */
  | { readonly type: "rows"; readonly job: string; readonly table: KeptTable }
  /** Inputs that were tried before and wait, or are under a lease. */
  | { readonly type: "waiting"; readonly job: string; readonly retries: readonly Retry[] }
  /** Inputs of a map stage whose results are lost, though its tables still name them. */
  | { readonly type: "gone"; readonly job: string; readonly ranges: readonly Range[] }
  | { readonly type: "checkpointed"; readonly mark: number; readonly jobs: number }
  /** Another record as a whole, which stood further ahead in the journal. */
  | { readonly type: "moved" };

export const flattenRetries = (retries: readonly Retry[]): (number | number[])[][] =>
  retries.map((retry) => [retry.failures, retry.strikes, retry.ranges.flat()]);

export function parseRetries(fields: Fields): Retry[] {
  return fields.list("retries", Number.MAX_SAFE_INTEGER).map((item) => {
    const [failures, strikes, flat] = item as [number, number, number[]];
    return {
      failures,
      strikes,
      ranges: new Fields("ledger.retry", { flat }).ranges("flat", Number.MAX_SAFE_INTEGER),
    };
  });
}

/** Undefined for a record of another kind. */
export function parseCheckpointRecord(type: string, fields: Fields): CheckpointRecord | undefined {
  switch (type) {
    case "mark":
    case "moved":
      return { type };
    case "kept":
      return { type, ...parseKept(fields) };
    case "rows":
      return { type, job: fields.string("job"), table: fields.oneOf("table", keptTables) };
    case "waiting":
      return { type, job: fields.string("job"), retries: parseRetries(fields) };
    case "gone":
      return {
        type,
        job: fields.string("job"),
        ranges: fields.ranges("ranges", Number.MAX_SAFE_INTEGER),
      };
    case "checkpointed":
      return { type, mark: fields.integer("mark"), jobs: fields.integer("jobs") };
    default:
      return undefined;
  }
}

function parseKept(fields: Fields): KeptJob {
  const endedAtMs = fields.raw("endedAtMs") === null ? null : fields.number("endedAtMs");
  return {
    spec: parseJobSpec(fields.raw("spec")),
    submittedAtMs: fields.number("submittedAtMs"),
    state: fields.oneOf("state", jobStates),
    reason: fields.string("reason", 2048),
    endedAtMs,
    size: fields.integer("size"),
    sealed: fields.boolean("sealed"),
    done: fields.integer("done"),
    failed: fields.integer("failed"),
    storedBytes: fields.integer("storedBytes"),
    bytes: fields.integer("bytes"),
    carveMark: fields.integer("carveMark"),
    perWorker: fields.list("perWorker", Number.MAX_SAFE_INTEGER) as KeptJob["perWorker"],
    errors: fields.list("errors", Number.MAX_SAFE_INTEGER) as KeptJob["errors"],
    ...(fields.has("history") ? { history: fields.bytes("history", Number.MAX_SAFE_INTEGER) } : {}),
    ...(fields.has("adjusted") ? { adjusted: parseAdjusted(fields.object("adjusted")) } : {}),
    ...(fields.has("lost") ? { lost: fields.integer("lost") } : {}),
    ...(fields.has("stages") ? { stages: parseStages(fields) } : {}),
    ...(fields.has("failure") ? { failure: parseFailure(fields.object("failure")) } : {}),
    ...(fields.has("trust") ? { trust: parseJobTrust(fields.object("trust")) } : {}),
  };
}

export const parseJobTrust = (fields: Fields): JobTrustSummary => ({
  replicas: fields.integer("replicas"),
  undecided: fields.integer("undecided"),
  provisional: fields.integer("provisional"),
  rerun: fields.integer("rerun"),
});

const parseAdjusted = (fields: Fields) => ({
  paused: fields.boolean("paused"),
  priority: parsePriority(fields),
});

const parseFailure = (fields: Fields): MapFailure => ({
  culprit: fields.integer("culprit"),
  record: fields.bytes("record", Number.MAX_SAFE_INTEGER),
});
