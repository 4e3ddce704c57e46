import { decode, encode } from "cborg";
import { concatBytes, transcript } from "./bytes.ts";
import { KEY_BYTES, SIGNATURE_BYTES, sign, verify } from "./ed25519.ts";

/* A CBOR list of fields with a signature behind it: the form of all that is signed along a project's chain. */

/** Signs a list; the domain says what for, so that nothing signed for one purpose serves another. */
export function signList(fields: readonly unknown[], domain: string, secretKey: Uint8Array): Uint8Array {
  const payload = encode(fields);
  return concatBytes(payload, sign(transcript(domain, payload), secretKey));
}

/** The fields of a list that this key signed for this purpose; undefined for anything else. */
export function openList(
  bytes: Uint8Array,
  domain: string,
  publicKey: Uint8Array,
): readonly unknown[] | undefined {
  const cut = bytes.length - SIGNATURE_BYTES;
  if (cut <= 0) return undefined;
  const payload = bytes.subarray(0, cut);
  if (!verify(bytes.subarray(cut), transcript(domain, payload), publicKey)) return undefined;
  return decodeList(payload);
}

/** The fields of an encoded list; undefined for anything else. */
export function decodeList(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const fields: unknown = decode(bytes, { allowIndefinite: false, strict: true });
    return Array.isArray(fields) ? fields : undefined;
  } catch {
    return undefined;
  }
}

export const isText = (value: unknown, lengthMax: number): value is string =>
  typeof value === "string" && value.length <= lengthMax;
export const isKey = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.length === KEY_BYTES;
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
export const isTexts = (value: unknown, countMax: number, lengthMax: number): value is readonly string[] =>
  Array.isArray(value) && value.length <= countMax && value.every((item) => isText(item, lengthMax));
