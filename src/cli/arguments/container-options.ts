import { type Command, InvalidArgumentError } from "commander";
import { imageTrouble } from "../../protocol/index.ts";
import { ASKED_IMAGES_MAX } from "../../security/index.ts";
import type { Asks, ContainerChoice } from "../../worker/node.ts";

/** Which containers a volunteer lets run, as the command line says it. */
export interface ContainerOptions {
  readonly allowContainers?: true | readonly string[];
  readonly containerNetwork?: string;
}

export const EVERY_IMAGE = "*";
/** In the place of an image: none is allowed beforehand, and each is asked about. */
const ASK = "ask";

/** Collects names of images. For an option without a value commander notes `true`, by itself. */
const imageArgument = (text: string, before: true | readonly string[] = []): readonly string[] => [
  ...(before === true ? [EVERY_IMAGE] : before),
  text,
];

/** Collects images that a project asks for. */
export function askedImageArgument(text: string, before: readonly string[]): readonly string[] {
  const trouble = imageTrouble(text);
  if (trouble !== undefined)
    throw new InvalidArgumentError(`As an image it must be name@sha256:…: ${trouble}.`);
  if (before.length < ASKED_IMAGES_MAX) return [...before, text];
  throw new InvalidArgumentError(
    `An invite names at most ${ASKED_IMAGES_MAX} images; others are asked for later.`,
  );
}

/** Adds what `join` takes of containers. */
export const addContainerOptions = (command: Command): Command =>
  command
    .option(
      "--allow-containers [image]",
      "run tasks that are containers: of this image or lab/*, which may be repeated; with `ask` of those that you say yes to; without a value of ANY image that a project asks for which you agreed to",
      imageArgument,
    )
    .option(
      "--container-network <name>",
      "a network of the engine, for those that are granted one (default: none)",
    );

/** Images that flags allow; undefined where they do not speak of containers. */
export function imagesOf({ allowContainers: said }: ContainerOptions): readonly string[] | undefined {
  return said === true ? [EVERY_IMAGE] : said?.filter((image) => image !== ASK);
}

/**
 * How a worker runs containers.
 * @param agreed what its volunteer has said yes to otherwise than by flags
 */
export function containersOf(
  options: ContainerOptions,
  agreed: readonly { readonly asks: Asks }[],
): { readonly containers?: ContainerChoice } {
  const images = imagesOf(options);
  if (images === undefined && agreed.every(({ asks }) => asks.images === undefined)) return {};
  const { containerNetwork: network } = options;
  const named = network === undefined ? {} : { network };
  // Whoever named no image has not said either that there is an engine.
  return { containers: { images: images ?? [], optional: images === undefined, ...named } };
}
