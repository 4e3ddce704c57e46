import { cidOf } from "../../data/index.ts";
import {
  CONTAINER_CAPABILITY,
  CONTAINER_ENTRY,
  type ContainerMode,
  type ContainerSpec,
  encodeContainer,
  imageTrouble,
  MusketeersError,
} from "../../protocol/index.ts";
import { checkOptionNames, resolveOptions, type TaskOptions } from "../options.ts";
import type { LoadedTask } from "./loaded.ts";

/** Shared by all copies of the package in a process. */
const mark: unique symbol = Symbol.for("musketeers.container") as never;

/** A container as a task. */
export interface ContainerDefinition extends Omit<TaskOptions, "same"> {
  /** Pinned by its digest: `registry/name@sha256:…`, or `sha256:…` of an image that workers have. */
  readonly image: string;
  /** What runs in it; what the image says, where nothing is said. */
  readonly command?: readonly string[];
  /**
   * `lines` where nothing is said: one container takes many inputs, each a line of JSON on standard input, and gives each
   * result as one on standard output. `files`: one container for each input.
   */
  readonly mode?: ContainerMode;
}

/** What a container with `mode: "files"` takes: `value` on standard input as JSON, and files in `/in`. */
export interface ContainerInput {
  readonly value?: unknown;
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
}

/** What it gives: what it printed, as JSON where it is that, and what it left in `/out`. */
export interface ContainerOutput {
  readonly value: unknown;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** A container that a cluster can run. Called directly it says that it cannot run here. */
export interface ContainerTask<I = unknown, O = unknown> {
  (input: I): Promise<O>;
  readonly [mark]: ContainerDefinition;
}

const own = ["image", "command", "mode"];

const bad = (message: string, hint: string) => new MusketeersError("BAD_ARGUMENT", message, { hint });

/** Options for the cluster: only workers that run containers are asked. */
function optionsOf({
  image: _image,
  command: _command,
  mode: _mode,
  ...options
}: ContainerDefinition): TaskOptions {
  const { needs = {} } = options;
  const capabilities = [...new Set([...(needs.capabilities ?? []), CONTAINER_CAPABILITY])];
  return { ...options, needs: { ...needs, capabilities } };
}

function specOf({ image, command = [], mode = "lines" }: ContainerDefinition): ContainerSpec {
  return { image, command, mode };
}

function check(definition: ContainerDefinition): void {
  const { image, command = [], mode = "lines", net = [] } = definition;
  checkOptionNames(definition, own);
  const trouble = imageTrouble(image);
  if (trouble !== undefined) {
    throw bad(
      `image: ${trouble}`,
      "Name it with its digest: docker image inspect --format '{{index .RepoDigests 0}}' NAME, or '{{.Id}}' for one that workers have.",
    );
  }
  if (!Array.isArray(command) || !command.every((word) => typeof word === "string"))
    throw bad("command is no list of words", 'Write command: ["python3", "/task.py"].');
  if (mode !== "lines" && mode !== "files")
    throw bad(`mode: there is no ${String(mode)}`, "It is lines or files.");
  if (net.length > 0 && !(net.length === 1 && net[0] === "*"))
    throw bad("net: a container has all of a network or none", 'Write net: [] or net: ["*"].');
  resolveOptions(optionsOf(definition));
}

/**
 * Makes a container a task: for what is not JavaScript, such as Python or native programs. It runs on workers whose
 * volunteers allow it (`join --allow-containers`), without a network unless they grant one, on a read-only root.
 * @throws MusketeersError `BAD_ARGUMENT` for an image that is not pinned by its digest, or options that make no sense
 */
export function containerTask<I = unknown, O = unknown>(
  definition: ContainerDefinition,
): ContainerTask<I, O> {
  check(definition);
  const call = () =>
    Promise.reject(
      bad(
        "A container task runs on workers",
        "Give it to cluster.run() or cluster.map(); it is no function of this process.",
      ),
    );
  Object.defineProperty(call, "name", { value: titleOf(definition), configurable: true });
  Object.defineProperty(call, mark, { value: definition });
  return call as unknown as ContainerTask<I, O>;
}

const titleOf = ({ name, image }: ContainerDefinition): string => name ?? image.split("@")[0]!.slice(0, 64);

/** What `task.container()` noted; undefined for anything else. */
export const containerDefinition = (task: unknown): ContainerDefinition | undefined =>
  typeof task === "function" ? (task as Partial<ContainerTask>)[mark] : undefined;

/** A container task, ready to be sent. @throws MusketeersError `BAD_ARGUMENT` */
export async function loadContainer(definition: ContainerDefinition): Promise<LoadedTask> {
  check(definition);
  const code = encodeContainer(specOf(definition));
  return {
    entry: CONTAINER_ENTRY,
    title: titleOf(definition),
    options: optionsOf(definition),
    image: definition.image,
    bundle: { cid: await cidOf(code), code },
  };
}
