import {
  type Accepted,
  acceptances,
  decodeFrame,
  encodeFrame,
  type FailureMark,
  type JobSpec,
  type JobState,
  type JobTrustSummary,
  type Limits,
  MusketeersError,
  packFailures,
  parseJobSpec,
  type Range,
} from "../../protocol/index.ts";
import { Fields, parseAccepted, parseFailures, parsePriority } from "../../protocol/messages/index.ts";
import type { Retry } from "../../scheduler/index.ts";
import { type HubFailureKind, hubFailureKinds } from "../jobs/hub-failure.ts";
import {
  type CheckpointRecord,
  flattenRetries,
  parseCheckpointRecord,
  parseJobTrust,
  parseRetries,
} from "./checkpoint-record.ts";

/** One record of the hub's journal. Blocks stand behind the header, as in frames. */
export type LedgerRecord = JobRecord | CheckpointRecord;

/** What happened to a job. */
export type JobRecord =
  | { readonly type: "submitted"; readonly spec: JobSpec; readonly atMs: number }
  | { readonly type: "inputs"; readonly job: string; readonly from: number; readonly count: number }
  | { readonly type: "sealed"; readonly job: string }
  | {
      readonly type: "results";
      readonly job: string;
      /** Name of the worker. */
      readonly worker: string;
      readonly ranges: readonly Range[];
      readonly failures: readonly FailureMark[];
      readonly retries: readonly Retry[];
      /** Where it is not there nobody asked for more than one result. */
      readonly accepted?: Accepted;
    }
  /** Failures that the hub made; their records are made anew whenever somebody reads them. */
  | {
      readonly type: "failed";
      readonly job: string;
      readonly ranges: readonly Range[];
      readonly kind: HubFailureKind;
      readonly reason: string;
    }
  /** What an input saved for its next attempt; the body is one record. */
  | { readonly type: "saved"; readonly job: string; readonly input: number }
  | { readonly type: "carve"; readonly job: string; readonly mark: number }
  /** What somebody set it to while it ran. */
  | { readonly type: "adjusted"; readonly job: string; readonly paused: boolean; readonly priority: number }
  /** Results of a map stage that are nowhere any more. */
  | { readonly type: "lost"; readonly job: string; readonly ranges: readonly Range[] }
  | {
      readonly type: "ended";
      readonly job: string;
      readonly state: Exclude<JobState, "running">;
      readonly reason: string;
      readonly atMs: number;
      /** The input of the map stage that failed, where that is why; the body is its failure, a packed record. */
      readonly culprit?: number;
      /** How its results were believed, where it asked for a quorum. */
      readonly trust?: JobTrustSummary;
      /** When its results came, for people. */
      readonly timeline?: Uint8Array;
    };

const checkpointTypes: readonly LedgerRecord["type"][] = Object.freeze([
  "mark",
  "kept",
  "rows",
  "waiting",
  "gone",
  "checkpointed",
  "moved",
]);

/** Whether a record says what happened, as against being part of a checkpoint. */
export const isJobRecord = (record: LedgerRecord): record is JobRecord =>
  !checkpointTypes.includes(record.type);

export function encodeLedgerRecord(record: LedgerRecord, body?: Uint8Array): Uint8Array {
  if (record.type === "failed" || record.type === "lost" || record.type === "gone")
    return encodeFrame({ ...record, ranges: record.ranges.flat() }, body);
  if (record.type === "waiting") {
    return encodeFrame({ ...record, retries: flattenRetries(record.retries) }, body);
  }
  if (record.type !== "results") return encodeFrame(record, body);
  const { ranges, failures, retries, accepted, ...rest } = record;
  const header = {
    ...rest,
    ranges: ranges.flat(),
    ...packFailures(failures),
    retries: flattenRetries(retries),
    ...(accepted === undefined || accepted === "single" ? {} : { accepted: acceptances.indexOf(accepted) }),
  };
  return encodeFrame(header, body);
}

function parse(fields: Fields): LedgerRecord {
  const type = fields.string("type");
  const job = () => fields.string("job");
  switch (type) {
    case "submitted":
      return { type, spec: parseJobSpec(fields.raw("spec")), atMs: fields.number("atMs") };
    case "inputs":
      return { type, job: job(), from: fields.integer("from"), count: fields.integer("count") };
    case "sealed":
      return { type, job: job() };
    case "results": {
      const ranges = fields.ranges("ranges", Number.MAX_SAFE_INTEGER);
      const count = ranges.reduce((sum, [start, end]) => sum + end - start, 0);
      return {
        type,
        job: job(),
        worker: fields.string("worker"),
        ranges,
        failures: parseFailures(fields, count),
        retries: parseRetries(fields),
        ...(fields.has("accepted") ? { accepted: parseAccepted(fields) } : {}),
      };
    }
    case "failed":
      return {
        type,
        job: job(),
        ranges: fields.ranges("ranges", Number.MAX_SAFE_INTEGER),
        kind: fields.oneOf("kind", hubFailureKinds),
        reason: fields.string("reason", 2048),
      };
    case "saved":
      return { type, job: job(), input: fields.integer("input") };
    case "carve":
      return { type, job: job(), mark: fields.integer("mark") };
    case "adjusted":
      return { type, job: job(), paused: fields.boolean("paused"), priority: parsePriority(fields) };
    case "lost":
      return { type, job: job(), ranges: fields.ranges("ranges", Number.MAX_SAFE_INTEGER) };
    case "ended":
      return {
        type,
        job: job(),
        state: fields.oneOf("state", ["done", "cancelled", "broken"] as const),
        reason: fields.string("reason", 2048),
        atMs: fields.number("atMs"),
        ...(fields.has("culprit") ? { culprit: fields.integer("culprit") } : {}),
        ...(fields.has("trust") ? { trust: parseJobTrust(fields.object("trust")) } : {}),
        ...(fields.has("timeline") ? { timeline: fields.bytes("timeline", Number.MAX_SAFE_INTEGER) } : {}),
      };
    default: {
      const record = parseCheckpointRecord(type, fields);
      if (record === undefined) throw fields.wrong(`unknown type ${type}`);
      return record;
    }
  }
}

const unlimited: Pick<Limits, "frameBytesMax" | "headerBytesMax"> = {
  frameBytesMax: Number.POSITIVE_INFINITY,
  headerBytesMax: Number.POSITIVE_INFINITY,
};

/** @throws MusketeersError `JOURNAL_CORRUPT`: the journal's checksums held, so another program wrote this. */
export function decodeLedgerRecord(bytes: Uint8Array): { record: LedgerRecord; body: Uint8Array } {
  try {
    const { header, body } = decodeFrame(bytes, unlimited);
    return { record: parse(new Fields("ledger", header)), body };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MusketeersError("JOURNAL_CORRUPT", `The journal holds a record that is not the hub's: ${why}`, {
      cause,
    });
  }
}
