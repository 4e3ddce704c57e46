import { sha256 } from "@noble/hashes/sha2.js";
import { MusketeersError } from "../protocol/index.ts";

/*
 * Names of bytes: CIDv1, SHA-256, base 32, and one of two codecs, as `ipfs add --cid-version=1` names blocks:
 * raw for what is nothing but bytes, dag-pb for the nodes of files and folders above them.
 */

/** What a block holds: bytes, or a node that links to others. */
export type Codec = "raw" | "dag-pb";

/** Numbers of multicodec's table. */
const codecNumbers: Readonly<Record<Codec, number>> = { raw: 0x55, "dag-pb": 0x70 };
const SHA_256 = 0x12;
/** What stands before a digest: version, codec, hash and length. */
const heads: Readonly<Record<Codec, readonly number[]>> = {
  raw: [1, codecNumbers.raw, SHA_256, 32],
  "dag-pb": [1, codecNumbers["dag-pb"], SHA_256, 32],
};

/** Version, codec and hash fix the first characters, the padding bits fix the last. */
const cidPattern = /^baf(?:kre|ybe)i[a-h][a-z2-7]{50}[aeimquy4]$/;
const DAG_PB_START = "bafybe";

/** Node's hash where this is Node (it uses the processor's instructions), else the library's. */
const native = globalThis.process?.getBuiltinModule?.("node:crypto");

/** Hashes bytes as they come. */
export interface CidHasher {
  update(bytes: Uint8Array): CidHasher;
  /** The CID of everything so far; ends the hasher. */
  cid(): string;
}

/** Base 32 of RFC 4648 in lower case without padding, behind the letter that says so in multibase. */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const MULTIBASE = "b";
const CHARACTER_BITS = 5;
const DIGEST_BYTES = 32;
const HEAD_BYTES = 4;

const values = new Uint8Array(128);
for (let value = 0; value < ALPHABET.length; value++) values[ALPHABET.charCodeAt(value)] = value;

/**
 * The CID of a block with a SHA-256 digest (32 bytes). Names are made and taken apart for every block that comes or
 * goes; the library, which knows all kinds, takes ten times as long.
 */
export function cidOfDigest(digest: Uint8Array, codec: Codec = "raw"): string {
  let text = MULTIBASE;
  let bits = 0;
  let held = 0;
  for (let at = 0; at < HEAD_BYTES + DIGEST_BYTES; at++) {
    held = (held << 8) | (at < HEAD_BYTES ? heads[codec][at]! : digest[at - HEAD_BYTES]!);
    for (bits += 8; bits >= CHARACTER_BITS; ) {
      bits -= CHARACTER_BITS;
      text += ALPHABET[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (CHARACTER_BITS - bits)) & 31];
}

/** The digest in a text that is a CID. */
function digestIn(cid: string): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES);
  let bits = 0;
  let held = 0;
  let at = -HEAD_BYTES;
  for (let index = MULTIBASE.length; index < cid.length; index++) {
    held = (held << CHARACTER_BITS) | values[cid.charCodeAt(index)]!;
    bits += CHARACTER_BITS;
    if (bits < 8) continue;
    bits -= 8;
    if (at >= 0) digest[at] = held >> bits;
    at++;
    held &= (1 << bits) - 1;
  }
  return digest;
}

/** A hasher for bytes that come in pieces. */
export function createCidHasher(codec: Codec = "raw"): CidHasher {
  const hash = native?.createHash("sha256") ?? sha256.create();
  const hasher: CidHasher = {
    update(bytes) {
      hash.update(bytes);
      return hasher;
    },
    cid: () => cidOfDigest(hash.digest(), codec),
  };
  return hasher;
}

/** The CID of bytes as a block of a codec. */
export const cidOf = (bytes: Uint8Array, codec: Codec = "raw"): string =>
  createCidHasher(codec).update(bytes).cid();

/** What a CID says that its block holds; of no use for what is no CID. */
export const codecOf = (cid: string): Codec => (cid.startsWith(DAG_PB_START) ? "dag-pb" : "raw");

/** A hasher whose CID is this one if the bytes are those that it names. */
export const createHasherFor = (cid: string): CidHasher => createCidHasher(codecOf(cid));

/** Whether these are the bytes that a CID names. */
export const isNamedBy = (bytes: Uint8Array, cid: string): boolean => cidOf(bytes, codecOf(cid)) === cid;

/** Whether a text is a CID as this project writes them (and so is also safe as a file name). */
export const isCid = (text: unknown): text is string => typeof text === "string" && cidPattern.test(text);

/**
 * Takes a CID apart.
 * @throws MusketeersError `BAD_ARGUMENT` for what is no SHA-256 CIDv1 of either codec in base 32.
 */
export function parseCid(text: string): {
  readonly cid: string;
  readonly codec: Codec;
  readonly digest: Uint8Array;
} {
  if (!isCid(text)) {
    throw new MusketeersError("BAD_ARGUMENT", `No CID: ${JSON.stringify(String(text).slice(0, 80))}`, {
      hint: "A CID here is CIDv1, raw or dag-pb, SHA-256, base 32: it starts with bafkrei or bafybei and has 59 characters.",
    });
  }
  return { cid: text, codec: codecOf(text), digest: digestIn(text) };
}
