import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Invites } from "./strangers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A hub in a process of its own, which tells of its death and of its memory. */
export class FuzzedHub {
  readonly invites: Invites;
  crashes = 0;
  #child: ChildProcess;
  #home: string;
  #told = "";
  #ending = false;

  private constructor(child: ChildProcess, home: string, invites: Invites) {
    this.#child = child;
    this.#home = home;
    this.invites = invites;
    child.stderr?.on("data", (text: Buffer) => {
      this.#told = (this.#told + text.toString()).slice(-4_000);
    });
    child.once("exit", () => {
      if (!this.#ending) this.crashes++;
    });
  }

  static async start(): Promise<FuzzedHub> {
    const home = mkdtempSync(join(tmpdir(), "musketeers-fuzz-"));
    const options = { listen: "127.0.0.1:0", data: join(home, "data") };
    const main = join(root, "test", "support", "hub-main.mjs");
    const child = spawn(process.execPath, [main, JSON.stringify(options)], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return new FuzzedHub(child, home, JSON.parse(line.toString()) as Invites);
  }

  /** What it said last on standard error. */
  get told(): string {
    return this.#told;
  }

  /** Resident memory; 0 where the system does not tell. */
  async memoryBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8").catch(() => "");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
  }

  async stop(): Promise<void> {
    this.#ending = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 10 });
  }
}
