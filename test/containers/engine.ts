import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { childrenOf } from "../support/processes.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("engine.sh", import.meta.url));
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Where containers reach the machine that they run on; it is in a network of its own, so nobody else has it. */
export const bridgeAddress = "10.89.6.1";

/** The programs that are needed, with the package of Debian's that has each. */
const programs = [
  ["dockerd", "docker.io"],
  ["docker", "docker.io"],
  ["docker-compose", "docker-compose"],
  ["runc", "runc"],
  ["iptables", "iptables"],
  ["debootstrap", "debootstrap"],
  ["unshare", "util-linux"],
  ["nsenter", "util-linux"],
  ["ip", "iproute2"],
] as const;

const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Why no engine can be started here; undefined where one may be. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== "linux") return `there are no containers of Linux on ${process.platform}`;
  if (process.getuid?.() !== 0) return "an engine of its own takes root";
  const missing = programs.filter(([program]) => !has(program));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
    return `${missing.map(([program]) => program).join(", ")} not found: apt-get install ${packages}`;
  }
  try {
    execFileSync("unshare", ["--mount", "--net", "--pid", "--fork", "true"], {
      stdio: "ignore",
      timeout: 20_000,
    });
    return undefined;
  } catch {
    return "namespaces cannot be made here";
  }
}

/** What is needed to talk to an engine that runs; plain data, so that tests can be given it. */
export interface EngineAddress {
  readonly host: string;
  /** First process of its namespaces. */
  readonly pid: number;
}

export interface Engine extends EngineAddress {
  /** Ends it with all that runs in it. */
  stop(options?: { readonly keepImages?: boolean }): Promise<void>;
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

const environment = (host: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  // The builder that every engine has.
  DOCKER_BUILDKIT: "0",
  COMPOSE_DOCKER_CLI_BUILD: "0",
  DOCKER_HOST: host,
  ...env,
});

/** Runs a program that talks to an engine. Rejects with what it printed where it fails. */
export function runWith(
  { host }: Pick<EngineAddress, "host">,
  command: string,
  args: readonly string[],
  { cwd, env, timeoutMs = 120_000 }: RunOptions = {},
): Promise<Ran> {
  return run(command, args, {
    env: environment(host, env),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** What puts a command into an engine's network, where the ports are that its containers publish. */
export const insideOf = ({ pid }: Pick<EngineAddress, "pid">): readonly string[] => [
  "nsenter",
  `--net=/proc/${pid}/ns/net`,
];

async function firstInside(child: ChildProcess): Promise<number> {
  // sh, then unshare, then the first process of the namespaces.
  const [unshare] = await childrenOf(child.pid!);
  const [first] = unshare === undefined ? [] : await childrenOf(unshare);
  if (first === undefined) throw new Error("The engine's namespaces have no process");
  return first;
}

/**
 * Starts dockerd in namespaces of its own. It ends with this process, however that ends.
 * @param directory where it keeps everything; images are there again the next time
 * @param network `host` for builds that fetch packages; `own` has bridges, published ports, and no way out
 */
export async function startEngine(directory: string, network: "host" | "own"): Promise<Engine> {
  await mkdir(directory, { recursive: true });
  const group = `musketeers-test-${process.pid}`;
  // Detached: Ctrl-C is for the tests, which then let go of its standard input.
  const child = spawn("sh", [script, directory, group, network, `${bridgeAddress}/24`], {
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.stdin?.on("error", () => {});
  const stop: Engine["stop"] = async ({ keepImages = false } = {}) => {
    child.stdin?.end(keepImages ? "keep\n" : "");
    const given = new AbortController();
    const late = delay(STOP_TIMEOUT_MS, "late", { signal: given.signal }).catch(() => "");
    const first = await Promise.race([ended, late]);
    given.abort();
    if (first === "late") throw new Error("The engine does not end");
  };
  const host = `unix://${join(directory, "docker.sock")}`;
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await runWith({ host }, "docker", ["version"], { timeoutMs: 10_000 });
      return { host, pid: await firstInside(child), stop };
    } catch (error) {
      if (performance.now() < deadline && child.exitCode === null) {
        await delay(200);
        continue;
      }
      const log = await readFile(join(directory, "dockerd.log"), "utf8").catch(() => "");
      await stop();
      throw new Error(`dockerd does not start: ${(error as Error).message}\n${log.slice(-4000)}`);
    }
  }
}
