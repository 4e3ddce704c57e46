import { IMAGE_CHARACTERS_MAX } from "../container.ts";
import { defaultLimits as limits } from "../default-limits.ts";
import { countRecords } from "../records.ts";
import { parseTraceparent, TRACEPARENT_LENGTH } from "../trace-context.ts";
import { Fields } from "./fields.ts";

/** What a worker must know to run a task. */
export interface TaskSpec {
  /** CID of the bundle's code. */
  readonly bundle: string;
  /** Which task of the bundle: `export:NAME`, or `site:FILE#ORDINAL` for one that is not exported. */
  readonly entry: string;
  /** What people see, such as `getTable`. */
  readonly title: string;
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  /** Hosts that it may reach, as `host`, `host:port` or `*.host`. */
  readonly net: readonly string[];
  /** Of a container: its image, pinned, as its code says; so that nobody has to fetch that to know. */
  readonly image?: string;
  /** Which stage of a shuffle this is, where it is one. */
  readonly stage?: StageSpec;
  /** The submitter's signature under all this, with the certificate of its key; see `security/manifest.ts`. */
  readonly proof?: Uint8Array;
}

export type ShuffleStageKind = "map" | "reduce";
export type StageKind = ShuffleStageKind | "same";
export const stageKinds: readonly StageKind[] = Object.freeze(["map", "reduce", "same"] as const);

/**
 * What a sandbox is to do with an input. `map`: it is a segment, and the result a row of outputs, one for each
 * partition. `reduce`: it is the column of a partition, and the result is whatever the submitter is to get.
 * Rows and columns are as in `outputs-row.ts`. `same`: it is two answers of the task, as `encodeResumed` puts two
 * records together, and the result says whether the task takes them for the same.
 */
export interface StageSpec {
  readonly kind: StageKind;
  /** Of the shuffle; 0 where there is none. */
  readonly partitions: number;
}

/** A job of two stages: its inputs are mapped to outputs, these are grouped by partition and reduced. */
export interface ShuffleSpec {
  /** How many results the job has. */
  readonly partitions: number;
}

/** What a worker must be to be given a job. */
export interface Needs {
  readonly platform?: string;
  readonly arch?: string;
  readonly cores?: number;
  readonly memoryBytes?: number;
  /** Labels that its volunteer gave it, each of them. */
  readonly labels?: readonly string[];
  /** Capabilities that it reports, each of them, such as `node` (runs in Node.js, for trusted work), `wasm`, `webgpu`. */
  readonly capabilities?: readonly string[];
}

/** How a job is to be treated. Times in milliseconds. */
export interface JobOptions {
  /** Retries of an input that throws or times out. */
  readonly retries: number;
  readonly backoffMs: number;
  /** Sandboxes that one input may kill. */
  readonly maxAttempts: number;
  /** -8 to 8; each step doubles the job's share. */
  readonly priority: number;
  readonly needs: Needs;
  /** Cancelled some seconds after its client is gone. */
  readonly attached: boolean;
  /** How strangers' results come to be believed; without it the first result counts. */
  readonly quorum?: QuorumSpec;
  /** Its results are parts of a picture, which whoever may look at the hub may look at. */
  readonly picture?: PictureSize;
}

/** In pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** When results of different people are believed. */
export interface QuorumSpec {
  /** So many people must have given the same answer, one of them proven. */
  readonly agree: number;
  /** An input of which so many proven people gave answers that do not agree fails. */
  readonly of: number;
  /** Whether people who were right often enough are believed alone, and checked now and then. */
  readonly adaptive: boolean;
  /** Answers are compared across JavaScript engines, too. */
  readonly deterministic: boolean;
  /** The task has a function `same(a, b)`: it says which answers agree that are not equal byte by byte. */
  readonly same?: boolean;
}

/** How a result came to be believed: nobody asked, people agreed, one proven person's word, a trusted worker's. */
export type Accepted = "single" | "quorum" | "trust" | "trusted";
/** A byte on the wire and in the journal is the place in this list. */
export const acceptances: readonly Accepted[] = Object.freeze([
  "single",
  "quorum",
  "trust",
  "trusted",
] as const);

export const QUORUM_MAX = 16;

/** Inputs whose answers the submitter knows: mixed in between others, to see who is honest. */
export interface CanarySpec {
  /** Packed records. */
  readonly inputs: Uint8Array;
  /** The digest of each answer, as `answerDigest` makes it. */
  readonly answers: readonly string[];
}

/** Canaries stand behind every input that there can be: the n-th at this index and n. */
export const CANARY_BASE = 2 ** 40;

/** A submission without its inputs. */
export interface JobSpec {
  /** Made by the client: the same id is the same job. */
  readonly job: string;
  readonly title: string;
  /** Set by the hub from its submitter's invite; the default project where it is missing. */
  readonly project?: string;
  readonly task: TaskSpec;
  readonly options: JobOptions;
  /** Present where the inputs are segments of a map stage, and the results those of the reduce stage behind it. */
  readonly shuffle?: ShuffleSpec;
  readonly canaries?: CanarySpec;
  /** The client's span, a `traceparent` of W3C Trace Context. */
  readonly trace?: string;
}

