import { setImmediate } from "node:timers/promises";
import { codecOf, decodeNode, type Node } from "../../data/index.ts";
import { buffersMoved } from "../../data/node.ts";
import type { Blobs } from "../../engine/index.ts";
import { leanForNow } from "../../heap/index.ts";
import { MusketeersError } from "../../protocol/index.ts";

export interface TreeTotals {
  /** Of all files. */
  readonly bytes: number;
  readonly files: number;
}

/** Blocks that are looked at before others get their turn. */
const BLOCKS_PER_TURN = 256;
/** What looking at a block leaves behind, with its name and its part of a node. */
const GARBAGE_BYTES = 16_384;
/** Folders in folders, or nodes above nodes: more is made to be a nuisance. */
const DEPTH_MAX = 200;

const missing = (cid: string, root: string): MusketeersError =>
  new MusketeersError("NOT_FOUND", `The hub lacks the block ${cid} of ${root}`, {
    hint: "Put it again: only what is missing is sent.",
  });

const wrong = (cid: string, why: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `The block ${cid} ${why}`, {
    hint: "Whoever made this dataset made it wrongly; put the original again.",
  });

/** @throws MusketeersError `NOT_FOUND`, `BLOB_MISMATCH`, `STORAGE` */
export async function readBlock(cid: string, blobs: Blobs): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of blobs.read(cid)) parts.push(part);
  return parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts));
}

class Survey {
  readonly #root: string;
  readonly #blobs: Blobs;
  /** A tree may hold the same block many times; what is below it is counted once and added as often. */
  readonly #known = new Map<string, TreeTotals>();
  #blocks = 0;

  constructor(root: string, blobs: Blobs) {
    this.#root = root;
    this.#blobs = blobs;
  }

  async node(cid: string, depth: number): Promise<{ readonly node: Node; readonly totals: TreeTotals }> {
    if (depth > DEPTH_MAX) throw wrong(cid, `is more than ${DEPTH_MAX} levels deep`);
    await this.#turn();
    if ((await this.#blobs.touch(cid)) === undefined) throw missing(cid, this.#root);
    const node = decodeNode(cid, await readBlock(cid, this.#blobs));
    return {
      node,
      totals: node.kind === "file" ? await this.#file(cid, node, depth) : await this.#links(node, depth),
    };
  }

  async #file(cid: string, node: Extract<Node, { kind: "file" }>, depth: number): Promise<TreeTotals> {
    for (const part of node.parts) {
      const { bytes } = await this.#below(part.cid, depth);
      if (bytes !== part.bytes) throw wrong(cid, "says another length than its parts have");
    }
    return { bytes: node.bytes, files: 1 };
  }

  async #links(node: Extract<Node, { kind: "folder" | "shard" }>, depth: number): Promise<TreeTotals> {
    let bytes = 0;
    let files = 0;
    for (const link of node.links) {
      const below = await this.#below(link.cid, depth);
      if (codecOf(link.cid) === "raw" && below.bytes !== link.treeBytes) {
        throw wrong(link.cid, "has another length than its folder says");
      }
      bytes += below.bytes;
      files += below.files;
    }
    if (!Number.isSafeInteger(bytes) || !Number.isSafeInteger(files))
      throw wrong(this.#root, "holds too much");
    return { bytes, files };
  }

  async #below(cid: string, depth: number): Promise<TreeTotals> {
    if (codecOf(cid) === "raw") {
      await this.#turn();
      const stat = await this.#blobs.touch(cid);
      if (stat === undefined) throw missing(cid, this.#root);
      return { bytes: stat.bytes, files: 1 };
    }
    const known = this.#known.get(cid);
    if (known !== undefined) return known;
    const { totals } = await this.node(cid, depth + 1);
    this.#known.set(cid, totals);
    return totals;
  }

  async #turn(): Promise<void> {
    if (++this.#blocks % BLOCKS_PER_TURN !== 0) return;
    buffersMoved(BLOCKS_PER_TURN * GARBAGE_BYTES);
    leanForNow();
    await setImmediate();
  }
}

/**
 * Sees whether all blocks of a folder are there and say of each other what is so; counts what it holds. They
 * count as used at this moment.
 * @throws MusketeersError `NOT_FOUND` for a missing block; `BAD_ARGUMENT` for what is no folder.
 */
export async function surveyTree(cid: string, blobs: Blobs): Promise<TreeTotals> {
  if (codecOf(cid) === "raw") throw wrong(cid, "is a file, not a folder");
  const { node, totals } = await new Survey(cid, blobs).node(cid, 0);
  if (node.kind === "file") throw wrong(cid, "is a file, not a folder");
  return totals;
}

/** All blocks below some roots, these among them, as far as they are there. */
export async function* blocksBelow(
  roots: Iterable<string>,
  blobs: Blobs,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>();
  const pending = [...roots];
  for (let cid = pending.pop(); cid !== undefined; cid = pending.pop()) {
    yield cid;
    signal.throwIfAborted();
    if (codecOf(cid) === "raw" || seen.has(cid)) continue;
    seen.add(cid);
    if ((await blobs.stat(cid)) !== undefined) pending.push(...(await childrenOf(cid, blobs)));
  }
}

export async function childrenOf(cid: string, blobs: Blobs): Promise<readonly string[]> {
  let node: Node;
  try {
    node = decodeNode(cid, await readBlock(cid, blobs));
  } catch (error) {
    // What only looks like a node, or is damaged, keeps nothing else.
    if (error instanceof MusketeersError && error.code !== "STORAGE") return [];
    throw error;
  }
  return node.kind === "file" ? node.parts.map((part) => part.cid) : node.links.map((link) => link.cid);
}
