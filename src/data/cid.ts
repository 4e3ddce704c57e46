import { sha256 } from "@noble/hashes/sha2.js";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { MusketeersError } from "../protocol/index.ts";

/*
 * Names of bytes: CIDv1, codec raw, SHA-256, base 32; the same as `ipfs add --cid-version=1 --raw-leaves`
 * gives for what fits into one chunk.
 */

const RAW_CODEC = 0x55;
const SHA_256 = 0x12;

/** Version, codec and hash fix the first characters, the padding bits fix the last. */
const cidPattern = /^bafkrei[a-h][a-z2-7]{50}[aeimquy4]$/;

/** Node's hash where this is Node (it uses the processor's instructions), else the library's. */
const native = globalThis.process?.getBuiltinModule?.("node:crypto");

/** Hashes bytes as they come. */
export interface CidHasher {
  update(bytes: Uint8Array): CidHasher;
  /** The CID of everything so far; ends the hasher. */
  cid(): string;
}

const format = (digest: Uint8Array): string => CID.createV1(RAW_CODEC, create(SHA_256, digest)).toString();

/** A hasher for bytes that come in pieces. */
export function createCidHasher(): CidHasher {
  const hash = native?.createHash("sha256") ?? sha256.create();
  const hasher: CidHasher = {
    update(bytes) {
      hash.update(bytes);
      return hasher;
    },
    cid: () => format(hash.digest()),
  };
  return hasher;
}

/** The CID of bytes. */
export const cidOf = (bytes: Uint8Array): string => createCidHasher().update(bytes).cid();

/** Whether a text is a CID as this project writes them (and so is also safe as a file name). */
export const isCid = (text: unknown): text is string => typeof text === "string" && cidPattern.test(text);

/**
 * Takes a CID apart.
 * @throws MusketeersError `BAD_ARGUMENT` for what is no raw SHA-256 CIDv1 in base 32.
 */
export function parseCid(text: string): { readonly cid: string; readonly digest: Uint8Array } {
  if (!isCid(text)) {
    throw new MusketeersError("BAD_ARGUMENT", `No CID: ${JSON.stringify(String(text).slice(0, 80))}`, {
      hint: "A CID here is CIDv1, raw, SHA-256, base 32: it starts with bafkrei and has 59 characters.",
    });
  }
  return { cid: text, digest: CID.parse(text).multihash.digest };
}
