import { defaultLimits as limits } from "../default-limits.ts";
import type { Range } from "../ranges.ts";
import { Fields } from "./fields.ts";
import {
  type Accepted,
  acceptances,
  type JobSpec,
  parseJobSpec,
  type StageKind,
  stageKinds,
} from "./task.ts";
import { type FailureMark, packFailures, parseFailures } from "./worker.ts";

/**
 * Client: this job exists from now on; answered by `accepted`, also where the hub knows it already.
 * The body may hold the first inputs; with `sealed` they are all.
 */
export interface SubmitMessage {
  readonly type: "submit";
  readonly spec: JobSpec;
  /** Records in the body. */
  readonly count: number;
  readonly sealed: boolean;
}

/** Client: the inputs `[from, from + count)` in the body. Answered by `stored`. */
export interface InputsMessage {
  readonly type: "inputs";
  readonly job: string;
  readonly from: number;
  readonly count: number;
  /** These are the last. */
  readonly sealed: boolean;
}

/** How results are sent: as they finish, or by the index of their input. */
export type ResultOrder = "completion" | "input";

/** Client: send me what happens to this job. A second one replaces the first. */
export interface WatchMessage {
  readonly type: "watch";
  readonly job: string;
  readonly results: boolean;
  readonly order: ResultOrder;
  /** Go on behind this cursor (of the last `results` message; 0 from the start). */
  readonly cursor: number;
  /** Bytes of results that may be sent before `credit` allows more. */
  readonly creditBytes: number;
  readonly logs: boolean;
}

/** Client: has consumed so much. */
export interface CreditMessage {
  readonly type: "credit";
  readonly job: string;
  readonly bytes: number;
}

export interface UnwatchMessage {
  readonly type: "unwatch";
  readonly job: string;
}

/** What a page can follow. */
export type TopicName = "overview" | "jobs" | "job" | "log" | "worker" | "data" | "people";
export const topicNames: readonly TopicName[] = Object.freeze([
  "overview",
  "jobs",
  "job",
  "log",
  "worker",
  "data",
  "people",
] as const);

/** Client: tell me what there is to see, and then what changes, until `unfollow`. Answered by `live`. */
export interface FollowMessage {
  readonly type: "follow";
  /** The client's number for it; another topic under the same number replaces it. */
  readonly id: number;
  readonly topic: TopicName;
  /** A job's or worker's id, or what is searched for; may be empty. */
  readonly of: string;
}

export interface UnfollowMessage {
  readonly type: "unfollow";
  readonly id: number;
}

/** Client: stop the job, or only some inputs of it. */
export interface CancelMessage {
  readonly type: "cancel";
  readonly job: string;
  readonly reason: string;
  readonly ranges?: readonly Range[];
}

