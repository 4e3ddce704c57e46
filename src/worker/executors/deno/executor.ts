import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { defaultLimits, type Limits, type TaskSpec } from "../../../protocol/index.ts";
import { bootstrapFile } from "../bootstrap-file.ts";
import type { Executor, SandboxHandlers, SandboxOrder } from "../port.ts";
import { type Child, ChildSandbox } from "../process/child-process.ts";
import { heapFlags } from "../process/heap-flags.ts";
import { ownSession } from "../process/parent-death.ts";
import { launchWith, type Priority } from "../process/priority.ts";
import { makeScratch } from "../process/scratch.ts";
import { signalStop } from "../process/signal-stop.ts";
import { SandboxProcess } from "../sandbox/sandbox-process.ts";
import { AUDIT_VARIABLE, type AuditPipe, AuditPipes } from "./audit.ts";
import { findDeno } from "./binary.ts";
import { findBubblewrap, INFO_FD } from "./bubblewrap.ts";
import { netFlags } from "./net-flags.ts";

const MiB = 1024 * 1024;

/** Everything off that can be off; what is not named here cannot be had without a name either. */
const DENIALS = [
  "--no-remote",
  "--no-npm",
  "--no-config",
  "--no-prompt",
  "--no-lock",
  "--no-code-cache",
  "--node-modules-dir=none",
  "--deny-read",
  "--deny-write",
  "--deny-env",
  "--deny-sys",
  "--deny-run",
  "--deny-ffi",
  "--deny-import",
] as const;

/** Deno's arguments for a task. */
export const denoArgs = (
  task: Pick<TaskSpec, "net" | "memoryBytes">,
  bootstrap: string,
  isLean: boolean,
): string[] => [
  "run",
  "--quiet",
  ...DENIALS,
  ...netFlags(task.net),
  `--v8-flags=${heapFlags(task.memoryBytes, isLean).join(",")}`,
  bootstrap,
];

/** Asks for nothing: to find out whether a sandbox starts. */
const probeTask: Pick<TaskSpec, "net" | "memoryBytes"> = { net: [], memoryBytes: 64 * MiB };

export interface DenoExecutorOptions {
  readonly limits?: Limits;
  /** `normal` where nothing is said. */
  readonly priority?: Priority;
  /** Uses bubblewrap where it works; on unless said otherwise. */
  readonly bubblewrap?: boolean;
  /** On a machine with little memory: heaps stay small, at the cost of some time. */
  readonly isLean?: boolean;
}

/**
 * The sandbox for code of strangers: Deno with everything denied but what is granted, inside bubblewrap on
 * Linux where that is there.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` with the reason.
 */
export async function createDenoExecutor(options: DenoExecutorOptions = {}): Promise<Executor> {
  const { limits = defaultLimits, isLean = false } = options;
  const [deno, bootstrap, launch] = await Promise.all([
    findDeno(),
    bootstrapFile("deno"),
    launchWith(options.priority ?? "normal"),
  ]);
  const wrap =
    options.bubblewrap === false
      ? undefined
      : await findBubblewrap(deno.path, bootstrap, (main) => denoArgs(probeTask, main, isLean));
  const sandboxes = new Set<SandboxProcess>();
  const scratch = makeScratch(() => {
    for (const sandbox of sandboxes) void sandbox.kill();
  });
  const cwd = emptyDirectory(scratch.path);

  const audits = await AuditPipes.open(join(scratch.path, "audits"), limits.memoryWatchIntervalMs);

  const spawnTask = ({ task, onDenied = () => {} }: SandboxOrder): Child => {
    const audit = audits?.take(task.net, onDenied);
    const args = (main: string) => denoArgs(task, main, isLean);
    const wrapped = wrap?.command(args, { net: task.net.length > 0, audit: audit?.path });
    const [program = "", ...rest] = wrapped
      ? [...launch.barePrefix, ...wrapped]
      : [...launch.prefix, deno.path, ...args(bootstrap)];
    const child = spawn(program, rest, {
      cwd,
      env: wrap ? ownPath() : bareEnv(join(scratch.path, "deno"), audit),
      stdio: ["pipe", "pipe", "pipe", wrap ? "pipe" : "ignore"],
      windowsHide: true,
      detached: ownSession,
    });
    launch.started(child.pid);
    let innerPid: number | undefined;
    let doomed = false;
    let stopped = false;
    // Bubblewrap that is killed while it sets up leaves a half-made child behind, which waits for ever: so
    // the child is killed first, as soon as it is known, and bubblewrap ends with it.
    const kill = () => {
      doomed = true;
      if (wrap === undefined) child.kill("SIGKILL");
      else if (innerPid !== undefined && child.exitCode === null && child.signalCode === null) {
        killPid(innerPid);
      }
    };
    if (wrap) {
      readInfo(child.stdio[INFO_FD] as Readable, (pid) => {
        innerPid = pid;
        if (doomed) kill();
        else if (stopped) signalStop(pid, true);
      });
    }
    return {
      process: child,
      input: child.stdin as Writable,
      output: child.stdout as Readable,
      errors: child.stderr,
      memoryPid: () => (wrap ? innerPid : child.pid),
      stop: (wanted) => {
        stopped = wanted;
        // One that is not known yet is stopped as soon as it is.
        return innerPid === undefined && wrap ? ownSession : signalStop(wrap ? innerPid : child.pid, wanted);
      },
      kill,
      cleanUp: async () => audit?.close(),
    };
  };

  return {
    kind: wrap ? "deno+bubblewrap" : "deno",
    engineClass: deno.engineClass,
    start(order: SandboxOrder, handlers: SandboxHandlers) {
      const sandbox = new SandboxProcess(new ChildSandbox(spawnTask(order), limits), order, handlers, limits);
      sandboxes.add(sandbox);
      void sandbox.gone.then(() => sandboxes.delete(sandbox));
      return sandbox;
    },
    async close() {
      await Promise.all([...sandboxes].map((sandbox) => sandbox.kill()));
      await scratch.remove();
    },
  };
}

function emptyDirectory(parent: string): string {
  const path = join(parent, "empty");
  mkdirSync(path, { mode: 0o500 });
  return path;
}

const ownPath = () => ({ PATH: process.env.PATH ?? "" });

/** Of a process that is not in bubblewrap. */
const bareEnv = (cache: string, audit: AuditPipe | undefined) => ({
  ...ownPath(),
  DENO_DIR: cache,
  NO_COLOR: "1",
  ...(audit === undefined ? {} : { [AUDIT_VARIABLE]: audit.path }),
});

function killPid(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** Bubblewrap says a little JSON about what it started. */
function readInfo(stream: Readable, onPid: (pid: number) => void): void {
  let text = "";
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
    const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
    if (pid !== undefined) onPid(Number(pid));
  });
}
