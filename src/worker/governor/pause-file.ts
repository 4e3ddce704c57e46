import { statSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/*
 * A volunteer's word to all workers of a machine's user: a file, so that it is heard by each of them, whoever started
 * it, and still holds after a restart of the machine.
 */

/** Until when to pause, in milliseconds since 1970; infinite: until further notice. */
interface Pause {
  readonly untilMs: number;
}

/** Tells the workers to pause. */
export async function writePause(path: string, untilMs = Number.POSITIVE_INFINITY): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${JSON.stringify({ until: Number.isFinite(untilMs) ? untilMs : null })}\n`, {
    mode: 0o600,
  });
}

/** Tells them to go on. */
export const removePause = (path: string): Promise<void> => rm(path, { force: true });

/** What holds now; undefined where nothing does. A file that says nothing readable means a pause all the same. */
export async function readPause(path: string, nowMs: number): Promise<Pause | undefined> {
  let text: string;
  try {
    // Nearly always there is none: to find that out once a second should wake no thread for files.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    text = await readFile(path, "utf8");
  } catch {
    return undefined;
  }
  let until: unknown;
  try {
    until = (JSON.parse(text) as { until?: unknown }).until;
  } catch {
    until = null;
  }
  const untilMs = typeof until === "number" ? until : Number.POSITIVE_INFINITY;
  return untilMs > nowMs ? { untilMs } : undefined;
}
