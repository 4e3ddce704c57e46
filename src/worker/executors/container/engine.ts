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
  "CONTAINERS_STORAGE_CONF",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
];

export type EngineName = "docker" | "podman";

/** A program that runs containers. */
export interface ContainerEngine {
  readonly name: EngineName;
  /** As images name it, such as `linux/arm64`. */
  readonly platform: string;
  /** Whether it has no rights that its user has not: root in its containers is that user. */
  readonly rootless: boolean;
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

function engineOf(
  name: EngineName,
  { platform, rootless }: Pick<ContainerEngine, "platform" | "rootless">,
  limits: EngineLimits,
): ContainerEngine {
  return {
    name,
    platform,
    rootless,
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

interface Questions {
  readonly platform: readonly string[];
  /** Whether it is rootless, in words of its own; behind it whether it can bound memory and processes. */
  readonly powers: readonly string[];
  /** What it says where it can. */
  readonly bounds: RegExp;
}

const questions: Readonly<Record<EngineName, Questions>> = {
  docker: {
    platform: ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"],
    powers: ["info", "--format", "{{.SecurityOptions}} {{.MemoryLimit}} {{.PidsLimit}}"],
    bounds: / true true$/,
  },
  podman: {
    platform: ["info", "--format", "{{.Host.OS}}/{{.Host.Arch}}"],
    powers: ["info", "--format", "rootless={{.Host.Security.Rootless}} {{.Host.CgroupControllers}}"],
    bounds: /\bmemory\b.*\bpids\b/,
  },
};

/** Finds out about one engine. Rejects where it does not answer, or cannot hold containers to what they may have. */
async function meet(name: EngineName, limits: EngineLimits): Promise<ContainerEngine> {
  const { platform: asked, powers, bounds } = questions[name];
  const nobody = engineOf(name, { platform: "", rootless: false }, limits);
  const platform = await nobody.ask(asked);
  const said = await nobody.ask(powers);
  if (!bounds.test(said)) {
    throw new Error(
      "it cannot bound memory and processes here, which a rootless engine does by control groups of version 2",
    );
  }
  return engineOf(name, { platform, rootless: /name=rootless|rootless=true/.test(said) }, limits);
}

/**
 * Finds an engine that answers: docker, else podman.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` with what they said
 */
export async function findEngine(limits: EngineLimits): Promise<ContainerEngine> {
  const said: string[] = [];
  for (const name of ["docker", "podman"] as const) {
    try {
      return await meet(name, limits);
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
      said.push(code === "ENOENT" ? `${name} is not installed` : `${name}: ${(error as Error).message}`);
    }
  }
  throw new MusketeersError("SANDBOX_UNAVAILABLE", `No container engine answers: ${said.join("; ")}`, {
    hint: "Install podman (rootless) or docker, see that this user may use it (`docker version`), or leave --allow-containers away.",
  });
}
