import type { KeptMessage } from "../../protocol/index.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Catalogue, Shelf } from "./shelf.ts";

export interface KeeperHost {
  readonly shelf: Shelf;
  readonly fetcher: Fetcher;
  readonly blocksOf: (cid: string) => readonly string[];
  /** Whether there is no space for this one now. */
  readonly refuses: () => boolean;
  readonly kept: (message: KeptMessage) => void;
  readonly announce: (added: readonly string[], dropped: readonly string[]) => void;
  /** Before a folder goes, on the word of a hub whose disk was the one of this number. */
  readonly dropping: (cid: string, generation: number) => void;
}

/** A trusted machine's part: keeps the folders that its hub names, all of them and no others, as `ReplicaKeeper` does. */
export class Keeper {
  readonly #host: KeeperHost;
  readonly #refused = new Set<string>();
  #wanted: ReadonlySet<string> | undefined;
  #generation = 0;
  /** The folder that is being fetched, and which attempt at anything that is. */
  #filling: string | undefined;
  #attempt = 0;

  constructor(host: KeeperHost) {
    this.#host = host;
  }

  /** Connected. */
  welcomed(): void {
    this.#say();
  }

  keep(cids: readonly string[], generation: number): void {
    this.#wanted = new Set(cids);
    this.#generation = generation;
    this.#refused.clear();
    if (this.#filling !== undefined && !this.#wanted.has(this.#filling)) this.#filling = undefined;
    this.#work();
  }

  catalogue(given: Catalogue): void {
    const { shelf } = this.#host;
    if (given.sequence > (shelf.catalogue?.sequence ?? -1)) shelf.catalogue = given;
  }

  #say(): void {
    const { folders, whole } = this.#host.shelf;
    const partial = [...folders.keys()].filter((cid) => !whole.has(cid));
    this.#host.kept({ type: "kept", cids: [...whole], partial, refused: [...this.#refused] });
  }

  #work(): void {
    const { shelf } = this.#host;
    if (this.#wanted === undefined || this.#filling !== undefined) return;
    for (const cid of [...shelf.folders.keys()]) {
      if (this.#wanted.has(cid)) continue;
      this.#host.dropping(cid, this.#generation);
      this.#host.announce([], shelf.drop(cid));
      this.#say();
    }
    const next = [...this.#wanted].find((cid) => !shelf.whole.has(cid) && !this.#refused.has(cid));
    if (next === undefined) return;
    this.#filling = next;
    this.#attempt++;
    if (this.#host.refuses()) this.#filled(next, false);
    else this.#fill(next, this.#host.blocksOf(next), 0);
  }

  #fill(root: string, blocks: readonly string[], at: number): void {
    const { shelf, fetcher } = this.#host;
    const block = blocks[at];
    if (block === undefined) {
      shelf.whole.add(root);
      this.#filled(root, true);
      return;
    }
    const attempt = this.#attempt;
    fetcher.fetch(block, (got) => {
      if (this.#filling !== root || this.#attempt !== attempt) return;
      if (got) shelf.keep(root, block);
      if (got) this.#fill(root, blocks, at + 1);
      else this.#filled(root, false);
    });
  }

  #filled(root: string, isWhole: boolean): void {
    this.#filling = undefined;
    if (!isWhole) this.#refused.add(root);
    this.#say();
    this.#work();
  }
}
