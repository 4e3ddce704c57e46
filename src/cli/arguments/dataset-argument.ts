import { InvalidArgumentError, type Option, Option as OptionClass } from "commander";
import { sizeArgument } from "../context.ts";

/** A dataset, and what is meant of it. */
export interface DatasetPath {
  /** Its name or CID. */
  readonly dataset: string;
  /** Empty for all of it. */
  readonly path: string;
}

/** Takes `books/more/alice.txt` apart: what stands before the first slash is the dataset. */
export function parseDatasetPath(text: string): DatasetPath {
  const [dataset = "", ...rest] = text.replace(/^\/+/, "").split("/");
  return { dataset, path: rest.filter((part) => part !== "").join("/") };
}

/** Bytes of `4096`, `1MB`. */
export const bytesArgument = (text: string): number =>
  /^\d+$/.test(text) ? Number(text) : sizeArgument(text);

/** Bytes of `size-1048576`, as `ipfs add --chunker` has it, or of `1MB`. */
export function chunkerArgument(text: string): number {
  const size = text.replace(/^size-/, "");
  const bytes = /^\d/.test(size) ? bytesArgument(size) : 0;
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new InvalidArgumentError("It must be size- and a number of bytes, such as size-1048576.");
}

export const chunkerOption = (): Option =>
  new OptionClass(
    "--chunker <size-N>",
    "length of the chunks that files are cut into (default: size-262144)",
  ).argParser(chunkerArgument);

/** Where it was given, as an option of the SDK's. */
export const chunkBytesOption = (chunker: number | undefined): { chunkBytes?: number } =>
  chunker === undefined ? {} : { chunkBytes: chunker };
