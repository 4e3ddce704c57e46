import { MusketeersError } from "../../protocol/index.ts";
import type { BlockSink } from "../block-store.ts";
import { buildFolder } from "./folder-builder.ts";
import type { Entry } from "./node.ts";

/** Names of a folder; a folder in it that is not finished is one of these itself. */
type Folder = Map<string, Entry | Folder>;

const NAME_BYTES_MAX = 255;

const badPath = (path: string, why: string, hint?: string): MusketeersError =>
  new MusketeersError(
    "BAD_ARGUMENT",
    `No path of a file in a dataset: ${JSON.stringify(path)} ${why}`,
    hint === undefined ? {} : { hint },
  );

const OWN_PATH = "Each file needs a path of its own: put the folder above them, or rename one.";

/**
 * The parts of a relative path with slashes.
 * @throws MusketeersError `BAD_ARGUMENT` for what could not be a file again somewhere below a folder.
 */
export function pathParts(path: string): readonly string[] {
  const parts = path.split("/");
  for (const part of parts) {
    if (part === "" || part === "." || part === "..")
      throw badPath(path, `has a part ${JSON.stringify(part)}`);
    if (part.includes("\0")) throw badPath(path, "has a zero in it");
    if (new TextEncoder().encode(part).length > NAME_BYTES_MAX)
      throw badPath(path, "has a part that is too long");
  }
  return parts;
}

/** Puts finished files into folders, and makes these when all files are known. */
export class TreeBuilder {
  readonly #sink: BlockSink;
  readonly #root: Folder = new Map();
  #files = 0;

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  get files(): number {
    return this.#files;
  }

  /** @throws MusketeersError `BAD_ARGUMENT` for a path that is taken or cannot be one. */
  add(path: string, file: Entry): void {
    const parts = pathParts(path);
    const name = parts.at(-1)!;
    const folder = this.#folder(path, parts.slice(0, -1));
    if (folder.has(name)) throw badPath(path, "is there already", OWN_PATH);
    folder.set(name, file);
    this.#files++;
  }

  /** Makes sure that there is a folder, also where nothing is in it. */
  addFolder(path: string): void {
    this.#folder(path, pathParts(path));
  }

  /** The folder that holds all. */
  end(): Promise<Entry> {
    return this.#finish(this.#root);
  }

  #folder(path: string, parts: readonly string[]): Folder {
    let folder = this.#root;
    for (const part of parts) {
      let inside = folder.get(part);
      if (inside === undefined) {
        inside = new Map();
        folder.set(part, inside);
      }
      if (!(inside instanceof Map)) throw badPath(path, `goes through the file ${part}`, OWN_PATH);
      folder = inside;
    }
    return folder;
  }

  async #finish(folder: Folder): Promise<Entry> {
    const entries = new Map<string, Entry>();
    for (const [name, inside] of folder) {
      entries.set(name, inside instanceof Map ? await this.#finish(inside) : inside);
    }
    return buildFolder(entries, this.#sink);
  }
}
