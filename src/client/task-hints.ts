import { type FailureData, isErrorCode } from "../protocol/index.ts";

/** Advice of one sort of failure; undefined where it is none of that sort. */
type Advice = (failure: Failure) => string | undefined;
type Failure = Pick<FailureData, "kind" | "name" | "message"> & Partial<Pick<FailureData, "props">>;

/** The host of `example.org:443`, `[::1]:80`, or of a name alone. */
const hostOf = (address: string): string => address.replace(/:\d+$/, "");

/** What a sandbox denied: the engine's own advice is for whoever starts it. */
const denied: Advice = ({ name, message }) => {
  if (name !== "NotCapable") return undefined;
  const address = /^Requires net access to "([^"]+)"/.exec(message)?.[1];
  return address === undefined
    ? "Tasks reach no files, programs or environment of the worker's machine: pass what they need as inputs, or as a dataset (docs/data.md)."
    : `Name the host: task(fn, { net: ["${hostOf(address)}"] }), or --net ${hostOf(address)}; workers run it whose volunteers allow that host.`;
};

const tooLarge: Advice = ({ message }) =>
  /It used more than \d+ MB of memory/.test(message)
    ? 'Say how much it needs, task(fn, { memory: "2GB" }) or --memory 2GB, or give each input less to do.'
    : undefined;

const tooSlow: Advice = ({ kind }) =>
  kind === "timeout"
    ? 'Say how long an input may take, task(fn, { timeout: "1h" }) or --timeout 1h, or give each less to do.'
    : undefined;

const noData: Advice = ({ kind }) =>
  kind === "unserializable"
    ? "Let the task return data: functions, promises and whatever lives by its process cannot travel."
    : undefined;

const noTask: Advice = ({ name }) =>
  name === "TaskUnknown"
    ? "Workers evaluate a module down to its first connect(): write the task at the top level, above it."
    : undefined;

/** What the SDK refused inside of the task comes with its own. */
const ownHint: Advice = ({ name, props }) =>
  name === "MusketeersError" && isErrorCode(props?.code) && typeof props.hint === "string"
    ? props.hint
    : undefined;

const advices: readonly Advice[] = [ownHint, denied, tooLarge, tooSlow, noData, noTask];

/** What whoever wrote the task can do about a failure; empty where that is the task's own matter. */
export function hintFor(failure: Failure): string {
  for (const advice of advices) {
    const hint = advice(failure);
    if (hint !== undefined) return hint;
  }
  return "";
}
