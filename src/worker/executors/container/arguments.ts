import type { ContainerSpec, TaskSpec } from "../../../protocol/index.ts";
import type { EngineName } from "./engine.ts";

const MiB = 1024 * 1024;
const PROCESSES_MAX = 256;
const FILES_MAX = 1024;
const USER_PROCESSES_MAX = 16_384;
/** `nobody`: a container's root would be root of the host where the engine is not rootless. */
const NOBODY = "65534:65534";

export interface RunOptions {
  readonly engine: EngineName;
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly task: Pick<TaskSpec, "memoryBytes" | "net">;
  /** The network that the volunteer lets granted tasks use. */
  readonly network: string | undefined;
  /** The machine whose agent started it, so that what is left behind can be found. */
  readonly label: string;
  readonly scratchBytes: number;
  /** Host directories of a container with files. */
  readonly files?: { readonly in: string; readonly out: string };
}

/** What an engine is told to run a task: as little as a container can have. */
export function runArguments(options: RunOptions): readonly string[] {
  const { engine, name, spec, task, network, label, scratchBytes, files } = options;
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
    `--tmpfs=/tmp:rw,nosuid,nodev,size=${scratchBytes}`,
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    `--user=${NOBODY}`,
    `--memory=${memory}`,
    // No swap beside it.
    `--memory-swap=${memory}`,
    `--pids-limit=${PROCESSES_MAX}`,
    "--cpus=1",
    "--cpu-shares=2",
    "--ulimit=core=0:0",
    `--ulimit=nofile=${FILES_MAX}:${FILES_MAX}`,
    // Counted over all containers of this user; left out, podman asks for more than it may have in a container itself.
    `--ulimit=nproc=${USER_PROCESSES_MAX}:${USER_PROCESSES_MAX}`,
    "--log-driver=none",
    ...(files === undefined
      ? []
      : [
          `--ulimit=fsize=${scratchBytes}:${scratchBytes}`,
          `--volume=${files.in}:/in:ro`,
          `--volume=${files.out}:/out:rw`,
        ]),
    spec.image,
    ...spec.command,
  ];
}
