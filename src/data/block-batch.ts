import { MusketeersError } from "../protocol/index.ts";
import { concatBytes } from "./bytes.ts";
import { type Codec, cidOfDigest, parseCid } from "./cid.ts";

/*
 * Many blocks in one body: each is version, codec, hash and length of the digest (a CID in bytes), the
 * digest, its length (4 bytes, little endian) and its bytes.
 */

const DIGEST_BYTES = 32;
const CID_BYTES = 4 + DIGEST_BYTES;
/** Of what stands before a block. */
export const BLOCK_HEADER_BYTES = CID_BYTES + 4;

const codecNumbers: Readonly<Record<Codec, number>> = { raw: 0x55, "dag-pb": 0x70 };

/** The bytes that stand before a block. */
export function blockHeader(cid: string, bytes: number): Uint8Array {
  const { codec, digest } = parseCid(cid);
  const header = new Uint8Array(BLOCK_HEADER_BYTES);
  header.set([1, codecNumbers[codec], 0x12, DIGEST_BYTES]);
  header.set(digest, 4);
  new DataView(header.buffer).setUint32(CID_BYTES, bytes, true);
  return header;
}

export interface BatchBlock {
  readonly cid: string;
  readonly bytes: Uint8Array;
}

/** The body that holds these. */
export const packBlocks = (blocks: readonly BatchBlock[]): Uint8Array => {
  const parts = blockParts(blocks);
  return concatBytes(
    parts,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
};

/** The same body in parts, without a copy. */
export const blockParts = (blocks: readonly BatchBlock[]): Uint8Array[] =>
  blocks.flatMap(({ cid, bytes }) => [blockHeader(cid, bytes.length), bytes]);

export const malformedBatch = (why: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `A batch of blocks ${why}`);

/**
 * What the bytes before a block say.
 * @throws MusketeersError `PROTOCOL`
 */
export function parseBlockHeader(header: Uint8Array): { cid: string; bytes: number } {
  const codec = (["raw", "dag-pb"] as const).find((each) => codecNumbers[each] === header[1]);
  if (header[0] !== 1 || codec === undefined || header[2] !== 0x12 || header[3] !== DIGEST_BYTES) {
    throw malformedBatch("names one of a kind that is not known here");
  }
  const bytes = new DataView(header.buffer, header.byteOffset).getUint32(CID_BYTES, true);
  return { cid: cidOfDigest(header.slice(4, CID_BYTES), codec), bytes };
}
