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

/** The same where there is no /proc. */
function residentBytesByPs(pid: number, onBytes: (bytes: number) => void): void {
  execFile("ps", ["-o", "rss=", "-p", String(pid)], (_error, stdout) => {
    onBytes((Number.parseInt(stdout, 10) || 0) * 1024);
  });
}

/** Without /proc each look costs a process. */
const PS_FACTOR = 10;

/** Looks at a process's resident memory, because no flag of the engines bounds ArrayBuffers. */
export class MemoryWatch {
  bytes = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pid: () => number | undefined, bytesMax: number, intervalMs: number, onOver: () => void) {
    const judge = (bytes: number) => {
      this.bytes = bytes;
      if (bytes > bytesMax) onOver();
    };
    const look = () => {
      const known = pid();
      if (known === undefined) return;
      if (process.platform === "linux") judge(residentBytes(known));
      else if (process.platform !== "win32") residentBytesByPs(known, judge);
    };
    this.#timer = setInterval(look, process.platform === "linux" ? intervalMs : intervalMs * PS_FACTOR);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.bytes = 0;
  }
}
