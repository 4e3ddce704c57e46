import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";
import process from "node:process";
import { promisify } from "node:util";
import { oomPrefix } from "./oom-score.ts";
import { parentDeathPrefix } from "./parent-death.ts";

/** How sandboxes compete for processors with what else runs: behind everything, or like everything. */
export type Priority = "lowest" | "normal";

const { PRIORITY_LOW } = constants.priority;
const PREFIX = ["nice", "-n", String(PRIORITY_LOW)];
const PROBE_TIMEOUT_MS = 5_000;
let found: Promise<readonly string[]> | undefined;

/** What puts a command last. It is done before the command runs: on Linux each thread has a niceness of its own. */
function nicePrefix(): Promise<readonly string[]> {
  found ??= probe();
  return found;
}

async function probe(): Promise<readonly string[]> {
  if (process.platform === "win32") return [];
  const [program = "", ...args] = PREFIX;
  try {
    await promisify(execFile)(program, [...args, "true"], { timeout: PROBE_TIMEOUT_MS });
    return PREFIX;
  } catch {
    return [];
  }
}

/** How sandboxes are started. */
export interface Launch {
  /** Before a command that ends with this process. */
  readonly prefix: readonly string[];
  /** Before one that sees to that itself. */
  readonly barePrefix: readonly string[];
  /** To be told of each process as soon as it runs. */
  readonly started: (pid: number | undefined) => void;
}

export async function launchWith(priority: Priority): Promise<Launch> {
  const isLowest = priority === "lowest";
  const nice = isLowest ? await nicePrefix() : [];
  const barePrefix = [...oomPrefix(), ...nice];
  return {
    barePrefix,
    prefix: [...barePrefix, ...(await parentDeathPrefix())],
    started: (pid) => {
      if (isLowest && nice.length === 0) putLast(pid);
    },
  };
}

/** Where there is no `nice`. On Windows this is the idle class, which counts for all threads. */
function putLast(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, PRIORITY_LOW);
  } catch {
    // It is gone already, or the system has its reasons; its task runs all the same.
  }
}
