import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
export const musketeers = join(root, "dist", "cli", "main.js");
export const clientProgram = join(root, "test", "chaos", "client.ts");
export const preload = join(root, "test", "chaos", "preload.mjs");

const STDERR_KEPT = 4_096;
const alive = new Set<ChildProcess>();

/** Ends whatever this process has started. */
export function killAll(): void {
  for (const child of alive) child.kill("SIGKILL");
}

export interface ProgramOptions {
  readonly imports: readonly string[];
  readonly args: readonly string[];
  readonly home: string;
  readonly onLine: (line: string) => void;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Node process of its own. */
export class Program {
  readonly ended: Promise<Ended>;
  /** The end of what it wrote to standard error. */
  stderr = "";
  readonly #child: ChildProcess;
  #running = true;

  constructor({ imports, args, home, onLine }: ProgramOptions) {
    const { MUSKETEERS_HUB: _hub, FORCE_COLOR: _colour, NODE_OPTIONS: _options, ...rest } = process.env;
    const env = { ...rest, MUSKETEERS_HOME: home, CHAOS_CONTROL: home, NO_COLOR: "1" };
    const child = spawn(process.execPath, [...imports.flatMap((file) => ["--import", file]), ...args], {
      env,
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    alive.add(child);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_KEPT);
    });
    createInterface({ input: child.stdout }).on("line", onLine);
    this.ended = new Promise((resolve) => {
      child.once("close", (status, signal) => {
        alive.delete(child);
        this.#running = false;
        resolve({ status, signal });
      });
    });
  }

  get running(): boolean {
    return this.#running;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}
