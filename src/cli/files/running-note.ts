import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configDirectory } from "../../client/node.ts";
import type { Environment } from "../terminal.ts";

/** What a hub or a worker that runs leaves for `musketeers health`. */
export interface RunningNote {
  readonly kind: "hub" | "worker";
  /** Of a hub: the port of this machine that it answers at, and whether it speaks TLS there. */
  readonly port?: number;
  readonly tls?: boolean;
  /** Of a worker: why it is of no use for now; not there where all is well. */
  readonly trouble?: string;
}

const directoryOf = (env: Environment): string => join(configDirectory(env), "running");

/** A note of this process, kept up to date. A place that cannot be written to only costs the note. */
export class RunningNotes {
  readonly #file: string;
  readonly #directory: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(env: Environment, pid = process.pid) {
    this.#directory = directoryOf(env);
    this.#file = join(this.#directory, `${pid}.json`);
  }

  /** Writes after what was said before. */
  say(note: RunningNote): void {
    this.#writing = this.#writing.then(async () => {
      try {
        await mkdir(this.#directory, { recursive: true, mode: 0o700 });
        await writeFile(this.#file, JSON.stringify(note), { mode: 0o600 });
      } catch {
        // Whoever asks finds nothing, and says so.
      }
    });
  }

  async remove(): Promise<void> {
    await this.#writing;
    await rm(this.#file, { force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What runs with these settings; notes of processes that were killed are left out. */
export async function readNotes(env: Environment): Promise<readonly RunningNote[]> {
  const directory = directoryOf(env);
  const names = await readdir(directory).catch((): string[] => []);
  const notes: RunningNote[] = [];
  for (const name of names) {
    const pid = Number(/^(\d+)\.json$/.exec(name)?.[1]);
    if (!isAlive(pid)) continue;
    try {
      notes.push(JSON.parse(await readFile(join(directory, name), "utf8")) as RunningNote);
    } catch {
      // Being written, or removed.
    }
  }
  return notes;
}
