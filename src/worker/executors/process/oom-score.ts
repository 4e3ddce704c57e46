import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

/*
 * Whom the Linux kernel ends where memory is short (`oom_score_adj`, 0 to 1000): tasks first, then the agent, whose
 * leases others would have to take up, and what belongs to the machine's owner last. Whoever is asked to be ended
 * earlier needs no rights.
 */

export const SANDBOX_OOM_SCORE = 800;
export const AGENT_OOM_SCORE = 400;

const FILE = "/proc/self/oom_score_adj";

/** What puts a command before others that way. It is done before the command runs, so that its children have it, too. */
export const oomPrefix = (): readonly string[] =>
  process.platform === "linux"
    ? ["sh", "-c", `{ echo ${SANDBOX_OOM_SCORE} >${FILE}; } 2>/dev/null; exec "$@"`, "sandbox"]
    : [];

/**
 * Has this process ended before other programs, and after its sandboxes. What it is set to already holds where that is more.
 * @param file where the kernel has it
 */
export function offerToEnd(file = FILE): void {
  try {
    if (Number(readFileSync(file, "utf8")) < AGENT_OOM_SCORE) writeFileSync(file, String(AGENT_OOM_SCORE));
  } catch {
    // Other systems have no such thing, and a container may not let it be written; work goes on all the same.
  }
}
