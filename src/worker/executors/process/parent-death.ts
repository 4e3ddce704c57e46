import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

/**
 * Whether sandboxes get a session of their own: what a terminal sends to all that it started, at Ctrl-C or when it
 * is closed, is for the worker to handle, which may still finish what runs.
 */
export const ownSession = process.platform !== "win32";

const PREFIX = ["setpriv", "--pdeathsig", "KILL", "--"];
const PROBE_TIMEOUT_MS = 5_000;
let found: Promise<readonly string[]> | undefined;

/**
 * What to put before a command so that the kernel ends it together with this process, even one that never
 * comes back to its event loop. Empty where there is no such thing; there a process that yields ends when
 * its input closes, and one that does not lives on until someone ends it.
 */
export function parentDeathPrefix(): Promise<readonly string[]> {
  found ??= probe();
  return found;
}

async function probe(): Promise<readonly string[]> {
  if (process.platform !== "linux") return [];
  const [program = "", ...args] = PREFIX;
  try {
    await promisify(execFile)(program, [...args, "true"], { timeout: PROBE_TIMEOUT_MS });
    return PREFIX;
  } catch {
    return [];
  }
}