export const PRIORITY_MAX = 8;
export const PROJECT_LENGTH_MAX = 64;

export function parseTaskSpec(fields: Fields): TaskSpec {
  return {
    bundle: fields.string("bundle", 128),
    entry: fields.string("entry", 1024),
    title: fields.string("title"),
    timeoutMs: fields.integer("timeoutMs", limits.taskTimeoutMaxMs, 1),
    memoryBytes: fields.integer("memoryBytes"),
    net: fields.strings("net", 64),
    ...(fields.has("image") ? { image: fields.string("image", IMAGE_CHARACTERS_MAX) } : {}),
    ...(fields.has("stage") ? { stage: parseStage(fields.object("stage")) } : {}),
    ...(fields.has("proof") ? { proof: fields.bytes("proof", limits.proofBytesMax) } : {}),
  };
}

function parseStage(fields: Fields): StageSpec {
  const kind = fields.oneOf("kind", stageKinds);
  return { kind, partitions: kind === "same" ? 0 : partitionsOf(fields) };
}

const partitionsOf = (fields: Fields): number => fields.integer("partitions", limits.partitionsMax, 1);

export function parseNeeds(fields: Fields): Needs {
  return {
    ...(fields.has("platform") ? { platform: fields.string("platform", 32) } : {}),
    ...(fields.has("arch") ? { arch: fields.string("arch", 32) } : {}),
    ...(fields.has("cores") ? { cores: fields.integer("cores") } : {}),
    ...(fields.has("memoryBytes") ? { memoryBytes: fields.integer("memoryBytes") } : {}),
    ...(fields.has("labels") ? { labels: fields.strings("labels", 32, 64) } : {}),
    ...(fields.has("capabilities") ? { capabilities: fields.strings("capabilities", 32, 64) } : {}),
  };
}

export function parseTrace(fields: Fields): string {
  const text = fields.string("trace", TRACEPARENT_LENGTH);
  if (parseTraceparent(text) === undefined) throw fields.wrong("trace is no traceparent");
  return text;
}

export function parsePriority(fields: Fields): number {
  const priority = fields.raw("priority");
  if (typeof priority !== "number" || !Number.isInteger(priority) || Math.abs(priority) > PRIORITY_MAX) {
    throw fields.wrong(`priority is no whole number from -${PRIORITY_MAX} to ${PRIORITY_MAX}`);
  }
  return priority;
}

function parseJobOptions(fields: Fields): JobOptions {
  return {
    retries: fields.integer("retries", limits.taskRetriesMax),
    backoffMs: fields.integer("backoffMs", limits.retryBackoffMaxMs),
    maxAttempts: fields.integer("maxAttempts", 100, 1),
    priority: parsePriority(fields),
    needs: parseNeeds(fields.object("needs")),
    attached: fields.boolean("attached"),
    ...(fields.has("quorum") ? { quorum: parseQuorum(fields.object("quorum")) } : {}),
    ...(fields.has("picture") ? { picture: parsePictureSize(fields.object("picture")) } : {}),
  };
}

const parsePictureSize = (fields: Fields): PictureSize => ({
  width: fields.integer("width", limits.pictureSideMax, 1),
  height: fields.integer("height", limits.pictureSideMax, 1),
});

function parseQuorum(fields: Fields): QuorumSpec {
  const of = fields.integer("of", QUORUM_MAX, 2);
  return {
    agree: fields.integer("agree", of, 2),
    of,
    adaptive: fields.boolean("adaptive"),
    deterministic: fields.boolean("deterministic"),
    ...(fields.has("same") ? { same: fields.boolean("same") } : {}),
  };
}

/** A task's specification by itself, as it came from anyone. @throws MusketeersError `PROTOCOL` */
export const parseTaskSpecValue = (value: unknown): TaskSpec => parseTaskSpec(new Fields("task", value));

function parseCanaries(fields: Fields): CanarySpec {
  const inputs = fields.bytes("inputs", limits.canaryBytesMax);
  const answers = fields.strings("answers", limits.canariesMax, 64);
  if (countRecords(inputs) !== answers.length) throw fields.wrong("canaries have as many answers as inputs");
  return { inputs, answers };
}

export function parseJobSpec(value: unknown): JobSpec {
  const fields = new Fields("submit.spec", value);
  return {
    job: fields.string("job", 64),
    title: fields.string("title"),
    ...(fields.has("project") ? { project: fields.string("project", PROJECT_LENGTH_MAX) } : {}),
    task: parseTaskSpec(fields.object("task")),
    options: parseJobOptions(fields.object("options")),
    ...(fields.has("trace") ? { trace: parseTrace(fields) } : {}),
    ...(fields.has("canaries") ? { canaries: parseCanaries(fields.object("canaries")) } : {}),
    ...(fields.has("shuffle") ? { shuffle: { partitions: partitionsOf(fields.object("shuffle")) } } : {}),
  };
}
