import { ByteLru, codecOf, decodeNode, type Node } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import type { FileRef } from "../../protocol/index.ts";
import { readBlock } from "../tree-survey.ts";

type Parts = Extract<Node, { kind: "file" }>["parts"];

const NODES_KEPT = 1_024;
const DEPTH_MAX = 32;

/** Finds blocks of files by their place in the content, in trees that the hub stores. */
export class Leaves {
  readonly #blobs: Blobs;
  readonly #nodes = new ByteLru<string, Parts>(NODES_KEPT, () => 1);

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  /**
   * A few blocks that tell whether somebody has a file's part: its first, middle and last one.
   * @throws what the store throws, and for what is no file.
   */
  async samplesOf({ cid, bytes, start = 0, end = bytes }: FileRef): Promise<string[]> {
    const offsets = [start, Math.floor((start + end) / 2), Math.max(start, end - 1)];
    const found = new Set<string>();
    for (const offset of offsets) found.add(await this.#leafAt(cid, offset));
    return [...found];
  }

  async #leafAt(root: string, at: number): Promise<string> {
    let cid = root;
    let offset = at;
    for (let depth = 0; codecOf(cid) === "dag-pb" && depth < DEPTH_MAX; depth++) {
      const parts = await this.#partsOf(cid);
      const part = parts.find(({ bytes }) => {
        const isIn = offset < bytes;
        if (!isIn) offset -= bytes;
        return isIn;
      });
      // What stands in the node itself has no leaf.
      if (part === undefined) return cid;
      cid = part.cid;
    }
    return cid;
  }

  async #partsOf(cid: string): Promise<Parts> {
    const known = this.#nodes.get(cid);
    if (known !== undefined) return known;
    const node = decodeNode(cid, await readBlock(cid, this.#blobs));
    const parts = node.kind === "file" ? node.parts : [];
    this.#nodes.set(cid, parts);
    return parts;
  }
}
