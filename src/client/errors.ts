import {
  decodeFailure,
  type ErrorCode,
  type FailureData,
  type FailureKind,
  isErrorCode,
  MusketeersError,
} from "../protocol/index.ts";
import { hintFor } from "./task-hints.ts";

const codes: Readonly<Record<FailureKind, ErrorCode>> = {
  error: "JOB_FAILED_INPUTS",
  timeout: "INPUT_TIMEOUT",
  crash: "SANDBOX_CRASHED",
  unserializable: "INPUT_UNSERIALIZABLE",
  refused: "GRANT_REFUSED",
  quarantined: "INPUT_QUARANTINED",
  disputed: "INPUT_DISPUTED",
  cancelled: "JOB_CANCELLED",
  missing: "NOT_FOUND",
};

function codeOf({ kind, name, stack, props }: FailureData): ErrorCode {
  // What failed around a task is named by its code, and has no stack of the task's.
  if (stack === "" && isErrorCode(name)) return name;
  // What the SDK threw inside of the task says it itself.
  if (name === "MusketeersError" && isErrorCode(props?.code)) return props.code;
  return codes[kind];
}

/** Why one input has no value: the error that the task threw there, with its class, message and stack. */
export class TaskError extends Error {
  /** The class of the task's error, such as `TypeError`. */
  override readonly name: string;
  readonly kind: FailureKind;
  /** One of the family's codes; `JOB_FAILED_INPUTS` where the task threw an error of its own. */
  readonly code: ErrorCode;
  /** What to do about it, where it is nothing that the task threw by itself; else empty. */
  readonly hint: string;
  /** The worker that it happened on. */
  readonly worker: string;
  /** Own properties of the thrown error, as far as they could be sent. */
  readonly props: Readonly<Record<string, unknown>>;
  /** The number of the input, where that is not plain from where the error stands. */
  readonly input: number | undefined;

  constructor(failure: FailureData, worker: string, input?: number) {
    // The stack that counts is the task's; taking one here for each failed input would cost far more.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(failure.message);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = failure.name;
    this.kind = failure.kind;
    this.code = codeOf(failure);
    this.hint = hintFor(failure);
    this.worker = worker;
    this.input = input;
    this.props = failure.props ?? {};
    const head = `${failure.name}: ${failure.message}`;
    const rest = failure.stack === "" ? "" : `\n${failure.stack}`;
    const stack = failure.stack.startsWith(failure.name) ? failure.stack : head + rest;
    Object.defineProperty(this, "stack", { value: stack, writable: true, configurable: true });
  }

  /** From a failed record; what the hub says of it counts, as it alone knows of the other attempts. */
  static of(kind: FailureKind, record: Uint8Array, worker: string): TaskError {
    const failure = decodeFailure(record);
    if (kind !== "quarantined" || failure.kind === kind) return new TaskError({ ...failure, kind }, worker);
    const message = `given up, because it killed its sandbox again and again; the last time: ${failure.message}`;
    return new TaskError({ ...failure, kind, name: "Quarantined", message, stack: "" }, worker);
  }

  toJSON(): object {
    const { name, message, kind, code, worker, stack } = this;
    return { name, message, kind, code, worker, stack };
  }
}

/** What an abort is to throw: the signal's own reason. */
export const abortReason = (signal: AbortSignal): unknown =>
  signal.reason ?? new MusketeersError("JOB_CANCELLED", "It was aborted");