/** Client: asks something; the methods are in `calls.ts`. */
export interface CallMessage {
  readonly type: "call";
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export type ClientToHub =
  | SubmitMessage
  | InputsMessage
  | WatchMessage
  | CreditMessage
  | UnwatchMessage
  | CancelMessage
  | CallMessage
  | FollowMessage
  | UnfollowMessage;

/** Hub: the job is there and holds so many stored inputs; a client sends what is missing. */
export interface AcceptedMessage {
  readonly type: "accepted";
  readonly job: string;
  readonly size: number;
  readonly sealed: boolean;
}

/** Hub: the first `size` inputs are stored. */
export interface StoredMessage {
  readonly type: "stored";
  readonly job: string;
  readonly size: number;
}

/** Hub: results in the body, one record for each input of `ranges` in that order. */
export interface ResultsMessage {
  readonly type: "results";
  readonly job: string;
  readonly ranges: readonly Range[];
  readonly failures: readonly FailureMark[];
  /** The worker that did it, by name. */
  readonly worker: string;
  /** How they came to be believed. */
  readonly accepted: Accepted;
  readonly cursor: number;
}

export type JobState = "running" | "done" | "cancelled" | "broken";
export const jobStates: readonly JobState[] = Object.freeze([
  "running",
  "done",
  "cancelled",
  "broken",
] as const);

/** Hub: how far a watched job is, a few times a second while it changes. */
export interface JobProgressMessage {
  readonly type: "job";
  readonly job: string;
  readonly size: number;
  readonly sealed: boolean;
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  readonly state: JobState;
  /** Why nothing happens, where nothing can. */
  readonly waiting: string;
  /** How far the stages of a shuffle are, in their order; the numbers above are those of the last one. */
  readonly stages?: readonly StageProgress[];
}

/** How far one stage of a job is. */
export interface StageProgress {
  readonly kind: StageKind;
  readonly size: number;
  readonly sealed: boolean;
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  /** Inputs whose results were lost and made anew, or still to be made, since the job began. */
  readonly lost: number;
}

/** Why an attached job is cancelled whose client was gone for `attachedGraceMs`. */
export const CLIENT_GONE = "its client is gone";

/**
 * Hub: nothing more will come; all results were sent before where they were asked for. Where an input of an
 * earlier stage failed, so that there is no end to be had, the body holds its failure as one record.
 */
export interface EndedMessage {
  readonly type: "ended";
  readonly job: string;
  readonly state: JobState;
  readonly size: number;
  readonly failed: number;
  readonly reason: string;
  /** The input of the map stage that failed. */
  readonly culprit?: number;
}

/** Hub: lines that tasks printed, as packed UTF-8 records. */
export interface JobLogMessage {
  readonly type: "joblog";
  readonly job: string;
  readonly worker: string;
  readonly dropped: number;
}

/** Hub: answer to a call; exactly one of value and error. */
export interface ReplyMessage {
  readonly type: "reply";
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/**
 * Hub: what there is to see of a topic, or with `first` unset what changed of it. The body is a `LivePart` as JSON; it
 * is empty where the topic came to an end, with its error in the header.
 */
export interface LiveMessage {
  readonly type: "live";
  readonly id: number;
  readonly first: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** Hub: something about one job was refused. */
export interface JobErrorMessage {
  readonly type: "joberror";
  readonly job: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type HubToClient =
  | AcceptedMessage
  | StoredMessage
  | ResultsMessage
  | JobProgressMessage
  | EndedMessage
  | JobLogMessage
  | ReplyMessage
  | LiveMessage
  | JobErrorMessage;

const JOB_ID_LENGTH_MAX = 64;
const TOPIC_LENGTH_MAX = 200;
const RANGES_MAX = limits.blockRecordsMax;
const STAGES_MAX = 8;

/** Parses what a client sends after its handshake; undefined where the type is not a client's. */
export function parseClientToHub(type: string, fields: Fields): ClientToHub | undefined {
  const job = () => fields.string("job", JOB_ID_LENGTH_MAX);
  switch (type) {
    case "submit":
      return {
        type,
        spec: parseJobSpec(fields.raw("spec")),
        count: fields.integer("count", limits.blockRecordsMax),
        sealed: fields.boolean("sealed"),
      };
    case "inputs":
      return {
        type,
        job: job(),
        from: fields.integer("from"),
        count: fields.integer("count", limits.blockRecordsMax),
        sealed: fields.boolean("sealed"),
      };
    case "watch":
      return {
        type,
        job: job(),
        results: fields.boolean("results"),
        order: fields.oneOf("order", ["completion", "input"] as const),
        cursor: fields.integer("cursor"),
        creditBytes: fields.integer("creditBytes"),
        logs: fields.boolean("logs"),
      };
    case "credit":
      return { type, job: job(), bytes: fields.integer("bytes") };
    case "unwatch":
      return { type, job: job() };
    case "cancel":
      return {
        type,
        job: job(),
        reason: fields.string("reason", 1024),
        ...(fields.has("ranges") ? { ranges: fields.ranges("ranges", RANGES_MAX) } : {}),
      };
    case "follow":
      return {
        type,
        id: fields.integer("id"),
        topic: fields.oneOf("topic", topicNames),
        of: fields.string("of", TOPIC_LENGTH_MAX),
      };
    case "unfollow":
      return { type, id: fields.integer("id") };
    case "call": {
      const params = fields.raw("params");
      if (typeof params !== "object" || params === null) throw fields.wrong("params is no object");
      return {
        type,
        id: fields.integer("id"),
        method: fields.string("method", 64),
        params: params as Record<string, unknown>,
      };
    }
    default:
      return undefined;
  }
}

/** How results were accepted, where a header says so. */
export const parseAccepted = (fields: Fields): Accepted =>
  acceptances[fields.integer("accepted", acceptances.length - 1)]!;

function parseResults(fields: Fields): ResultsMessage {
  const ranges = fields.ranges("ranges", RANGES_MAX);
  const count = ranges.reduce((sum, [start, end]) => sum + (end - start), 0);
  return {
    type: "results",
    job: fields.string("job", JOB_ID_LENGTH_MAX),
    ranges,
    failures: parseFailures(fields, count),
    worker: fields.string("worker"),
    accepted: fields.has("accepted") ? parseAccepted(fields) : "single",
    cursor: fields.integer("cursor"),
  };
}

/** The stages in a header that has some. */
export const parseStages = (fields: Fields): StageProgress[] =>
  fields.list("stages", STAGES_MAX).map((item) => {
    const stage = new Fields("job.stages", item);
    return {
      kind: stage.oneOf("kind", stageKinds),
      size: stage.integer("size"),
      sealed: stage.boolean("sealed"),
      done: stage.integer("done"),
      failed: stage.integer("failed"),
      running: stage.integer("running"),
      lost: stage.integer("lost"),
    };
  });

function parseError(fields: Fields): NonNullable<ReplyMessage["error"]> {
  const error = fields.object("error");
  return {
    code: error.string("code", 64),
    message: error.string("message", 8192),
    hint: error.string("hint", 2048),
  };
}

function parseReply(fields: Fields): ReplyMessage {
  const id = fields.integer("id");
  if (!fields.has("error")) return { type: "reply", id, value: fields.raw("value") };
  return { type: "reply", id, error: parseError(fields) };
}

/** Parses what a hub sends to a client; undefined where the type is none of these. */
export function parseHubToClient(type: string, fields: Fields): HubToClient | undefined {
  const job = () => fields.string("job", JOB_ID_LENGTH_MAX);
  switch (type) {
    case "accepted":
      return { type, job: job(), size: fields.integer("size"), sealed: fields.boolean("sealed") };
    case "stored":
      return { type, job: job(), size: fields.integer("size") };
    case "results":
      return parseResults(fields);
    case "job":
      return {
        type,
        job: job(),
        size: fields.integer("size"),
        sealed: fields.boolean("sealed"),
        done: fields.integer("done"),
        failed: fields.integer("failed"),
        running: fields.integer("running"),
        state: fields.oneOf("state", jobStates),
        waiting: fields.string("waiting", 1024),
        ...(fields.has("stages") ? { stages: parseStages(fields) } : {}),
      };
    case "ended":
      return {
        type,
        job: job(),
        state: fields.oneOf("state", jobStates),
        size: fields.integer("size"),
        failed: fields.integer("failed"),
        reason: fields.string("reason", 2048),
        ...(fields.has("culprit") ? { culprit: fields.integer("culprit") } : {}),
      };
    case "joblog":
      return { type, job: job(), worker: fields.string("worker"), dropped: fields.integer("dropped") };
    case "reply":
      return parseReply(fields);
    case "live":
      return {
        type,
        id: fields.integer("id"),
        first: fields.boolean("first"),
        ...(fields.has("error") ? { error: parseError(fields) } : {}),
      };
    case "joberror":
      return {
        type,
        job: job(),
        code: fields.string("code", 64),
        message: fields.string("message", 8192),
        hint: fields.string("hint", 2048),
      };
    default:
      return undefined;
  }
}

/** A results message as it goes out. */
export function resultsHeader(message: ResultsMessage): object {
  const { ranges, failures, accepted, ...rest } = message;
  const how = accepted === "single" ? {} : { accepted: acceptances.indexOf(accepted) };
  return { ...rest, ...how, ranges: ranges.flat(), ...packFailures(failures) };
}

/** A cancel message as it goes out. */
export function cancelHeader(message: CancelMessage): object {
  return message.ranges === undefined ? message : { ...message, ranges: message.ranges.flat() };
}
