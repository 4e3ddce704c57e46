import { execFile } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import process from "node:process";

/** Linux counts resident memory in pages; 4 KiB, but for some ARM machines that count in larger ones. */
const RSS_FIELD = "VmRSS:";
const buffer = Buffer.alloc(4096);

/**
 * Resident bytes of a process on Linux; 0 where it is gone. Reads synchronously: it comes from memory.
 */
export function residentBytes(pid: number): number {
  let file: number;
  try {
    file = openSync(`/proc/${pid}/status`, "r");
  } catch {
    return 0;
  }
  try {
    const text = buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));
    const at = text.indexOf(RSS_FIELD);
    return at < 0 ? 0 : Number.parseInt(text.slice(at + RSS_FIELD.length), 10) * 1024;
  } catch {
    return 0;
  } finally {
    closeSync(file);
  }
}

/** The system's own program that says what a process has resident, and how to read its answer in bytes. */
export interface MemoryProgram {
  readonly command: string;
  readonly args: (pid: number) => readonly string[];
  /** 0 where the process is gone. */
  readonly read: (stdout: string) => number;
}

const ps: MemoryProgram = {
  command: "ps",
  args: (pid) => ["-o", "rss=", "-p", String(pid)],
  read: (stdout) => (Number.parseInt(stdout, 10) || 0) * 1024,
};

const tasklist: MemoryProgram = {
  command: "tasklist",
  args: (pid) => ["/FI", `PID eq ${pid}`, "/FO", "CSV", "/NH"],
  // The last of the quoted fields, in KiB, with whatever the user's language puts between thousands.
  read: (stdout) => Number(/"([^"]*)"\s*$/.exec(stdout)?.[1]?.replace(/\D/g, "") ?? 0) * 1024,
};

/** Undefined on Linux, whose /proc needs none. */
export const memoryProgram = (platform: NodeJS.Platform): MemoryProgram | undefined =>
  platform === "linux" || platform === "android" ? undefined : platform === "win32" ? tasklist : ps;

/** Without /proc each look costs a process. */
const PROGRAM_FACTOR = 10;

/** Looks at a process's resident memory, because no flag of the engines bounds ArrayBuffers. */
export class MemoryWatch {
  bytes = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  #stopped = false;

  constructor(
    pid: () => number | undefined,
    bytesMax: number,
    intervalMs: number,
    onOver: () => void,
    program = memoryProgram(process.platform),
  ) {
    const judge = (bytes: number) => {
      if (this.#stopped) return;
      this.bytes = bytes;
      if (bytes > bytesMax) onOver();
    };
    let looking = false;
    const look = () => {
      const known = pid();
      if (known === undefined || looking) return;
      if (program === undefined) {
        judge(residentBytes(known));
        return;
      }
      looking = true;
      execFile(program.command, program.args(known), { windowsHide: true }, (_error, stdout) => {
        looking = false;
        judge(program.read(stdout));
      });
    };
    this.#timer = setInterval(look, program === undefined ? intervalMs : intervalMs * PROGRAM_FACTOR);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.bytes = 0;
  }
}
