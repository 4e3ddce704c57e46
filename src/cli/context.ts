import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cluster } from "../client/index.ts";
import { defaultLimits, type Limits, parseDuration, parseSize } from "../protocol/index.ts";
import { formatExamples } from "./help-format.ts";
import { count } from "./render/format.ts";
import { type Style, styleFor } from "./render/style.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is given. */
export interface Context {
  readonly terminal: Terminal;
  /** Colours of standard output and standard error. */
  readonly outStyle: Style;
  readonly errStyle: Style;
}

export function contextOf(terminal: Terminal): Context {
  return {
    terminal,
    outStyle: styleFor(terminal.outIsTTY, terminal.env),
    errStyle: styleFor(terminal.errIsTTY, terminal.env),
  };
}

export interface JsonOption {
  readonly json?: boolean;
}

export interface HubOption extends JsonOption {
  readonly hub?: string;
  readonly wait?: number | "forever";
}

export const jsonOption = (text = "print JSON instead of text for people"): Option =>
  new Option("--json", text);

/** Adds what commands that ask a hub have in common. */
export const withHubOptions = (command: Command): Command =>
  command
    .option(
      "--hub <name|invite>",
      "which hub: a name given at login, or an invite (default: $MUSKETEERS_HUB, else the last login)",
    )
    .option(
      "--wait <time>",
      "how long to try a hub that does not answer, such as 0s, 5m or forever (default: 10s)",
      waitArgument,
    )
    .addOption(jsonOption());

/** Examples below a command's help; each is a command line and what it does. */
export const withExamples = (
  command: Command,
  ...examples: readonly (readonly [line: string, text: string])[]
): Command => command.addHelpText("after", () => formatExamples(command, examples));

/** Connects, does one thing, and closes. */
export async function withCluster<Value>(
  { terminal, errStyle }: Context,
  options: HubOption & { readonly signal?: AbortSignal },
  use: (cluster: Cluster) => Promise<Value>,
): Promise<Value> {
  // Loaded here, with its bundler, so that a worker does without.
  const { connect } = await import("../client/index.ts");
  let told = false;
  const cluster = await connect({
    ...(options.hub === undefined ? {} : { hub: options.hub }),
    ...(options.wait === undefined ? {} : { timeout: options.wait }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onRetry: (error) => {
      if (told || options.json) return;
      told = true;
      terminal.err(`${errStyle.dim(`${error.message}; trying again …`)}\n`);
    },
  });
  try {
    return await use(cluster);
  } finally {
    await cluster.close();
  }
}

/** Reads a whole number within bounds; for `option.argParser`. */
export const integerArgument =
  (min: number, max: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^-?\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${count(min)} to ${count(max)}.`);
  };

/** Reads how several share something: `70/30`, or `2,1,1`. */
export function sharesArgument(text: string): readonly number[] {
  const shares = text
    .split(/[/,]/)
    .map((part) => (/^\d+(\.\d+)?%?$/.test(part) ? Number.parseFloat(part) : 0));
  if (shares.every((share) => share > 0)) return shares;
  throw new InvalidArgumentError("It must be numbers above 0, such as 70/30.");
}

/** Unlike in code, a number on a command line needs its unit. */
const asArgument =
  <Value>(parse: (name: string, text: string) => Value, advice: string) =>
  (text: string): Value => {
    try {
      return parse("", text);
    } catch {
      throw new InvalidArgumentError(advice);
    }
  };

/** Milliseconds of `30s`, `5m`, `7d`. */
export const durationArgument = asArgument(parseDuration, "Write a time such as 500ms, 30s, 5m or 7d.");
/** The same, or for ever. */
const waitArgument = (text: string): number | "forever" =>
  text === "forever" ? text : durationArgument(text);
/** Bytes of `512MB`, `2GB`. */
export const sizeArgument = asArgument(parseSize, "Write a size such as 512MB or 2GB.");

/** Of a limit that is neither a time nor a size. */
const parseCount = (text: string): number => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a number.");
};

/** Collects an option that may be repeated. */
export const listArgument = (text: string, before: readonly string[]): readonly string[] => [...before, text];

/** Collects limits by their names: `leaseTtlMs=30s`, `blobBytesMax=1GB`, `workersMax=500`. */
export function limitArgument(text: string, before: Partial<Limits>): Partial<Limits> {
  const [name = "", value = ""] = text.split("=", 2);
  if (!Object.hasOwn(defaultLimits, name)) {
    throw new InvalidArgumentError(`There is no limit ${JSON.stringify(name)}; docs/limits.md lists them.`);
  }
  const parse = name.endsWith("Ms") ? durationArgument : name.includes("Bytes") ? sizeArgument : parseCount;
  return { ...before, [name]: parse(value) };
}
