import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CacheWatcher, isCid, isNamedBy } from "../../data/index.ts";

/** Says that all blocks of a folder are in its directory. */
const WHOLE_NAME = "whole";
const DRAFT_NAME = "draft";

interface Folder {
  readonly blocks: Set<string>;
  whole: boolean;
}

/**
 * Folders that a worker keeps for its hub until it is told not to: each has a directory of its own with its
 * blocks as files; one that several folders share is stored once, under several names (hard links), where the
 * file system can do that. What is read is verified.
 */
export class ReplicaStore {
  readonly #directory: string;
  readonly #folders = new Map<string, Folder>();
  /** In how many folders a block is. */
  readonly #uses = new Map<string, number>();
  watcher: CacheWatcher | undefined;
  /** Told when a folder has turned out not to be whole. */
  onDamaged: () => void = () => {};

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Takes stock of what an earlier process left. @throws Error of the file system */
  static async open(directory: string): Promise<ReplicaStore> {
    const store = new ReplicaStore(directory);
    await mkdir(directory, { recursive: true });
    for (const cid of await readdir(directory)) {
      if (!isCid(cid)) continue;
      const names = await readdir(join(directory, cid));
      const folder = { blocks: new Set<string>(), whole: names.includes(WHOLE_NAME) };
      store.#folders.set(cid, folder);
      for (const name of names) if (isCid(name)) store.#enter(folder, name);
    }
    return store;
  }

  folders(): readonly string[] {
    return [...this.#folders.keys()];
  }

  /** Folders of which all blocks are here. */
  whole(): readonly string[] {
    return [...this.#folders].filter(([, { whole }]) => whole).map(([cid]) => cid);
  }

  /** All blocks of all folders. */
  cids(): Iterable<string> {
    return this.#uses.keys();
  }

  keeps(cid: string): boolean {
    return this.#uses.has(cid);
  }

  /** Verified bytes, or undefined; a folder that turns out to be damaged is not whole any more. */
  async get(cid: string): Promise<Uint8Array | undefined> {
    if (!this.#uses.has(cid)) return undefined;
    for (const [root, folder] of this.#folders) {
      if (!folder.blocks.has(cid)) continue;
      const bytes = await readFile(this.#path(root, cid)).catch(() => undefined);
      if (bytes !== undefined && isNamedBy(bytes, cid)) return new Uint8Array(bytes);
      await this.#forget(root, folder, cid);
    }
    return undefined;
  }

  has(root: string, cid: string): boolean {
    return this.#folders.get(root)?.blocks.has(cid) === true;
  }

  /** Puts a block into a folder. @throws Error of the file system, such as for a full disk */
  async put(root: string, cid: string, bytes: Uint8Array): Promise<void> {
    const folder = this.#folders.get(root) ?? { blocks: new Set<string>(), whole: false };
    if (!this.#folders.has(root)) {
      await mkdir(join(this.#directory, root), { recursive: true });
      this.#folders.set(root, folder);
    }
    if (folder.blocks.has(cid)) return;
    if (!(await this.#linkFromOther(root, cid))) {
      const draft = this.#path(root, `${DRAFT_NAME}-${cid}`);
      try {
        await writeFile(draft, bytes);
        await rename(draft, this.#path(root, cid));
      } catch (error) {
        await rm(draft, { force: true }).catch(() => {});
        throw error;
      }
    }
    this.#enter(folder, cid);
    if (this.#uses.get(cid) === 1) this.watcher?.kept(cid);
  }

  /** All blocks of a folder are in it. */
  async seal(root: string): Promise<void> {
    const folder = this.#folders.get(root);
    if (folder === undefined) return;
    const file = await open(this.#path(root, WHOLE_NAME), "w");
    await file.close();
    folder.whole = true;
  }

  /** Removes a folder. */
  async drop(root: string): Promise<void> {
    const folder = this.#folders.get(root);
    if (folder === undefined) return;
    this.#folders.delete(root);
    for (const cid of folder.blocks) this.#leave(cid);
    await rm(join(this.#directory, root), { recursive: true, force: true, maxRetries: 10 }).catch(() => {});
  }

  async #linkFromOther(root: string, cid: string): Promise<boolean> {
    for (const [other, { blocks }] of this.#folders) {
      if (other === root || !blocks.has(cid)) continue;
      const done = await link(this.#path(other, cid), this.#path(root, cid)).then(
        () => true,
        () => false,
      );
      if (done) return true;
    }
    return false;
  }

  async #forget(root: string, folder: Folder, cid: string): Promise<void> {
    folder.blocks.delete(cid);
    folder.whole = false;
    this.#leave(cid);
    await rm(this.#path(root, WHOLE_NAME), { force: true }).catch(() => {});
    await rm(this.#path(root, cid), { force: true }).catch(() => {});
    this.onDamaged();
  }

  #enter(folder: Folder, cid: string): void {
    folder.blocks.add(cid);
    this.#uses.set(cid, (this.#uses.get(cid) ?? 0) + 1);
  }

  #leave(cid: string): void {
    const uses = (this.#uses.get(cid) ?? 0) - 1;
    if (uses > 0) {
      this.#uses.set(cid, uses);
      return;
    }
    this.#uses.delete(cid);
    this.watcher?.dropped(cid);
  }

  #path(root: string, name: string): string {
    return join(this.#directory, root, name);
  }
}
