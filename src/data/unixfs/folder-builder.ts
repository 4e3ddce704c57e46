import { murmur364 } from "@multiformats/murmur3";
import { MusketeersError } from "../../protocol/index.ts";
import type { BlockSink } from "../block-store.ts";
import { type EncodedNode, type Entry, encodeFolderNode, encodeShardNode, type Link } from "./node.ts";

/*
 * Folders as `ipfs add --cid-version=1` makes them: one node, or, where names and CIDs together have more
 * bytes than a block should, a hash array mapped trie of nodes with 256 slots each. A name's slot on each
 * level is the next byte of its hash.
 */

const NODE_BYTES_MAX = 262_144;
const CID_BYTES = 36;
const FANOUT = 256;

const utf8 = new TextEncoder();

interface HashedLink extends Link {
  readonly hash: Uint8Array;
}

/** By the bytes of their names, as dag-pb wants it. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Big-endian, so that its first byte is the first level's slot. */
export async function hashOfName(name: string): Promise<Uint8Array> {
  return murmur364.encode(utf8.encode(name));
}

/** How the links of a shard's node begin. */
export const slotLabel = (slot: number): string => slot.toString(16).toUpperCase().padStart(2, "0");

/** Makes a folder of entries with different names. */
export async function buildFolder(entries: ReadonlyMap<string, Entry>, sink: BlockSink): Promise<Entry> {
  let bytes = 0;
  let estimate = 0;
  const named: { link: Link; key: Uint8Array }[] = [];
  for (const [name, entry] of entries) {
    const key = utf8.encode(name);
    bytes += entry.bytes;
    estimate += key.length + CID_BYTES;
    named.push({ link: { name, cid: entry.cid, treeBytes: entry.treeBytes }, key });
  }
  if (estimate > NODE_BYTES_MAX) {
    const links = await Promise.all(
      named.map(async ({ link }): Promise<HashedLink> => ({ ...link, hash: await hashOfName(link.name) })),
    );
    const { cid, treeBytes } = await buildShard(links, 0, sink);
    return { cid, bytes, treeBytes };
  }
  named.sort((a, b) => compareBytes(a.key, b.key));
  const { cid, block, treeBytes } = encodeFolderNode(named.map(({ link }) => link));
  await sink.put(cid, block);
  return { cid, bytes, treeBytes };
}

async function buildShard(
  links: readonly HashedLink[],
  depth: number,
  sink: BlockSink,
): Promise<EncodedNode> {
  const slots: HashedLink[][] = [];
  for (const link of links) {
    const slot = link.hash[depth];
    if (slot === undefined) {
      throw new MusketeersError("BAD_ARGUMENT", `Too many names of a folder have one hash: ${link.name}`);
    }
    const inSlot = slots[slot];
    if (inSlot === undefined) slots[slot] = [link];
    else inSlot.push(link);
  }
  const taken = new Uint8Array(FANOUT / 8);
  const children: Link[] = [];
  for (let slot = 0; slot < FANOUT; slot++) {
    const inSlot = slots[slot];
    if (inSlot === undefined) continue;
    // Slot 0 is the lowest bit of the last byte.
    taken[taken.length - 1 - (slot >> 3)]! |= 1 << (slot & 7);
    const [first] = inSlot;
    if (inSlot.length === 1) children.push({ ...first!, name: slotLabel(slot) + first!.name });
    else {
      const { cid, treeBytes } = await buildShard(inSlot, depth + 1, sink);
      children.push({ name: slotLabel(slot), cid, treeBytes });
    }
  }
  const start = taken.findIndex((byte) => byte !== 0);
  const node = encodeShardNode(taken.subarray(start), FANOUT, children);
  await sink.put(node.cid, node.block);
  return node;
}
