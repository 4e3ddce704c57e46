import { CommanderError } from "commander";
import { errorKinds, isErrorCode, MusketeersError, toMusketeersError } from "../protocol/index.ts";
import { printable } from "./render/format.ts";
import type { Style } from "./render/style.ts";

/** A command's way to end with a status although nothing is wrong with the command itself. */
export class ExitStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** Usage errors of the argument parser as ours; asked-for help is no error. */
function fromCommander(error: CommanderError, command: string | undefined): MusketeersError | undefined {
  if (error.exitCode === 0) return undefined;
  const message = error.message.replace(/^error: /, "");
  const [first = "", ...suggestion] = message.split("\n");
  const text = first === "" ? "Wrong use" : first[0]?.toUpperCase() + first.slice(1);
  const all = command === undefined ? "musketeers --help" : `musketeers ${command} --help`;
  const hint = [suggestion.join(" ").replace(/^\((.*)\)$/, "$1"), `\`${all}\` says what there is.`];
  return new MusketeersError("BAD_ARGUMENT", text, { hint: hint.join(" ").trim() });
}

/** What a task threw, as the SDK gives it: an error with one of our codes, but of the task's own class. */
interface TaskFailure extends Error {
  readonly code: string;
  readonly hint?: string;
}

const isTaskFailure = (thrown: unknown): thrown is TaskFailure =>
  thrown instanceof Error &&
  !(thrown instanceof MusketeersError) &&
  "kind" in thrown &&
  "code" in thrown &&
  isErrorCode(thrown.code);

/** A task's failure as one of ours, with the lines of the task's stack in its message. */
function fromTask(failure: TaskFailure): MusketeersError {
  const { code, message, hint = "", name, stack = "" } = failure;
  const isOwn = code === "JOB_FAILED_INPUTS";
  const lines = stack.split("\n").filter((line) => /^\s+at /.test(line));
  const advice = isOwn ? "The task threw it: its stack, if it has one, says where." : "";
  const text = [isOwn ? `${name}: ${message}` : message, ...lines].join("\n");
  const hinted = hint || advice;
  return new MusketeersError(isErrorCode(code) ? code : "INTERNAL", text, {
    cause: failure,
    ...(hinted === "" ? {} : { hint: hinted }),
  });
}

function errorOf(thrown: unknown, command: string | undefined): MusketeersError | undefined {
  if (thrown instanceof CommanderError) return fromCommander(thrown, command);
  return isTaskFailure(thrown) ? fromTask(thrown) : toMusketeersError(thrown);
}

export interface FailureOptions {
  readonly json: boolean;
  /** Also print the stack of what nobody expected. */
  readonly verbose: boolean;
  readonly style: Style;
  /** Which command was used, for a hint to its help. */
  readonly command?: string | undefined;
}

/** What is printed for a thrown thing, and the exit status. Ends with a line end. */
export function describeFailure(
  thrown: unknown,
  options: FailureOptions,
): { readonly text: string; readonly status: number } {
  if (thrown instanceof ExitStatus) return { text: "", status: thrown.status };
  const error = errorOf(thrown, options.command);
  if (error === undefined) return { text: "", status: 0 };
  const status = errorKinds[error.code].exit;
  if (options.json) return { text: `${JSON.stringify({ error })}\n`, status };
  const { style } = options;
  const lines = [
    `${style.bad("error:")} ${printable(error.message)}`,
    `${style.bold("hint:")}  ${printable(error.hint)}`,
    style.dim(`code:  ${error.code} (exit status ${status})`),
  ];
  if (options.verbose) lines.push(printable(stackOf(error)));
  return { text: `${lines.join("\n")}\n`, status };
}

function stackOf(error: MusketeersError): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? String(cause);
}
