import { IMAGE_CHARACTERS_MAX } from "../container.ts";
import { defaultLimits as limits } from "../default-limits.ts";
import { type FailureKind, failureKinds } from "../failure.ts";
import type { Fields } from "./fields.ts";
import {
  type HubToNeighbour,
  type NeighbourToHub,
  parseHubToNeighbour,
  parseNeighbourToHub,
} from "./neighbours.ts";
import { type HubToKeeper, parseHubToKeeper, parseRecoveryToHub, type RecoveryToHub } from "./recovery.ts";
import { parseTaskSpec, parseTrace, type TaskSpec } from "./task.ts";

/** How a worker keeps a task from its machine. */
export type Sandbox = "deno" | "deno+bubblewrap" | "browser" | "trusted" | "none";
export const sandboxes: readonly Sandbox[] = Object.freeze([
  "deno",
  "deno+bubblewrap",
  "browser",
  "trusted",
  "none",
] as const);

/** What a worker says of itself. */
export interface WorkerDescription {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly slots: number;
  readonly sandbox: Sandbox;
  /** JavaScript engine and its major version; floating point may differ between classes. */
  readonly engineClass: string;
  /** Hosts that its volunteer allows, as in `TaskSpec.net`; `*` is every public host. */
  readonly allowNet: readonly string[];
  readonly labels: readonly string[];
  readonly capabilities: readonly string[];
  /** Images whose containers its volunteer allows, as `imageAllowed` reads them; missing where it runs none. */
  readonly allowImages?: readonly string[];
  /** Its invite names the project's key: it runs only what that key's chain has signed. */
  readonly signedOnly?: boolean;
  /** No unit is to take longer here than that: it may be gone at any moment, as browser tabs are. */
  readonly unitMsMax?: number;
  /** Measured speed of one core, in millions of steps of a fixed loop a second. */
  readonly speed: number;
}

/** Hub: run the task over the records in the body, in order. Large units come in several parts. */
export interface LeaseMessage {
  readonly type: "lease";
  /** Opaque to the worker. */
  readonly lease: string;
  readonly task: TaskSpec;
  /** Records of the whole unit. */
  readonly count: number;
  /** Position of the body's first record; parts come in order. */
  readonly from: number;
  /** Records of this part. */
  readonly part: number;
  /** The hub's span of this unit, a `traceparent`, where somebody looks at it. */
  readonly trace?: string;
}

/** Hub: positions from `keep` on are somebody else's now, unless they have begun. */
export interface TrimMessage {
  readonly type: "trim";
  readonly lease: string;
  readonly keep: number;
}

/** Hub: forget the lease; kill what runs. */
export interface RevokeMessage {
  readonly type: "revoke";
  readonly lease: string;
  readonly reason: string;
}

/** Hub: results up to position `upTo` are stored; the worker may forget them. */
export interface AckMessage {
  readonly type: "ack";
  readonly lease: string;
  readonly upTo: number;
}

/** Hub: finish what runs, take nothing new, leave. */
export interface DrainMessage {
  readonly type: "drain";
}

/** Hub: would run this here, if the volunteer agreed to what it asks for. Answered by `asked` where he has to be asked. */
export interface AskMessage {
  readonly type: "ask";
  readonly job: string;
  readonly task: TaskSpec;
}

/** Hub: which certificates the owner of the worker's project has taken back, signed by its root key. */
export interface RevocationsMessage {
  readonly type: "revocations";
  readonly list: Uint8Array;
}

/** Worker: its volunteer was asked for what this job needs. */
export interface AskedMessage {
  readonly type: "asked";
  readonly job: string;
}

/** One failed input of a block. */
export interface FailureMark {
  /** Position in the block. */
  readonly at: number;
  readonly kind: FailureKind;
  readonly fingerprint: string;
}

/**
 * Worker: results of the positions `[from, from + count)`, one record each in the body, values and
 * failures alike. Results are reported in order and without gaps. The last one has `done`.
 */
