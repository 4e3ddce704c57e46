import { decodeValue, encodeValue } from "./value.ts";

/** Why an input has no value. */
export type FailureKind =
  /** The task threw. Retried as often as the task asks. */
  | "error"
  /** The task did not settle in its time. Retried like a throw. */
  | "timeout"
  /** The sandbox died under it (memory, exit). Counts as a strike; quarantined after `maxAttempts`. */
  | "crash"
  /** The result cannot be sent. Final. */
  | "unserializable"
  /** The worker may not or cannot run it (grants, missing code). Not the input's fault. */
  | "refused"
  /**
   * Outputs of an earlier stage that it was to read can be had nowhere: `props.missing` holds their CIDs, up to
   * `MISSING_MAX`. Not the input's fault: it waits until they are there again. Of a reduce stage only; elsewhere
   * it counts as an error.
   */
  | "missing"
  /** Its strikes are used up. Final; made by the hub. */
  | "quarantined"
  /** Its submitter does not want it any more. Final; made by the hub. */
  | "cancelled"
  /** Too many people gave answers that do not agree. Final; made by the hub. */
  | "disputed";

export const failureKinds: readonly FailureKind[] = Object.freeze([
  "error",
  "timeout",
  "crash",
  "unserializable",
  "refused",
  "quarantined",
  "cancelled",
  "missing",
  "disputed",
] as const);

/** What one failure says to be missing at most; the rest shows when the input runs again. */
export const MISSING_MAX = 256;

/** What is kept of a failed input: the record in the result block where a value would stand. */
export interface FailureData {
  readonly kind: FailureKind;
  /** The class of the error, such as `TypeError`. */
  readonly name: string;
  readonly message: string;
  /** Lines of the user's own source, as far as they are known. */
  readonly stack: string;
  /** Further own properties of the thrown error, where they can be sent. */
  readonly props?: Readonly<Record<string, unknown>>;
}

const cut = (text: string, lengthMax: number): string =>
  text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text;

const MESSAGE_LENGTH_MAX = 8_192;
const STACK_LENGTH_MAX = 16_384;

export function encodeFailure(failure: FailureData): Uint8Array {
  const { kind, name, message, stack, props } = failure;
  const data = {
    kind,
    name: cut(name, 256),
    message: cut(message, MESSAGE_LENGTH_MAX),
    stack: cut(stack, STACK_LENGTH_MAX),
  };
  return encodeValue(props === undefined ? data : { ...data, props });
}

/** Reads what a worker sent: every field is checked, because a worker may be anyone. */
export function decodeFailure(record: Uint8Array): FailureData {
  const data = decodeValue(record) as Partial<Record<keyof FailureData, unknown>> | null;
  const text = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
  return {
    kind: failureKinds.find((kind) => kind === data?.kind) ?? "error",
    name: text(data?.name, "Error"),
    message: text(data?.message, "unknown error"),
    stack: text(data?.stack, ""),
    ...(typeof data?.props === "object" && data.props !== null
      ? { props: data.props as Record<string, unknown> }
      : {}),
  };
}

const FINGERPRINT_LENGTH_MAX = 160;

/**
 * A short text that is the same for what a person would call the same error: class, message with
 * numbers and quoted parts blanked, and the innermost line of the user's code.
 */
export function fingerprint(failure: Pick<FailureData, "name" | "message" | "stack">): string {
  const message = (failure.message.split("\n", 1)[0] ?? "")
    .replace(/(["'`]).*?\1/g, "$1…$1")
    .replace(/\d+(\.\d+)?/g, "#");
  const line = /^\s+at (?:.*\()?(.+?)\)?$/m.exec(failure.stack)?.[1];
  return cut(`${failure.name}: ${message}${line === undefined ? "" : ` (${line})`}`, FINGERPRINT_LENGTH_MAX);
}
