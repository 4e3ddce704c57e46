import { ByteLru, codecOf, decodeNode, type Node } from "../../data/index.ts";
import type { Blobs } from "../../engine/index.ts";
import type { FileRef } from "../../protocol/index.ts";
import { readBlock } from "../datasets/tree-survey.ts";

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
   * A few blocks that tell whether somebody has a file's part: its first, middle and last one. Undefined where
   * it does not know the tree yet.
   */
  samplesNow(ref: FileRef): readonly string[] | undefined {
    const unknown: string[] = [];
    const found = this.#samples(ref, unknown);
    return unknown.length === 0 ? found : undefined;
  }

  /**
   * The same, having read the tree.
   * @throws what the store throws, and for what is no file.
   */
  async samplesOf(ref: FileRef): Promise<readonly string[]> {
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      const unknown: string[] = [];
      const found = this.#samples(ref, unknown);
      if (unknown.length === 0) return found;
      for (const cid of unknown) await this.#read(cid);
    }
    return [];
  }

  #samples({ cid, bytes, start = 0, end = bytes }: FileRef, unknown: string[]): readonly string[] {
    const offsets = [start, Math.floor((start + end) / 2), Math.max(start, end - 1)];
    return [...new Set(offsets.map((offset) => this.#leafAt(cid, offset, unknown)))];
  }

  #leafAt(root: string, at: number, unknown: string[]): string {
    let cid = root;
    let offset = at;
    for (let depth = 0; codecOf(cid) === "dag-pb" && depth < DEPTH_MAX; depth++) {
      const parts = this.#nodes.get(cid);
      if (parts === undefined) {
        unknown.push(cid);
        return cid;
      }
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

  async #read(cid: string): Promise<void> {
    if (this.#nodes.get(cid) !== undefined) return;
    const node = decodeNode(cid, await readBlock(cid, this.#blobs));
    this.#nodes.set(cid, node.kind === "file" ? node.parts : []);
  }
}
