import { decode, encode, type PBNode } from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { MusketeersError } from "../../protocol/index.ts";
import { cidOf, cidOfDigest, codecOf, parseCid } from "../cid.ts";

/*
 * The nodes of UnixFS: a file is a tree of blocks whose leaves are raw bytes, a folder is a node that names
 * its entries, or a tree of such nodes where they are many.
 */

/** Numbers of multicodec's table. */
const [RAW, DAG_PB, SHA_256] = [0x55, 0x70, 0x12];

/** A finished file or folder. */
export interface Entry {
  readonly cid: string;
  /** Of the content: of a file its length, of a folder those of all files in it. */
  readonly bytes: number;
  /** Of all blocks of its tree; what links carry as Tsize. */
  readonly treeBytes: number;
}

export interface Link {
  readonly name: string;
  readonly cid: string;
  readonly treeBytes: number;
}

/** One block of a tree, taken apart. */
export type Node =
  | {
      readonly kind: "file";
      readonly bytes: number;
      readonly content: Uint8Array;
      readonly parts: readonly Part[];
    }
  | { readonly kind: "folder"; readonly links: readonly Link[] }
  | { readonly kind: "shard"; readonly links: readonly Link[]; readonly fanout: number };

/** A child of a file's node. */
export interface Part {
  readonly cid: string;
  /** Of the content below it. */
  readonly bytes: number;
}

export interface EncodedNode {
  readonly cid: string;
  readonly block: Uint8Array;
  /** The block and all below it. */
  readonly treeBytes: number;
}

function encodeNode(unixfs: Pick<UnixFS, "marshal">, links: readonly Link[]): EncodedNode {
  let treeBytes = 0;
  const Links = links.map((link) => {
    treeBytes += link.treeBytes;
    const { codec, digest } = parseCid(link.cid);
    const Hash = CID.createV1(codec === "raw" ? RAW : DAG_PB, create(SHA_256, digest));
    return { Name: link.name, Tsize: link.treeBytes, Hash };
  });
  const block = encode({ Data: unixfs.marshal(), Links });
  return { cid: cidOf(block, "dag-pb"), block, treeBytes: treeBytes + block.length };
}

/** A field of a protocol buffer that holds a number, as a varint. */
function varintField(field: number, value: number): number[] {
  const bytes = [field << 3];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return bytes;
}

/** UnixFS's message: type (2 a file), length, lengths of the parts. */
const [TYPE, FILE_SIZE, BLOCK_SIZES] = [1, 3, 4];
const FILE_TYPE = 2;

/**
 * What a file's node says of its content. The library writes lengths from 2 to 4 GiB wrongly (protons-runtime 7:
 * it takes their upper bit for a sign, and leaves bytes as they were in memory).
 */
const fileMessage = (sizes: readonly number[]): Uint8Array =>
  Uint8Array.from([
    ...varintField(TYPE, FILE_TYPE),
    ...varintField(
      FILE_SIZE,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    ),
    ...sizes.flatMap((bytes) => varintField(BLOCK_SIZES, bytes)),
  ]);

/** The node of a file above parts of it. */
export function encodeFileNode(parts: readonly Entry[]): EncodedNode {
  const message = fileMessage(parts.map(({ bytes }) => bytes));
  return encodeNode(
    { marshal: () => message },
    parts.map(({ cid, treeBytes }) => ({ name: "", cid, treeBytes })),
  );
}

/** A folder in one node. Its links must be in the order of their names' bytes. */
export const encodeFolderNode = (links: readonly Link[]): EncodedNode =>
  encodeNode(new UnixFS({ type: "directory" }), links);

/** The number of murmur3-x64-64 in multicodec's table. */
const MURMUR3_64 = 0x22n;

/** One node of a folder that is spread over many: which slots are taken, and the links of those in order. */
export function encodeShardNode(taken: Uint8Array, fanout: number, links: readonly Link[]): EncodedNode {
  const type = "hamt-sharded-directory";
  return encodeNode(new UnixFS({ type, data: taken, fanout: BigInt(fanout), hashType: MURMUR3_64 }), links);
}

const malformed = (cid: string, cause?: unknown): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `The block ${cid} is no part of a file or folder`, {
    hint: "Give the CID of a file or folder that was made by put, car import or `ipfs add --cid-version=1`.",
    ...(cause === undefined ? {} : { cause }),
  });

/** A CID of the kinds that are known here; the library's own way keeps each text it made, in a map of weak keys. */
function textOf({ version, code, multihash }: CID): string | undefined {
  const codec = code === RAW ? "raw" : code === DAG_PB ? "dag-pb" : undefined;
  const isKnown = version === 1 && multihash.code === SHA_256 && multihash.digest.length === 32;
  return isKnown && codec !== undefined ? cidOfDigest(multihash.digest, codec) : undefined;
}

function linksOf(cid: string, node: PBNode): Link[] {
  return node.Links.map(({ Name, Tsize, Hash }) => {
    const child = textOf(Hash);
    if (child === undefined) throw malformed(cid);
    return { name: Name ?? "", cid: child, treeBytes: Tsize ?? 0 };
  });
}

function partsOf(cid: string, links: readonly Link[], sizes: readonly bigint[]): Part[] {
  if (links.length !== sizes.length) throw malformed(cid);
  return links.map((link, index) => ({ cid: link.cid, bytes: Number(sizes[index]) }));
}

/**
 * Takes a block apart.
 * @throws MusketeersError `BAD_ARGUMENT` where it is no part of a UnixFS tree.
 */
export function decodeNode(cid: string, block: Uint8Array): Node {
  if (codecOf(cid) === "raw") return { kind: "file", bytes: block.length, content: block, parts: [] };
  let node: PBNode;
  let unixfs: UnixFS;
  try {
    node = decode(block);
    unixfs = UnixFS.unmarshal(node.Data ?? new Uint8Array(0));
  } catch (cause) {
    throw malformed(cid, cause);
  }
  const links = linksOf(cid, node);
  switch (unixfs.type) {
    case "file":
    case "raw":
    // What a link holds is where it leads, and no more than that: nothing is made that follows it.
    case "symlink": {
      const content = unixfs.data ?? new Uint8Array(0);
      const parts = partsOf(cid, links, unixfs.blockSizes);
      const bytes = parts.reduce((sum, part) => sum + part.bytes, content.length);
      if (!Number.isSafeInteger(bytes)) throw malformed(cid);
      return { kind: "file", bytes, content, parts };
    }
    case "directory":
      return { kind: "folder", links };
    case "hamt-sharded-directory":
      return { kind: "shard", links, fanout: Number(unixfs.fanout ?? 0n) };
    default:
      throw malformed(cid);
  }
}
