import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The program as users have it. */
export const program = join(root, "dist", "cli", "main.js");

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under test, with what it has printed. It does not outlive its test. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #watchers = new Set<() => void>();

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input = "", cwd = root) {
    this.child = spawn(command, args, { env, cwd, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdin?.on("error", () => {});
    this.child.stdin?.end(input);
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#changed();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#changed();
    });
    this.ended = new Promise((resolve) => {
      this.child.once("close", (status, signal) => {
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
        this.#changed();
      });
    });
  }

  /** Resolves with the match once standard output, or standard error, has it. */
  async until(pattern: RegExp, stream: "stdout" | "stderr" = "stdout"): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this[stream]);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`It ended before ${pattern} came.\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#watchers.add(resolve);
      });
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }

  #changed(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }
}

/** Where programs of a home put their temporary files. */
export const scratchOf = (home: string): string => join(home, "tmp");

/** A home of its own for one test: settings, data and temporary files, removed at its end. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "musketeers-test-"));
  await mkdir(scratchOf(home));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  return home;
}

/** The environment of programs under test: nothing of the hub that a developer may have running. */
export const environmentOf = (home: string): NodeJS.ProcessEnv => {
  const { MUSKETEERS_HUB: _hub, FORCE_COLOR: _colour, ...rest } = process.env;
  return { ...rest, MUSKETEERS_HOME: home, TMPDIR: scratchOf(home), NO_COLOR: "1" };
};

function track(running: Running): Running {
  onTestFinished(async () => {
    if (running.child.exitCode === null && running.child.signalCode === null) {
      await running.stop("SIGTERM");
    }
  });
  return running;
}

function requireBuild(): void {
  if (!existsSync(program)) throw new Error("Build first: npm run build");
}

/** Starts `musketeers` as users have it. */
export function musketeers(
  args: readonly string[],
  home: string,
  input?: string,
  env: NodeJS.ProcessEnv = {},
): Running {
  requireBuild();
  return track(new Running(process.execPath, [program, ...args], { ...environmentOf(home), ...env }, input));
}

/** Starts a JavaScript file. */
export const plainScript = (args: readonly string[], home: string): Running => {
  requireBuild();
  return track(new Running(process.execPath, args, environmentOf(home)));
};

/** Starts a TypeScript file with tsx, which takes a second longer. */
export const script = (args: readonly string[], home: string): Running =>
  track(new Running(process.execPath, ["--import", "tsx", ...args], environmentOf(home)));

export interface UpLine {
  readonly url: string;
  readonly joinInvite: string;
  readonly submitInvite: string;
  readonly viewInvite: string;
  readonly joinCommand: string;
}

/** A hub on a free port with a worker; resolves when it is ready. */
export async function startUp(
  home: string,
  args: readonly string[] = [],
): Promise<{ up: Running; line: UpLine }> {
  const up = musketeers(["up", "--json", "--listen", "127.0.0.1:0", ...args], home);
  const [text] = await up.until(/^\{.*\}$/m);
  return { up, line: JSON.parse(text) as UpLine };
}
