import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Shelf } from "./catalogue-keeper.ts";

/** A catalogue in a file, which is replaced as a whole. */
export class FileShelf implements Shelf {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<Uint8Array | undefined> {
    return readFile(this.#path).catch(() => undefined);
  }

  async save(bytes: Uint8Array): Promise<void> {
    const draft = `${this.#path}.tmp`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(draft, bytes);
      await rename(draft, this.#path);
    } catch {
      // A full disk: the catalogue of before stays, or none.
      await rm(draft, { force: true }).catch(() => {});
    }
  }
}
