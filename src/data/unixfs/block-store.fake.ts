import { MusketeersError } from "../../protocol/index.ts";
import type { BlockSink, BlockSource } from "../block-store.ts";

/** Takes blocks and forgets them. */
export const noSink: BlockSink = { put: () => undefined };

/** Blocks in memory that remembers what it was asked for. */
export class FakeBlocks implements BlockSink, BlockSource {
  readonly blocks = new Map<string, Uint8Array>();
  readonly asked: string[] = [];
  /** Gets that have not been answered, and the most there ever were. */
  pending = 0;
  pendingMax = 0;

  put(cid: string, bytes: Uint8Array): undefined {
    this.blocks.set(cid, bytes.slice());
  }

  async get(cid: string, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    this.asked.push(cid);
    this.pendingMax = Math.max(this.pendingMax, ++this.pending);
    await Promise.resolve();
    this.pending--;
    const block = this.blocks.get(cid);
    if (block === undefined) throw new MusketeersError("NOT_FOUND", `no ${cid}`);
    return block;
  }
}
