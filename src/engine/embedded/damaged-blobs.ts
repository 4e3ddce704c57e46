import { join } from "node:path";
import { isCid } from "../../data/index.ts";
import { FaultMark } from "./fault-mark.ts";
import { type Files, isSystemError, writeAll } from "./files.ts";

/** Blobs that were found to be damaged, in a folder of their own until they are stored anew or deleted. */
export class DamagedBlobs {
  /** That there are some. */
  readonly mark: FaultMark;
  readonly #files: Files;
  readonly #directory: string;

  constructor(files: Files, directory: string, nowMs: () => number) {
    this.#files = files;
    this.#directory = directory;
    this.mark = new FaultMark(nowMs);
  }

  /** Looks which there are. */
  async count(): Promise<void> {
    let names: readonly string[] = [];
    try {
      names = (await this.#files.list(this.#directory)).filter(isCid);
    } catch (cause) {
      if (!isSystemError(cause, "ENOENT")) throw cause;
    }
    if (names.length === 0) this.mark.clear();
    else this.mark.set(damagedText(names));
  }

  has(cid: string): boolean {
    return this.#files.stat(this.#path(cid)) !== undefined;
  }

  /** Takes a file as what is left of a blob. */
  async take(cid: string, path: string): Promise<void> {
    await this.#files.makeDirectory(this.#directory);
    await this.#files.rename(path, this.#path(cid));
    await this.count();
  }

  /** Keeps what is left of a blob. */
  async keep(cid: string, bytes: Uint8Array): Promise<void> {
    await this.#files.makeDirectory(this.#directory);
    const file = await this.#files.open(this.#path(cid), "create");
    try {
      await writeAll(file, [bytes], bytes.length, 0);
    } finally {
      await file.close();
    }
    await this.count();
  }

  /** It was stored anew. */
  async forget(cid: string): Promise<void> {
    if (this.mark.text === null) return;
    await this.#files.remove(this.#path(cid)).catch(() => {});
    await this.count();
  }

  /** Of one that is deleted, at once. @throws what the disk says */
  removeNow(cid: string): void {
    if (this.mark.text !== null) this.#files.removeNow(this.#path(cid));
  }

  /** Only of what `isCid` allows: a path made of anything else could lead anywhere. */
  #path(cid: string): string {
    return join(this.#directory, cid);
  }
}

const damagedText = (names: readonly string[]): string =>
  names.length === 1
    ? `The stored blob ${names[0]} is damaged; submit again what needs it`
    : `${names.length} stored blobs are damaged, ${names[0]} among them; submit again what needs them`;
