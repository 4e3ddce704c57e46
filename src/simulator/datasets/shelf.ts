import type { DatasetSummary } from "../../protocol/index.ts";
import type { CatalogueSpan } from "../../scheduler/index.ts";
import { folderOf } from "./plan.ts";

/** What a hub has told its keepers, with its signature in mind. */
export interface Catalogue extends CatalogueSpan {
  readonly datasets: readonly DatasetSummary[];
}

/** What a machine's disk holds: replicas, the catalogue, and a bounded cache of blocks. It outlives the machine's process. */
export class Shelf {
  catalogue: Catalogue | undefined;
  /** Blocks of the folders that it keeps. */
  readonly folders = new Map<string, Set<string>>();
  /** Folders that it keeps whole. */
  readonly whole = new Set<string>();
  /** The least recently used first. */
  readonly #cache = new Map<string, number>();
  readonly #cacheBytesMax: number;
  #cacheBytes = 0;

  constructor(cacheBytesMax: number) {
    this.#cacheBytesMax = cacheBytesMax;
  }

  keeps(block: string): boolean {
    return this.folders.get(folderOf(block))?.has(block) === true;
  }

  has(block: string): boolean {
    return this.#cache.has(block) || this.keeps(block);
  }

  /** All that it has. */
  blocks(): Set<string> {
    return new Set([...this.#cache.keys(), ...[...this.folders.values()].flatMap((kept) => [...kept])]);
  }

  /** It was read. */
  touch(block: string): void {
    const bytes = this.#cache.get(block);
    if (bytes === undefined) return;
    this.#cache.delete(block);
    this.#cache.set(block, bytes);
  }

  /** @returns what had to go for it and is not kept otherwise */
  cache(block: string, bytes: number): string[] {
    const gone: string[] = [];
    if (bytes > this.#cacheBytesMax || this.#cache.has(block)) return gone;
    this.#cache.set(block, bytes);
    this.#cacheBytes += bytes;
    for (const [oldest, size] of this.#cache) {
      if (this.#cacheBytes <= this.#cacheBytesMax) break;
      this.#cache.delete(oldest);
      this.#cacheBytes -= size;
      if (!this.keeps(oldest)) gone.push(oldest);
    }
    return gone;
  }

  keep(root: string, block: string): void {
    const folder = this.folders.get(root) ?? new Set();
    this.folders.set(root, folder.add(block));
  }

  /** Lets a folder go. @returns blocks that it has no more */
  drop(root: string): string[] {
    const blocks = [...(this.folders.get(root) ?? [])];
    this.folders.delete(root);
    this.whole.delete(root);
    return blocks.filter((block) => !this.has(block));
  }
}