export interface ProgressMessage {
  readonly type: "progress";
  readonly lease: string;
  readonly from: number;
  readonly count: number;
  readonly failures: readonly FailureMark[];
  /** Time that these inputs took on their slot. */
  readonly elapsedMs: number;
  /** What they used of a processor, where the worker's system tells. */
  readonly cpuMs?: number;
  readonly done: boolean;
  /**
   * The worker keeps the outputs that these rows name, and gives them to whoever the hub sends; without it they
   * are stored at the hub.
   */
  readonly held?: boolean;
}

/** Why a worker gives a unit back. */
export type ReturnReason = "drain" | "refused" | "overload";
const returnReasons: readonly ReturnReason[] = Object.freeze(["drain", "refused", "overload"] as const);

/** Worker: gives back what it has not reported. */
export interface ReturnMessage {
  readonly type: "return";
  readonly lease: string;
  readonly reason: ReturnReason;
  readonly message: string;
}

/** Worker: alive. */
export interface HeartbeatMessage {
  readonly type: "heartbeat";
  /** Resident memory of agent and sandboxes together. */
  readonly memoryBytes: number;
  /** Load of the machine: 0 idle, 1 all cores busy. */
  readonly load: number;
  /** Slots that it offers now. */
  readonly slots: number;
}

/** Worker: what a task printed. The body holds the lines as packed UTF-8 records. */
export interface WorkerLogMessage {
  readonly type: "log";
  readonly lease: string;
  /** Lines that were dropped behind these because there were too many. */
  readonly dropped: number;
}

/**
 * Worker: what the input at a position has saved so far, for its next attempt. The body is one record, a
 * reference where it is large.
 */
export interface SaveMessage {
  readonly type: "save";
  readonly lease: string;
  readonly position: number;
}

/** Worker: is leaving, and has returned what it had. */
export interface LeaveMessage {
  readonly type: "leave";
}

export type HubToWorker =
  | LeaseMessage
  | TrimMessage
  | RevokeMessage
  | AckMessage
  | DrainMessage
  | AskMessage
  | RevocationsMessage
  | HubToNeighbour
  | HubToKeeper;
export type WorkerToHub =
  | ProgressMessage
  | ReturnMessage
  | HeartbeatMessage
  | WorkerLogMessage
  | SaveMessage
  | LeaveMessage
  | AskedMessage
  | NeighbourToHub
  | RecoveryToHub;

const LEASE_LENGTH_MAX = 16_384;
const FINGERPRINTS_MAX = 1024;
/** What a worker may say that a unit may take there: a day says that it does not matter. */
const UNIT_MS_MAX = 24 * 60 * 60 * 1000;

export function parseWorkerDescription(fields: Fields): WorkerDescription {
  return {
    name: fields.string("name", 64),
    version: fields.string("version", 64),
    platform: fields.string("platform", 32),
    arch: fields.string("arch", 32),
    cores: fields.integer("cores", 65_536, 1),
    memoryBytes: fields.integer("memoryBytes"),
    slots: fields.integer("slots", limits.slotsPerWorkerMax),
    sandbox: fields.oneOf("sandbox", sandboxes),
    engineClass: fields.string("engineClass", 64),
    allowNet: fields.strings("allowNet", 256),
    labels: fields.strings("labels", 32, 64),
    capabilities: fields.strings("capabilities", 32, 64),
    ...(fields.has("allowImages")
      ? { allowImages: fields.strings("allowImages", 256, IMAGE_CHARACTERS_MAX) }
      : {}),
    ...(fields.has("signedOnly") ? { signedOnly: fields.boolean("signedOnly") } : {}),
    ...(fields.has("unitMsMax") ? { unitMsMax: fields.integer("unitMsMax", UNIT_MS_MAX, 1) } : {}),
    speed: fields.number("speed"),
  };
}

/** Failures as they stand in a header: fingerprints once each, and triples of position, kind, fingerprint. */
export interface PackedFailures {
  readonly prints: readonly string[];
  readonly failed: readonly number[];
}

export function packFailures(failures: readonly FailureMark[]): PackedFailures {
  const prints = new Map<string, number>();
  const failed: number[] = [];
  for (const { at, kind, fingerprint } of failures) {
    let print = prints.get(fingerprint);
    if (print === undefined) {
      // Past the limit they all share the last one: who counts groups has lost count by then.
      print = Math.min(prints.size, FINGERPRINTS_MAX - 1);
      if (prints.size < FINGERPRINTS_MAX) prints.set(fingerprint, print);
    }
    failed.push(at, failureKinds.indexOf(kind), print);
  }
  return { prints: [...prints.keys()], failed };
}

