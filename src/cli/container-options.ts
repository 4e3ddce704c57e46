import type { Command } from "commander";
import type { WorkerOptions } from "../worker/node.ts";

/** Which containers a volunteer lets run, as the command line says it. */
export interface ContainerOptions {
  readonly allowContainers?: readonly string[];
  readonly containerNetwork?: string;
}

const EVERY_IMAGE = "*";

/** Collects names of images; without a name, every one. */
const imageArgument = (text: string | undefined, before: readonly string[] = []): readonly string[] => [
  ...before,
  text ?? EVERY_IMAGE,
];

/** Adds what `join` takes of containers. */
export const addContainerOptions = (command: Command): Command =>
  command
    .option(
      "--allow-containers [image]",
      "run tasks that are containers, of this image, or of any where none is named; may be repeated",
      imageArgument,
    )
    .option(
      "--container-network <name>",
      "a network of the engine, for those that are granted one (default: none)",
    );

export function containersOf({
  allowContainers: named,
  containerNetwork,
}: ContainerOptions): Pick<WorkerOptions, "containers"> {
  if (named === undefined) return {};
  // Commander says `true` for an option without a value.
  const images = Array.isArray(named) ? named : [EVERY_IMAGE];
  return { containers: { images, ...(containerNetwork === undefined ? {} : { network: containerNetwork }) } };
}
