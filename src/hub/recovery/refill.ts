import { setImmediate } from "node:timers/promises";
import { codecOf } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import type { Limits } from "../../protocol/index.ts";
import { sharedOrders } from "../../scheduler/index.ts";
import { childrenOf } from "../datasets/tree-survey.ts";

export interface RefillOptions {
  readonly limits: Pick<Limits, "uploadBlocksMax" | "recoveryIntervalMs" | "replicaRetryMs" | "httpIdleMs">;
  readonly blobs: Blobs;
  /** The folders that are to be whole, and are not known to be. */
  readonly roots: () => readonly string[];
  /** Connected workers that say that they keep a block. */
  readonly holdersOf: (cid: string) => readonly string[];
  /** Asks a worker to store blocks here; it answers with the number of the call. */
  readonly ask: (worker: string, call: number, cids: readonly string[]) => void;
  /** Told after each look how many blocks of each folder are seen to be missing. */
  readonly onLooked: (missing: ReadonlyMap<string, number>) => void;
}

/** Workers that are asked for the same block, one after the other, before it counts as lacking. */
const HOLDERS_ASKED_MAX = 3;
/** Blocks that are looked at before others get their turn. */
const BLOCKS_PER_TURN = 256;

interface Waiting {
  readonly worker: string;
  readonly resolve: () => void;
}

/** Gets the blocks of a hub's datasets back from the workers that keep them, folder by folder. */
export class Refill {
  readonly #options: RefillOptions;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #looking = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What is lacking may be had later, whether anybody says so or not. */
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: RefillOptions) {
    this.#options = options;
  }

  /** Something may be had now that could not before. */
  look(): void {
    if (this.#closed) return;
    this.#again = true;
    if (this.#looking || this.#timer !== undefined) return;
    clearTimeout(this.#retry);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#lookNow();
    }, this.#options.limits.recoveryIntervalMs);
  }

  /** A worker has stored what it keeps of a call. */
  uploaded(worker: string, call: number): void {
    const waiting = this.#waiting.get(call);
    if (waiting?.worker === worker) waiting.resolve();
  }

  left(worker: string): void {
    for (const waiting of this.#waiting.values()) if (waiting.worker === worker) waiting.resolve();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    for (const waiting of this.#waiting.values()) waiting.resolve();
  }

  async #lookNow(): Promise<void> {
    this.#looking = true;
    this.#again = false;
    try {
      const roots = [...this.#options.roots()];
      await this.#fill(roots);
      const missing = new Map<string, number>();
      for (const root of roots) missing.set(root, await this.#missingOf(root));
      if (!this.#closed) this.#looked(missing);
    } catch {
      // The disk refuses; that is said elsewhere, and passes.
      this.#again = true;
    } finally {
      this.#looking = false;
    }
    if (this.#again) this.look();
  }

  #looked(missing: ReadonlyMap<string, number>): void {
    const { onLooked, limits } = this.#options;
    onLooked(missing);
    if (![...missing.values()].some((blocks) => blocks > 0)) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.look(), limits.replicaRetryMs);
  }

  /** How many blocks of a folder are seen to be missing. */
  async #missingOf(root: string): Promise<number> {
    const { blobs } = this.#options;
    const pending = [root];
    const seen = new Set<string>();
    let missing = 0;
    for (let cid = pending.pop(), steps = 1; cid !== undefined; cid = pending.pop(), steps++) {
      if (this.#closed) return missing;
      if (steps % BLOCKS_PER_TURN === 0) await setImmediate();
      if (seen.has(cid)) continue;
      seen.add(cid);
      if ((await blobs.stat(cid)) === undefined) missing++;
      else if (codecOf(cid) !== "raw") pending.push(...(await childrenOf(cid, blobs)));
    }
    return missing;
  }

  /** Goes through everything once, and gets what anybody has. */
  async #fill(roots: readonly string[]): Promise<void> {
    const { blobs, limits } = this.#options;
    const pending = [...roots];
    const seen = new Set<string>();
    let wanted = new Set<string>();
    for (let steps = 1; pending.length > 0 || wanted.size > 0; steps++) {
      if (this.#closed) return;
      if (steps % BLOCKS_PER_TURN === 0) await setImmediate();
      const cid = pending.pop();
      if (cid !== undefined) {
        const isFolder = codecOf(cid) !== "raw";
        if (isFolder && seen.has(cid)) continue;
        if (isFolder) seen.add(cid);
        if ((await blobs.stat(cid)) === undefined) wanted.add(cid);
        else if (isFolder) pending.push(...(await childrenOf(cid, blobs)));
      }
      if (wanted.size < limits.uploadBlocksMax && pending.length > 0) continue;
      if (wanted.size === 0) continue;
      const missing = await this.#fetch([...wanted]);
      for (const got of wanted) {
        if (missing.has(got) || codecOf(got) === "raw") continue;
        pending.push(...(await childrenOf(got, blobs)));
      }
      wanted = new Set();
    }
  }

  /** Has blocks stored by those who keep them; what nobody has is given back. */
  async #fetch(cids: readonly string[]): Promise<ReadonlySet<string>> {
    const missing = new Set(cids);
    const asked = new Map(cids.map((cid) => [cid, new Set<string>()]));
    for (let round = 0; round < HOLDERS_ASKED_MAX && missing.size > 0 && !this.#closed; round++) {
      const orders = sharedOrders(missing, asked, this.#options.holdersOf);
      if (orders.size === 0) break;
      await Promise.all([...orders].map(([worker, list]) => this.#ask(worker, list)));
      for (const cid of [...missing]) {
        if ((await this.#options.blobs.stat(cid)) !== undefined) missing.delete(cid);
      }
    }
    return missing;
  }

  /** Resolves when the worker has answered, or will not. */
  #ask(worker: string, cids: readonly string[]): Promise<void> {
    const call = ++this.#calls;
    return new Promise((done) => {
      const timer = setTimeout(() => resolve(), this.#options.limits.httpIdleMs);
      const resolve = () => {
        clearTimeout(timer);
        this.#waiting.delete(call);
        done();
      };
      this.#waiting.set(call, { worker, resolve });
      this.#options.ask(worker, call, cids);
    });
  }
}
