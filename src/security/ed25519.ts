import {
  hashes,
  getPublicKey as nobleGetPublicKey,
  sign as nobleSign,
  verify as nobleVerify,
} from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { type RandomBytes, randomBytes } from "./random.ts";

/*
 * Ed25519 (RFC 8032). Secret keys are 32-byte seeds, public keys 32 bytes, signatures 64 bytes. In Node
 * the work is OpenSSL's, some twenty times faster, which counts when ten thousand workers come back at
 * once; browsers outside HTTPS have no `crypto.subtle`, so there a library does it.
 */

hashes.sha512 = sha512;

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** The three operations, whoever does them. */
export interface Ed25519 {
  publicKeyOf(secretKey: Uint8Array): Uint8Array;
  sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array;
  /** False for anything that is no valid signature, also of a wrong length. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

const shaped = (signature: Uint8Array, publicKey: Uint8Array): boolean =>
  signature.length === SIGNATURE_BYTES && publicKey.length === KEY_BYTES;

export const portableEd25519: Ed25519 = {
  publicKeyOf: (secretKey) => nobleGetPublicKey(secretKey),
  sign: (message, secretKey) => nobleSign(message, secretKey),
  verify(signature, message, publicKey) {
    if (!shaped(signature, publicKey)) return false;
    try {
      return nobleVerify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};

/** DER around a raw key: PKCS #8 for seeds, SPKI for public keys (RFC 8410). */
const pkcs8Prefix = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]);
const spkiPrefix = Uint8Array.from([48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0]);

/** Node's, where this is Node; found at run time so that pages can load this file. */
export function nativeEd25519(): Ed25519 | undefined {
  const native = globalThis.process?.getBuiltinModule?.("node:crypto");
  if (native === undefined) return undefined;
  const { createPrivateKey, createPublicKey, sign, verify } = native;
  const der = (prefix: Uint8Array, key: Uint8Array): Buffer => Buffer.concat([prefix, key]);
  const secret = (key: Uint8Array) =>
    createPrivateKey({ key: der(pkcs8Prefix, key), format: "der", type: "pkcs8" });
  return {
    publicKeyOf: (secretKey) =>
      new Uint8Array(
        createPublicKey(secret(secretKey)).export({ format: "der", type: "spki" }).subarray(-KEY_BYTES),
      ),
    sign: (message, secretKey) => new Uint8Array(sign(null, message, secret(secretKey))),
    verify(signature, message, publicKey) {
      if (!shaped(signature, publicKey)) return false;
      try {
        const key = createPublicKey({ key: der(spkiPrefix, publicKey), format: "der", type: "spki" });
        return verify(null, message, key, signature);
      } catch {
        return false;
      }
    },
  };
}

const ed25519: Ed25519 = nativeEd25519() ?? portableEd25519;

/** The public key of a 32-byte secret key. */
export const publicKeyOf = (secretKey: Uint8Array): Uint8Array => ed25519.publicKeyOf(secretKey);
export const sign = (message: Uint8Array, secretKey: Uint8Array): Uint8Array =>
  ed25519.sign(message, secretKey);
export const verify = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean =>
  ed25519.verify(signature, message, publicKey);

/** A new secret key. */
export const newSecretKey = (random: RandomBytes = randomBytes): Uint8Array => random(KEY_BYTES);
