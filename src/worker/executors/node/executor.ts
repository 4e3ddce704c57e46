import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { defaultLimits, type Limits } from "../../../protocol/index.ts";
import { bootstrapFile } from "../bootstrap-file.ts";
import type { Executor } from "../port.ts";
import { type Child, ChildSandbox } from "../process/child-process.ts";
import { heapFlags } from "../process/heap-flags.ts";
import { ownSession } from "../process/parent-death.ts";
import { launchWith, type Priority } from "../process/priority.ts";
import { makeScratch } from "../process/scratch.ts";
import { signalStop } from "../process/signal-stop.ts";
import { SandboxProcess } from "../sandbox/sandbox-process.ts";

const FD_IN = 3;
const FD_OUT = 4;

export interface NodeExecutorOptions {
  readonly limits?: Limits;
  /** `normal` where nothing is said. */
  readonly priority?: Priority;
  /** As of `DenoExecutorOptions`. */
  readonly isLean?: boolean;
}

/**
 * For trusted work, and for machines that Deno has no build for: a plain Node process without any walls.
 * Time-outs, memory limits and logs are as in the sandbox.
 */
export async function createNodeExecutor(options: NodeExecutorOptions = {}): Promise<Executor> {
  const { limits = defaultLimits, isLean = false } = options;
  const [bootstrap, launch] = await Promise.all([
    bootstrapFile("node"),
    launchWith(options.priority ?? "normal"),
  ]);
  const sandboxes = new Set<SandboxProcess>();
  const scratch = makeScratch(() => {
    for (const sandbox of sandboxes) void sandbox.kill();
  });

  const spawnTask = (memoryBytes: number): Child => {
    const cwd = mkdtempSync(join(scratch.path, "task-"));
    const heap = heapFlags(memoryBytes, isLean);
    const [program = "", ...args] = [...launch.prefix, process.execPath, ...heap, bootstrap];
    const child = spawn(program, args, {
      cwd,
      env: { PATH: process.env.PATH ?? "", NO_COLOR: "1" },
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      windowsHide: true,
      detached: ownSession,
    });
    launch.started(child.pid);
    return {
      process: child,
      input: child.stdio[FD_IN] as Writable,
      output: child.stdio[FD_OUT] as Readable,
      errors: child.stderr,
      memoryPid: () => child.pid,
      stop: (stopped) => signalStop(child.pid, stopped),
      kill: () => child.kill("SIGKILL"),
      cleanUp: async () => rmSync(cwd, { recursive: true, force: true, maxRetries: 10 }),
    };
  };

  return {
    kind: "trusted",
    // Node.js differs between processors, too (880 of 480,000 values between x64 and arm64); Deno does not.
    engineClass: `node-v8-${process.versions.v8.split(".")[0]}-${process.arch}`,
    start(order, handlers) {
      const spawned = new ChildSandbox(spawnTask(order.task.memoryBytes), limits);
      const sandbox = new SandboxProcess(spawned, order, handlers, limits);
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
