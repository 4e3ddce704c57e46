import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Cluster, connect } from "musketeers";

const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** A hub and its workers, each a process of its own, as users run them; the caller is the client. */
export interface BenchCluster {
  readonly cluster: Cluster;
  /** For programs that are clients, too. */
  readonly submitInvite: string;
  readonly hub: ChildProcess;
  readonly workers: readonly ChildProcess[];
  close(): Promise<void>;
}

const children = new Set<ChildProcess>();
// Also where a row throws: nobody is to be left behind.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) return line;
  throw new Error("the process ended without a word");
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

export interface BenchOptions {
  /** Serve each other, each with a cache of its own as if it were a machine of its own. */
  readonly neighbours?: boolean;
}

/** Starts a hub on a durable journal and one-slot workers that sandbox, and waits until all are there. */
export async function startCluster(
  workerCount: number,
  allowNet: readonly string[] = [],
  { neighbours = false }: BenchOptions = {},
): Promise<BenchCluster> {
  const home = await mkdtemp(join(tmpdir(), "musketeers-bench-"));
  const env = { ...process.env, MUSKETEERS_HOME: home };
  const data = join(home, "data");
  const hub = start(["up", "--json", "--listen", "127.0.0.1:0", "--workers", "0", "--data", data], env);
  const { joinInvite, submitInvite } = JSON.parse(await firstLine(hub)) as Record<string, string>;
  const net = allowNet.flatMap((host) => ["--allow-net", host]);
  const workers = Array.from({ length: workerCount }, (_, index) => {
    const args = ["join", "--accept", joinInvite!, "--slots", "1", "--name", `bench${index + 1}`, ...net];
    if (!neighbours) return start(args, env);
    return start([...args, "--serve"], { ...env, MUSKETEERS_HOME: join(home, `worker${index}`) });
  });
  for (const worker of workers) worker.stdout!.resume();
  const cluster = await connect({ hub: submitInvite! });
  while ((await cluster.workers()).length < workerCount)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const close = async () => {
    await cluster.close();
    await Promise.all(workers.map(stop));
    await stop(hub);
    await rm(home, { recursive: true, force: true, maxRetries: 10 });
  };
  return { cluster, submitInvite: submitInvite!, hub, workers, close };
}

/** Resident memory of a process in bytes; NaN where the platform does not tell so. */
export function residentBytes(pid: number | undefined): number {
  try {
    const match = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(match?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** The children of a process, their children included. */
export function descendants(pid: number): number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    const children = list === "" ? [] : list.split(" ").map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}
