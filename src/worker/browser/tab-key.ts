import { type KeySigner, newSecretKey } from "../../security/index.ts";
import type { TabStore } from "./tab-store.ts";

/* The part of Web Cryptography that is used here; see W3C Web Cryptography Level 2, section 29, Ed25519. */

interface KeyPair {
  readonly privateKey: object;
  readonly publicKey: object;
}

interface Subtle {
  generateKey(algorithm: "Ed25519", extractable: false, usages: readonly ["sign"]): Promise<KeyPair>;
  exportKey(format: "raw", key: object): Promise<ArrayBuffer>;
  sign(algorithm: "Ed25519", key: object, message: Uint8Array): Promise<ArrayBuffer>;
}

const NAME = "machineKey";

const isKeyPair = (value: unknown): value is KeyPair =>
  typeof value === "object" && value !== null && "privateKey" in value && "publicKey" in value;

async function signerOf(subtle: Subtle, { publicKey, privateKey }: KeyPair): Promise<KeySigner> {
  return {
    publicKey: new Uint8Array(await subtle.exportKey("raw", publicKey)),
    sign: async (message) => new Uint8Array(await subtle.sign("Ed25519", privateKey, message)),
  };
}

/** A new key that no script can read, where this browser makes such. */
async function newKeyPair(subtle: Subtle | undefined): Promise<KeyPair | undefined> {
  try {
    return await subtle?.generateKey("Ed25519", false, ["sign"]);
  } catch {
    return undefined;
  }
}

/**
 * The key of this browser, made once and kept by it: one that no script can read, where there is `crypto.subtle` (so not
 * without HTTPS) and it knows Ed25519; else its bytes.
 */
export async function tabKey(store: Pick<TabStore, "get" | "set">): Promise<Uint8Array | KeySigner> {
  const { subtle } = globalThis.crypto as unknown as { readonly subtle?: Subtle };
  const kept = await store.get(NAME);
  if (kept instanceof Uint8Array) return kept;
  if (subtle !== undefined && isKeyPair(kept)) return signerOf(subtle, kept);
  const pair = await newKeyPair(subtle);
  const made = pair ?? newSecretKey();
  await store.set(NAME, made);
  return subtle !== undefined && isKeyPair(made) ? signerOf(subtle, made) : (made as Uint8Array);
}
