import type { ContainerSpec, Limits, TaskSpec } from "../../../protocol/index.ts";
import { SANDBOX_OOM_SCORE } from "../process/oom-score.ts";
import type { EngineName } from "./engine.ts";

const MiB = 1024 * 1024;
/** `nobody`: a container's root would be root of the host where the engine is not rootless. */
const NOBODY = "65534:65534";

export type ContainerLimits = Pick<
  Limits,
  | "containerProcessesMax"
  | "containerUserProcessesMax"
  | "containerFilesMax"
  | "containerTmpBytesMax"
  | "valueBytesMax"
>;

/**
 * Who a container is that leaves files: somebody whose files this process can read and remove. Nobody where it is root;
 * else its own user, who is root to a rootless engine. Whoever it is has no rights in the container.
 * @param own this process's user and group; undefined where there are none
 */
export function fileUser(
  { rootless }: { readonly rootless: boolean },
  own: { readonly user: number; readonly group: number } | undefined,
): string {
  if (own === undefined || own.user === 0) return NOBODY;
  return rootless ? "0:0" : `${own.user}:${own.group}`;
}

export interface RunOptions {
  readonly engine: EngineName;
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly task: Pick<TaskSpec, "memoryBytes" | "net">;
  /** The network that the volunteer lets granted tasks use. */
  readonly network: string | undefined;
  /** The machine whose agent started it, so that what is left behind can be found. */
  readonly label: string;
  readonly limits: ContainerLimits;
  /** Host directories of a container with files, and who writes there. */
  readonly files?: { readonly in: string; readonly out: string; readonly user: string };
}

/** What an engine is told to run a task: as little as a container can have. */
export function runArguments(options: RunOptions): readonly string[] {
  const { engine, name, spec, task, network, label, limits, files } = options;
  const { containerProcessesMax, containerFilesMax, containerUserProcessesMax, valueBytesMax } = limits;
  const memory = String(Math.max(16 * MiB, task.memoryBytes));
  return [
    "run",
    "--interactive",
    `--name=${name}`,
    `--label=musketeers=${label}`,
    `--network=${task.net.length === 0 ? "none" : (network ?? "none")}`,
    "--pull=never",
    // Podman has an init only where another package brings it.
    ...(engine === "docker" ? ["--init"] : []),
    "--read-only",
    `--tmpfs=/tmp:rw,nosuid,nodev,size=${limits.containerTmpBytesMax}`,
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    `--user=${files?.user ?? NOBODY}`,
    `--memory=${memory}`,
    // No swap beside it.
    `--memory-swap=${memory}`,
    `--pids-limit=${containerProcessesMax}`,
    // Where memory is short it goes before the agent, and before what else runs.
    `--oom-score-adj=${SANDBOX_OOM_SCORE}`,
    "--cpus=1",
    "--cpu-shares=2",
    "--ulimit=core=0:0",
    `--ulimit=nofile=${containerFilesMax}:${containerFilesMax}`,
    // Counted over all containers of this user; left out, podman asks for more than it may have in a container itself.
    `--ulimit=nproc=${containerUserProcessesMax}:${containerUserProcessesMax}`,
    "--log-driver=none",
    ...(files === undefined
      ? []
      : [
          `--ulimit=fsize=${valueBytesMax}:${valueBytesMax}`,
          `--volume=${files.in}:/in:ro`,
          `--volume=${files.out}:/out:rw`,
        ]),
    spec.image,
    ...spec.command,
  ];
}
