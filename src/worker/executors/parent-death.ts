import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

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
