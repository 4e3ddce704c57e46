import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { type Limits, MusketeersError } from "../../../protocol/index.ts";

const run = promisify(execFile);

type EngineLimits = Pick<Limits, "engineAnswerTimeoutMs">;

/** Engines are told what they speak with; the rest of the agent's environment is nothing to them. */
const carried = [
  "PATH",
  "HOME",
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "CONTAINER_HOST",
  "CONTAINERS_CONF",
  "XDG_RUNTIME_DIR",
];

export type EngineName = "docker" | "podman";

/** A program that runs containers. */
export interface ContainerEngine {
  readonly name: EngineName;
  /** As images name it, such as `linux/arm64`. */
  readonly platform: string;
  /** What it prints. Rejects with its last words, or where it takes longer than it may. */
  ask(args: readonly string[], timeoutMs?: number): Promise<string>;
  /** Starts it with pipes for all three streams. */
  start(args: readonly string[]): ChildProcess;
}

function environment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const name of carried) if (process.env[name] !== undefined) env[name] = process.env[name];
  return env;
}

/** The last line that says something. */
export const lastWords = (text: string): string => text.trim().split("\n").at(-1)?.trim().slice(0, 300) ?? "";

function engineOf(name: EngineName, platform: string, limits: EngineLimits): ContainerEngine {
  return {
    name,
    platform,
    ask: async (args, timeout = limits.engineAnswerTimeoutMs) => {
      try {
        const options = {
          env: environment(),
          timeout,
          encoding: "utf8" as const,
          maxBuffer: 16 * 1024 * 1024,
        };
        return (await run(name, [...args], options)).stdout.trim();
      } catch (cause) {
        const { stderr = "", message, killed } = cause as Error & { stderr?: string; killed?: boolean };
        const words = killed === true ? `it took longer than ${timeout} ms` : lastWords(stderr) || message;
        throw new Error(words, { cause });
      }
    },
    start: (args) => spawn(name, [...args], { env: environment(), stdio: ["pipe", "pipe", "pipe"] }),
  };
}

const questions: readonly (readonly [EngineName, readonly string[]])[] = [
  ["docker", ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]],
  ["podman", ["info", "--format", "{{.Host.OS}}/{{.Host.Arch}}"]],
];

/**
 * Finds an engine that answers: docker, else podman.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` with what they said
 */
export async function findEngine(limits: EngineLimits): Promise<ContainerEngine> {
  const said: string[] = [];
  for (const [name, args] of questions) {
    try {
      const platform = await engineOf(name, "", limits).ask(args);
      return engineOf(name, platform, limits);
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
      said.push(code === "ENOENT" ? `${name} is not installed` : `${name}: ${(error as Error).message}`);
    }
  }
  throw new MusketeersError("SANDBOX_UNAVAILABLE", `No container engine answers: ${said.join("; ")}`, {
    hint: "Install podman (rootless) or docker, see that this user may use it (`docker version`), or leave --allow-containers away.",
  });
}
