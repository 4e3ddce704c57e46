import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Limits } from "../../src/protocol/index.ts";

const main = fileURLToPath(new URL("hub-main.ts", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

/** A hub in a process of its own, which knows nothing of who is who. */
export class Site {
  /** An admin's: the operator's. */
  readonly invite: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, invite: string) {
    this.#child = child;
    this.invite = invite;
  }

  static async start(limits: Partial<Limits>): Promise<Site> {
    const child = spawn(process.execPath, ["--import", "tsx", main, JSON.stringify({ limits })], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const [line] = (await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(() => {
        throw new Error("The hub did not start");
      }),
    ])) as [Buffer];
    return new Site(child, JSON.parse(line.toString()) as string);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }
}
