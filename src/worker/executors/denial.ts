import { type FailureData, netAllows } from "../../protocol/index.ts";

/** Something that a task wanted and did not get. */
export interface Denial {
  /** As Deno calls it: `net`, `read`, `write`, `env`, `sys`, `run`, `ffi`, `import`. */
  readonly permission: string;
  /** The host, path or name that was asked for; empty for all of the kind. */
  readonly target: string;
  /** Whose word it is: the runtime's, which no task can change, or that of the error which the task ended with. */
  readonly by: "sandbox" | "task";
}

const TARGET_LENGTH_MAX = 200;
/** Control characters and what turns the direction of text are nothing for a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export const denialOf = (permission: string, target: string, by: Denial["by"]): Denial => ({
  permission: permission.replace(UNPRINTABLE, "").slice(0, 16),
  target: target.replace(UNPRINTABLE, "").slice(0, TARGET_LENGTH_MAX),
  by,
});

/** The host of what Deno writes down for the network: `host:port` or an address with a scheme. */
function hostOf(value: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return value;
  try {
    const { hostname, port, protocol } = new URL(value);
    const usual = protocol === "https:" || protocol === "wss:" ? "443" : "80";
    return `${hostname}:${port === "" ? usual : port}`;
  } catch {
    return value;
  }
}

/**
 * What a line of Deno's record of permission checks says of a denial; undefined where the check was passed, or the
 * line is none. Sandboxes are granted nothing but hosts, so that all else is denied.
 */
export function denialIn(line: string, granted: readonly string[]): Denial | undefined {
  let entry: { permission?: unknown; value?: unknown };
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch {
    return undefined;
  }
  if (typeof entry !== "object" || entry === null || typeof entry.permission !== "string") return undefined;
  const value = typeof entry.value === "string" ? entry.value : "";
  if (entry.permission !== "net") return denialOf(entry.permission, value, "sandbox");
  const host = hostOf(value);
  return netAllows(granted, host) ? undefined : denialOf("net", host, "sandbox");
}

const REQUIRES = /^Requires (\w+) access(?: to "(.*?)")?/;
const CAUSE = /^Caused by (NotCapable|PermissionDenied): (.*)$/m;

/** What an error that a task ended with, or its cause, says of a denial; undefined where it is another error. */
export function denialBy(error: Pick<FailureData, "name" | "message" | "stack">): Denial | undefined {
  const [, causeName, causeMessage = ""] = CAUSE.exec(error.stack) ?? [];
  const [name, message] = causeName === undefined ? [error.name, error.message] : [causeName, causeMessage];
  if (name !== "NotCapable" && name !== "PermissionDenied") return undefined;
  const match = REQUIRES.exec(message);
  if (match === null) return denialOf("other", message, "task");
  return denialOf(match[1]!, match[2] ?? "", "task");
}
