import { MusketeersError } from "./errors.ts";

/*
 * A task that is a container has no code of ours: what stands in the place of its bundle is this description, as
 * JSON. So it is named by its content, signed by its submitter and checked by workers like any other code.
 */

/** The entry of such a task. */
export const CONTAINER_ENTRY = "container";
/** What a worker can do that runs them. */
export const CONTAINER_CAPABILITY = "containers";

/** How inputs reach a container. */
export type ContainerMode = "lines" | "files";

export interface ContainerSpec {
  /** Pinned by its digest: `name@sha256:…`, or the id of an image that is there already: `sha256:…`. */
  readonly image: string;
  /** What runs in it; empty: what the image says. */
  readonly command: readonly string[];
  /**
   * `lines`: one container for many inputs, each a JSON line on standard input, each result one on standard output.
   * `files`: one container for each input, with files in `/in` and `/out`.
   */
  readonly mode: ContainerMode;
}

const FORM = "musketeers container 1";
/** Names of images, and what volunteers allow of them. */
export const IMAGE_CHARACTERS_MAX = 512;
const COMMAND_WORDS_MAX = 256;
const COMMAND_CHARACTERS_MAX = 64 * 1024;
const PINNED = /^(?:[a-z0-9]+(?:[._/:-]+[a-z0-9]+)*@)?sha256:[0-9a-f]{64}$/;

/** What keeps a text from being a pinned image; undefined where it is one. */
export function imageTrouble(image: unknown): string | undefined {
  if (typeof image !== "string" || image.length > IMAGE_CHARACTERS_MAX) return "it is no name of an image";
  if (PINNED.test(image)) return undefined;
  return "it is not pinned by its digest, so that it could be another one tomorrow";
}

/** A pinned image without its digest, as people call it. */
export const imageName = (image: string): string => image.split("@")[0]!;

/**
 * Whether an image is among those that a volunteer allows: `*`, a name, the beginning of one before `*`, or all of it,
 * with its digest.
 */
export function imageAllowed(patterns: readonly string[], image: string): boolean {
  const name = imageName(image);
  return patterns.some((pattern) => {
    if (pattern.endsWith("*")) return image.startsWith(pattern.slice(0, -1));
    return pattern === image || pattern === name;
  });
}

/** The description as it travels. */
export function encodeContainer({ image, command, mode }: ContainerSpec): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ form: FORM, image, command, mode })}\n`);
}

/** @throws MusketeersError `INVALID_DATA` for anything else */
export function decodeContainer(bytes: Uint8Array): ContainerSpec {
  const wrong = (why: string) => new MusketeersError("INVALID_DATA", `This is no container task: ${why}`);
  let fields: { form?: unknown; image?: unknown; command?: unknown; mode?: unknown };
  try {
    fields = Object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw wrong("it is no JSON");
  }
  const { form, image, command, mode } = fields;
  if (form !== FORM) throw wrong("it is of a form that this version does not know");
  const trouble = imageTrouble(image);
  if (trouble !== undefined) throw wrong(trouble);
  if (mode !== "lines" && mode !== "files") throw wrong("its mode is neither lines nor files");
  const isCommand =
    Array.isArray(command) &&
    command.length <= COMMAND_WORDS_MAX &&
    command.every((word) => typeof word === "string" && !word.includes("\0")) &&
    command.join("").length <= COMMAND_CHARACTERS_MAX;
  if (!isCommand) throw wrong("its command is no list of words");
  return { image: image as string, command, mode };
}