/** The other way, checked: positions rise and are below `count`. */
export function parseFailures(fields: Fields, count: number): FailureMark[] {
  const prints = fields.strings("prints", FINGERPRINTS_MAX, 512);
  const failed = fields.integers("failed", count * 3);
  if (failed.length % 3 !== 0) throw fields.wrong("failed holds no triples");
  const failures: FailureMark[] = [];
  let last = -1;
  for (let index = 0; index < failed.length; index += 3) {
    const at = failed[index]!;
    const kind = failureKinds[failed[index + 1]!];
    const fingerprint = prints[failed[index + 2]!];
    if (at <= last || at >= count || kind === undefined || fingerprint === undefined) {
      throw fields.wrong("failed does not fit its block");
    }
    last = at;
    failures.push({ at, kind, fingerprint });
  }
  return failures;
}

function parseProgress(fields: Fields): ProgressMessage {
  const count = fields.integer("count", limits.blockRecordsMax);
  return {
    type: "progress",
    lease: fields.string("lease", LEASE_LENGTH_MAX),
    from: fields.integer("from"),
    count,
    failures: parseFailures(fields, count),
    elapsedMs: fields.number("elapsedMs"),
    ...(fields.has("cpuMs") ? { cpuMs: fields.number("cpuMs") } : {}),
    done: fields.boolean("done"),
    ...(fields.has("held") ? { held: fields.boolean("held") } : {}),
  };
}

/** Parses what a worker sends after its handshake; undefined where the type is not a worker's. */
export function parseWorkerToHub(type: string, fields: Fields): WorkerToHub | undefined {
  switch (type) {
    case "progress":
      return parseProgress(fields);
    case "return":
      return {
        type,
        lease: fields.string("lease", LEASE_LENGTH_MAX),
        reason: fields.oneOf("reason", returnReasons),
        message: fields.string("message", 2048),
      };
    case "heartbeat":
      return {
        type,
        memoryBytes: fields.integer("memoryBytes"),
        load: fields.number("load"),
        slots: fields.integer("slots", limits.slotsPerWorkerMax),
      };
    case "log":
      return { type, lease: fields.string("lease", LEASE_LENGTH_MAX), dropped: fields.integer("dropped") };
    case "save":
      return { type, lease: fields.string("lease", LEASE_LENGTH_MAX), position: fields.integer("position") };
    case "leave":
      return { type };
    case "asked":
      return { type, job: fields.string("job", 64) };
    default:
      return parseNeighbourToHub(type, fields) ?? parseRecoveryToHub(type, fields);
  }
}

/** Parses what a hub sends to a worker; undefined where the type is none of these. */
export function parseHubToWorker(type: string, fields: Fields): HubToWorker | undefined {
  const lease = () => fields.string("lease", LEASE_LENGTH_MAX);
  switch (type) {
    case "lease":
      return {
        type,
        lease: lease(),
        task: parseTaskSpec(fields.object("task")),
        count: fields.integer("count", limits.unitInputsMax, 1),
        from: fields.integer("from"),
        part: fields.integer("part", limits.blockRecordsMax, 1),
        ...(fields.has("trace") ? { trace: parseTrace(fields) } : {}),
      };
    case "trim":
      return { type, lease: lease(), keep: fields.integer("keep") };
    case "revoke":
      return { type, lease: lease(), reason: fields.string("reason", 2048) };
    case "ack":
      return { type, lease: lease(), upTo: fields.integer("upTo") };
    case "drain":
      return { type };
    case "ask":
      return { type, job: fields.string("job", 64), task: parseTaskSpec(fields.object("task")) };
    case "revocations":
      return { type, list: fields.bytes("list", limits.revocationBytesMax) };
    default:
      return parseHubToNeighbour(type, fields) ?? parseHubToKeeper(type, fields);
  }
}

/** A progress message as it goes out. */
export function progressHeader(message: ProgressMessage): object {
  const { failures, ...rest } = message;
  return { ...rest, ...packFailures(failures) };
}
