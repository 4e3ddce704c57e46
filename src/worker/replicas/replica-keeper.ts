import { codecOf, decodeNode } from "../../data/index.ts";
import type { KeptMessage } from "../../protocol/index.ts";
import type { ReplicaStore } from "./replica-store.ts";

export interface ReplicaKeeperOptions {
  readonly store: ReplicaStore;
  readonly send: (message: KeptMessage) => void;
  /** A block from whoever has it; waits while the hub is away. */
  readonly fetch: (cid: string, options: { readonly signal: AbortSignal }) => Promise<Uint8Array>;
}

const BLOCKS_AT_ONCE = 8;

/** Keeps what its hub says, all of it and nothing else. */
export class ReplicaKeeper {
  readonly #options: ReplicaKeeperOptions;
  readonly #stop = new AbortController();
  readonly #refused = new Set<string>();
  /** What is to be kept; undefined until the hub has said so. */
  #wanted: ReadonlySet<string> | undefined;
  #working: Promise<void> | undefined;
  /** What is being fetched, and how to stop that. */
  #current: { readonly root: string; readonly stop: AbortController } | undefined;

  constructor(options: ReplicaKeeperOptions) {
    this.#options = options;
    options.store.onDamaged = () => {
      if (this.#wanted !== undefined) this.#start();
    };
  }

  /** Connected: says what it keeps. */
  onWelcome(): void {
    this.#say();
  }

  /** What is to be kept from now on. */
  keep(cids: readonly string[]): void {
    this.#wanted = new Set(cids);
    this.#refused.clear();
    if (this.#current !== undefined && !this.#wanted.has(this.#current.root)) this.#current.stop.abort();
    this.#start();
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#current?.stop.abort();
    await this.#working;
  }

  #start(): void {
    if (this.#stop.signal.aborted) return;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  #say(): void {
    const { store, send } = this.#options;
    const cids = store.whole();
    const whole = new Set(cids);
    const partial = store.folders().filter((cid) => !whole.has(cid));
    send({ type: "kept", cids, partial, refused: [...this.#refused] });
  }

  async #work(): Promise<void> {
    const { store } = this.#options;
    while (!this.#stop.signal.aborted) {
      const surplus = store.folders().find((cid) => !this.#wanted!.has(cid));
      if (surplus !== undefined) {
        await store.drop(surplus);
        this.#say();
        continue;
      }
      const whole = new Set(store.whole());
      const next = [...this.#wanted!].find((cid) => !whole.has(cid) && !this.#refused.has(cid));
      if (next === undefined) return;
      await this.#fill(next);
    }
  }

  /** Gets a folder, block by block, from the top. */
  async #fill(root: string): Promise<void> {
    const { store } = this.#options;
    const stop = new AbortController();
    this.#current = { root, stop };
    const pending = [root];
    const seen = new Set(pending);
    try {
      while (pending.length > 0) {
        const some = pending.splice(-BLOCKS_AT_ONCE);
        const below = await Promise.all(some.map((cid) => this.#take(root, cid, stop.signal)));
        for (const cid of below.flat()) {
          if (seen.has(cid)) continue;
          seen.add(cid);
          pending.push(cid);
        }
      }
      await store.seal(root);
    } catch {
      // Not there, not to be had, no space: the hub finds somebody else, or asks again.
      if (!stop.signal.aborted) this.#refused.add(root);
    } finally {
      this.#current = undefined;
    }
    if (!this.#stop.signal.aborted) this.#say();
  }

  /** Gets one block; says which ones it needs. */
  async #take(root: string, cid: string, signal: AbortSignal): Promise<readonly string[]> {
    const { store, fetch } = this.#options;
    signal.throwIfAborted();
    const isLeaf = codecOf(cid) === "raw";
    if (isLeaf && store.has(root, cid)) return [];
    const bytes = (await store.get(cid)) ?? (await fetch(cid, { signal }));
    signal.throwIfAborted();
    await store.put(root, cid, bytes);
    if (isLeaf) return [];
    const node = decodeNode(cid, bytes);
    return node.kind === "file" ? node.parts.map((part) => part.cid) : node.links.map((child) => child.cid);
  }
}
