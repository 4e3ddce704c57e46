import { MusketeersError } from "../protocol/index.ts";
import { concatBytes } from "./bytes.ts";
import { type Codec, cidOfDigest, parseCid } from "./cid.ts";

/*
 * Many blocks in one body: each is version, codec, hash and length of the digest (a CID in bytes), the
 * digest, its length (4 bytes, little endian) and its bytes.
 */

const DIGEST_BYTES = 32;
const CID_BYTES = 4 + DIGEST_BYTES;
const HEADER_BYTES = CID_BYTES + 4;

const codecNumbers: Readonly<Record<Codec, number>> = { raw: 0x55, "dag-pb": 0x70 };

/** The bytes that stand before a block. */
export function blockHeader(cid: string, bytes: number): Uint8Array {
  const { codec, digest } = parseCid(cid);
  const header = new Uint8Array(HEADER_BYTES);
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

const malformed = (why: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `A batch of blocks ${why}`);

function parseHeader(header: Uint8Array): { cid: string; bytes: number } {
  const codec = (["raw", "dag-pb"] as const).find((each) => codecNumbers[each] === header[1]);
  if (header[0] !== 1 || codec === undefined || header[2] !== 0x12 || header[3] !== DIGEST_BYTES) {
    throw malformed("names one of a kind that is not known here");
  }
  const bytes = new DataView(header.buffer, header.byteOffset).getUint32(CID_BYTES, true);
  return { cid: cidOfDigest(header.slice(4, CID_BYTES), codec), bytes };
}

/** Gathers exactly so many bytes out of parts that come as they like. */
class Parts {
  readonly #parts: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]();
  }

  /**
   * Fills an array; undefined at the end of the parts.
   * @throws MusketeersError `PROTOCOL` for an end in between.
   */
  async fill(taken: Uint8Array): Promise<Uint8Array | undefined> {
    const { length } = taken;
    let filled = 0;
    for (;;) {
      const part = this.#rest.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
      if (filled === length) return taken;
      const next = await this.#parts.next();
      if (next.done === true) {
        if (filled === 0) return undefined;
        throw malformed("ends in the middle");
      }
      this.#rest = next.value;
    }
  }

  async close(): Promise<void> {
    await this.#parts.return?.();
  }
}

/** Memory for blocks, one for each body that is taken apart; what lives as long as a body is no young garbage. */
const spares: Uint8Array[] = [];
const SPARES_MAX = 8;

export interface UnpackOptions {
  /** The bytes of a block are good until the next is asked for: then they are used again. */
  readonly reuse?: boolean;
  /** Gives memory for the bytes of a block; new one where it is not said. */
  readonly room?: (length: number) => Uint8Array;
}

/**
 * The blocks of a body, one by one. Their names are what the sender says: nothing is verified here.
 * @throws MusketeersError `PROTOCOL`, `LIMIT_EXCEEDED` for a block over `blockBytesMax`; what the body throws.
 */
export async function* unpackBlocks(
  body: AsyncIterable<Uint8Array>,
  blockBytesMax: number,
  { reuse = false, room: newRoom = (length) => new Uint8Array(length) }: UnpackOptions = {},
): AsyncGenerator<BatchBlock, void, undefined> {
  const parts = new Parts(body);
  let scratch = (reuse && spares.pop()) || new Uint8Array(0);
  const room = (length: number): Uint8Array => {
    if (!reuse) return newRoom(length);
    if (scratch.length < length) scratch = new Uint8Array(length);
    return scratch.subarray(0, length);
  };
  try {
    for (;;) {
      const header = await parts.fill(new Uint8Array(HEADER_BYTES));
      if (header === undefined) return;
      const { cid, bytes: length } = parseHeader(header);
      if (length > blockBytesMax) {
        throw new MusketeersError("LIMIT_EXCEEDED", `A block of ${length} bytes is over blockBytesMax`);
      }
      const bytes = length === 0 ? new Uint8Array(0) : await parts.fill(room(length));
      if (bytes === undefined) throw malformed("ends in the middle");
      yield { cid, bytes };
    }
  } finally {
    if (reuse && scratch.length > 0 && spares.length < SPARES_MAX) spares.push(scratch);
    await parts.close();
  }
}
