import { execFile } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { type Denial, denialIn } from "../denial.ts";

const run = promisify(execFile);

/*
 * Deno writes each permission check of a process into the file that `DENO_AUDIT_PERMISSIONS` names. Here that is a
 * named pipe of which the agent has the other end: the task has no right to any path, so it can neither write to the
 * pipe nor close it, and it has to wait where it makes more checks than are read.
 */

/** Where Deno is told of it. */
export const AUDIT_VARIABLE = "DENO_AUDIT_PERMISSIONS";

const PIPES_AT_ONCE = 16;
const READ_BYTES = 64 * 1024;
const LINE_BYTES_MAX = 16 * 1024;
const MKFIFO_TIMEOUT_MS = 20_000;

/** Named pipes to be used one after the other. */
export class AuditPipes {
  readonly #directory: string;
  readonly #intervalMs: number;
  readonly #free: string[] = [];
  #made = 0;
  #making = false;

  private constructor(directory: string, intervalMs: number) {
    this.#directory = directory;
    this.#intervalMs = intervalMs;
  }

  /** Undefined where the system has no named pipes: nothing is known of denials there. */
  static async open(directory: string, intervalMs: number): Promise<AuditPipes | undefined> {
    if (process.platform === "win32") return undefined;
    try {
      mkdirSync(directory, { mode: 0o700 });
      const pipes = new AuditPipes(directory, intervalMs);
      await pipes.#make();
      return pipes;
    } catch {
      return undefined;
    }
  }

  async #make(): Promise<void> {
    if (this.#making) return;
    this.#making = true;
    try {
      const paths = Array.from({ length: PIPES_AT_ONCE }, () => join(this.#directory, `${this.#made++}`));
      await run("mkfifo", ["-m", "600", ...paths], { timeout: MKFIFO_TIMEOUT_MS });
      this.#free.push(...paths);
    } finally {
      this.#making = false;
    }
  }

  /** A pipe for one process; undefined where there is none left for now. */
  take(granted: readonly string[], onDenied: (denial: Denial) => void): AuditPipe | undefined {
    if (this.#free.length <= 2) this.#make().catch(() => {});
    const path = this.#free.pop();
    if (path === undefined) return undefined;
    const back = () => void this.#free.push(path);
    return new AuditPipe({ path, granted, onDenied, intervalMs: this.#intervalMs, onClosed: back });
  }
}

interface AuditPipeOptions {
  readonly path: string;
  readonly granted: readonly string[];
  readonly onDenied: (denial: Denial) => void;
  readonly intervalMs: number;
  readonly onClosed: () => void;
}

/** What one process is denied, read a bounded amount at a time. */
export class AuditPipe {
  readonly path: string;
  readonly #options: AuditPipeOptions;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  readonly #fd: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #rest = "";
  #closed = false;

  constructor(options: AuditPipeOptions) {
    this.path = options.path;
    this.#options = options;
    // Open for writing, too: so neither end waits for the other, and the pipe outlives its writer.
    this.#fd = openSync(options.path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#timer = setInterval(() => this.#read(), options.intervalMs);
    this.#timer.unref();
  }

  /** Reads what is left of a process that is gone, and gives the pipe back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#read();
    closeSync(this.#fd);
    this.#options.onClosed();
  }

  #read(): void {
    let length: number;
    try {
      length = readSync(this.#fd, this.#buffer);
    } catch {
      // There is nothing.
      return;
    }
    const lines = (this.#rest + this.#buffer.toString("utf8", 0, length)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-LINE_BYTES_MAX);
    for (const line of lines) {
      const denial = denialIn(line, this.#options.granted);
      if (denial !== undefined) this.#options.onDenied(denial);
    }
  }
}
