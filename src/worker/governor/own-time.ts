import { readFile } from "node:fs/promises";

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** User and system time of a process so far, from the text of `/proc/PID/stat`; undefined where it is none. */
export function processorMsOf(stat: string): number | undefined {
  // The second field, the program's name, may hold anything but ends with the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * TICK_MS : undefined;
}

/**
 * Counts the processor time that this process and its sandboxes used, also those that are gone.
 * @param pids the sandboxes of the moment
 */
export function ownTime(pids: () => readonly number[]): () => Promise<number> {
  const seen = new Map<number, number>();
  let ofSandboxesMs = 0;
  return async () => {
    const now = pids();
    for (const pid of [...seen.keys()]) if (!now.includes(pid)) seen.delete(pid);
    for (const pid of now) {
      const usedMs = processorMsOf(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""));
      if (usedMs === undefined) continue;
      ofSandboxesMs += Math.max(0, usedMs - (seen.get(pid) ?? 0));
      seen.set(pid, usedMs);
    }
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000 + ofSandboxesMs;
  };
}
