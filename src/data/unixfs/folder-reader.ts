import { MusketeersError } from "../../protocol/index.ts";
import type { BlockSource, FileRef } from "../block-store.ts";
import { codecOf } from "../cid.ts";
import { allowManyListeners } from "../many-listeners.ts";
import { hashOfName, slotLabel } from "./folder-builder.ts";
import { decodeNode, type Link, type Node } from "./node.ts";

interface CallOptions {
  readonly signal?: AbortSignal;
}

/** A file of a folder; `name` is its path from there, with slashes. */
export interface NamedFile extends FileRef {
  readonly name: string;
}

export interface FolderStat {
  readonly kind: "file" | "folder";
  readonly cid: string;
  /** Of a file. */
  readonly bytes?: number;
}

/** Nodes that are asked for at the same time. */
const NODES_AT_ONCE = 32;
const LABEL_LENGTH = 2;
const FANOUT = 256;

const byName = (a: Link, b: Link): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

async function nodeOf(cid: string, source: BlockSource, options: CallOptions): Promise<Node> {
  if (codecOf(cid) === "raw") throw noFolder(cid);
  return decodeNode(cid, await source.get(cid, options));
}

const noFolder = (cid: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `${cid} is a file, not a folder`, { hint: "Read it with cat or get." });

const wrongShard = (cid: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `The folder ${cid} is made in a way that is not known here`);

/** What comes out of an action on each of many, in their order, some of them at the same time. */
async function* inOrder<T, U>(items: readonly T[], action: (item: T) => Promise<U>): AsyncGenerator<U> {
  const ahead: Promise<U>[] = [];
  for (let next = 0, at = 0; at < items.length; at++) {
    for (; next < items.length && next < at + NODES_AT_ONCE; next++) {
      const outcome = action(items[next]!);
      outcome.catch(() => {});
      ahead.push(outcome);
    }
    yield await ahead.shift()!;
  }
}

async function linksOf(cid: string, node: Node, source: BlockSource, options: CallOptions): Promise<Link[]> {
  if (node.kind === "file") throw noFolder(cid);
  if (node.kind === "folder") return [...node.links];
  if (node.fanout !== FANOUT) throw wrongShard(cid);
  const links: Link[] = [];
  const below: Link[] = [];
  for (const link of node.links) {
    if (link.name.length < LABEL_LENGTH) throw wrongShard(cid);
    if (link.name.length === LABEL_LENGTH) below.push(link);
    else links.push({ ...link, name: link.name.slice(LABEL_LENGTH) });
  }
  const lists = inOrder(below, async (link) => {
    const shard = await nodeOf(link.cid, source, options);
    if (shard.kind !== "shard") throw wrongShard(link.cid);
    return linksOf(link.cid, shard, source, options);
  });
  for await (const list of lists) for (const link of list) links.push(link);
  return links;
}

/** The entry of a folder with a name; reads only the nodes that lead there. */
async function findLink(cid: string, name: string, source: BlockSource, options: CallOptions) {
  let node = await nodeOf(cid, source, options);
  if (node.kind === "file") throw noFolder(cid);
  const hash = node.kind === "shard" ? await hashOfName(name) : new Uint8Array(0);
  for (let depth = 0; node.kind === "shard" && depth < hash.length; depth++) {
    const label = slotLabel(hash[depth]!);
    const link: Link | undefined = node.links.find((each) => each.name.startsWith(label));
    if (link === undefined || link.name.length > LABEL_LENGTH) {
      return link?.name === label + name ? link : undefined;
    }
    node = await nodeOf(link.cid, source, options);
  }
  return node.kind === "folder" ? node.links.find((link) => link.name === name) : undefined;
}

/**
 * What a path below a folder names; the folder itself for an empty one.
 * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT` where a part of the path is a file.
 */
export async function resolvePath(
  root: string,
  path: string,
  source: BlockSource,
  options: CallOptions = {},
): Promise<string> {
  let cid = root;
  for (const name of path.split("/").filter((part) => part !== "")) {
    const link = await findLink(cid, name, source, options);
    if (link === undefined) {
      throw new MusketeersError("NOT_FOUND", `There is no ${path} in ${root}`, {
        hint: "See what there is with `musketeers ls NAME`.",
      });
    }
    cid = link.cid;
  }
  return cid;
}

/** Whether a CID is a file or a folder. */
export async function statNode(
  cid: string,
  source: BlockSource,
  options: CallOptions = {},
): Promise<FolderStat> {
  const node = decodeNode(cid, await source.get(cid, options));
  return node.kind === "file" ? { kind: "file", cid, bytes: node.bytes } : { kind: "folder", cid };
}

/** What stands in a folder, also in one below: a file with its length, or a folder, which has none. */
export interface NamedEntry {
  readonly cid: string;
  readonly bytes?: number;
  readonly name: string;
}

/**
 * All that is below a folder with its paths, folder by folder in the order of names, a folder before what it
 * holds; of a file itself just that, with an empty name.
 * @throws MusketeersError `BAD_ARGUMENT` for what is neither; what the source throws.
 */
export async function* walkEntries(
  root: string,
  source: BlockSource,
  options: CallOptions = {},
  path = "",
): AsyncGenerator<NamedEntry, void, undefined> {
  if (options.signal !== undefined) allowManyListeners(options.signal);
  const block = await source.get(root, options);
  const node = decodeNode(root, block);
  if (node.kind === "file") {
    yield { cid: root, bytes: node.bytes, name: path };
    return;
  }
  const links = (await linksOf(root, node, source, options)).sort(byName);
  const prefix = path === "" ? "" : `${path}/`;
  const looked = inOrder(links, async (link): Promise<{ link: Link; bytes: number | undefined }> => {
    // A raw block is all of its file.
    if (codecOf(link.cid) === "raw") return { link, bytes: link.treeBytes };
    const { bytes } = await statNode(link.cid, source, options);
    return { link, bytes };
  });
  for await (const { link, bytes } of looked) {
    const name = prefix + link.name;
    if (bytes !== undefined) yield { cid: link.cid, bytes, name };
    else {
      yield { cid: link.cid, name };
      yield* walkEntries(link.cid, source, options, name);
    }
  }
}

/**
 * All files below a folder with their paths, in the order of `walkEntries`.
 * @throws as `walkEntries`
 */
export async function* walkFiles(
  root: string,
  source: BlockSource,
  options: CallOptions = {},
): AsyncGenerator<NamedFile, void, undefined> {
  for await (const { cid, bytes, name } of walkEntries(root, source, options)) {
    if (bytes !== undefined) yield { cid, bytes, name };
  }
}
