import { decode, encode } from "cborg";
import { MusketeersError } from "../protocol/index.ts";
import { concatBytes, transcript } from "./bytes.ts";
import { SIGNATURE_BYTES, sign, verify } from "./ed25519.ts";

/*
 * What a hub signed so that it can be kept by others and given back: a CBOR list of what it is about, a number
 * that rises from one to the next, and the content, with the hub's signature behind it.
 */

const DOMAIN = "musketeers statement 1";
/** About the datasets of a hub. */
export const CATALOGUE = "catalogue";
/** About those who work for it. */
export const ACCOUNTS = "accounts";

export interface Statement {
  /** What kind of statement it is; one of a kind is never taken for another. */
  readonly about: string;
  /** Of two about the same the one with the larger number holds. */
  readonly sequence: number;
  readonly content: Uint8Array;
}

/** Signs a statement with the hub's secret key. */
export function signStatement({ about, sequence, content }: Statement, secretKey: Uint8Array): Uint8Array {
  const payload = encode([about, sequence, content]);
  return concatBytes(payload, sign(transcript(DOMAIN, payload), secretKey));
}

const wrong = (why: string, cause?: unknown): MusketeersError =>
  new MusketeersError("UNAUTHORIZED", `This is no statement of the hub: ${why}`, {
    cause,
    hint: "It was made by another hub, or damaged on its way.",
  });

/**
 * Reads a statement and checks that the hub of this key signed it.
 * @throws MusketeersError `UNAUTHORIZED`
 */
export function openStatement(bytes: Uint8Array, about: string, publicKey: Uint8Array): Statement {
  const cut = bytes.length - SIGNATURE_BYTES;
  if (cut <= 0) throw wrong("it is too short");
  const payload = bytes.subarray(0, cut);
  if (!verify(bytes.subarray(cut), transcript(DOMAIN, payload), publicKey)) throw wrong("its key is another");
  let fields: unknown;
  try {
    fields = decode(payload, { allowIndefinite: false, strict: true });
  } catch (cause) {
    throw wrong((cause as Error).message, cause);
  }
  const [kind, sequence, content] = Array.isArray(fields) ? fields : [];
  if (kind !== about) throw wrong("it is about something else");
  if (!Number.isSafeInteger(sequence) || !(content instanceof Uint8Array)) throw wrong("a field is missing");
  return { about, sequence, content };
}
