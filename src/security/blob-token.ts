import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes, transcript } from "./bytes.ts";

/*
 * The right to fetch one blob from one worker: what the hub makes with a key that it shares with that
 * worker, and what the worker checks without asking anybody. A token names the blob, the address of who may
 * use it and when it ends, by the serving worker's clock: `<end in ms>.<MAC>`.
 */

const DOMAIN = "musketeers blob 1";
const MAC_BYTES = 16;

/** What a token allows. */
export interface BlobPass {
  readonly cid: string;
  /** IP address from which it may be used. */
  readonly address: string;
  readonly untilMs: number;
}

const utf8 = new TextEncoder();

function macOf(key: Uint8Array, { cid, address, untilMs }: BlobPass): Uint8Array {
  const text = utf8.encode(JSON.stringify([cid, address, untilMs]));
  return hmac(sha256, key, transcript(DOMAIN, text)).subarray(0, MAC_BYTES);
}

const hex = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
};

/** Makes the token for a pass; its end is rounded to milliseconds. */
export function signBlobPass(pass: BlobPass, key: Uint8Array): string {
  const whole = { ...pass, untilMs: Math.floor(pass.untilMs) };
  return `${whole.untilMs}.${hex(macOf(key, whole))}`;
}

const TOKEN = /^(\d{1,16})\.([0-9a-f]{32})$/;

/** Whether a token allows to fetch this blob from this address at this time. */
export function checkBlobPass(
  token: string,
  { cid, address, nowMs }: { readonly cid: string; readonly address: string; readonly nowMs: number },
  key: Uint8Array,
): boolean {
  const [, end, mac] = TOKEN.exec(token) ?? [];
  if (end === undefined || mac === undefined || Number(end) < nowMs) return false;
  const expected = hex(macOf(key, { cid, address, untilMs: Number(end) }));
  return equalBytes(utf8.encode(mac), utf8.encode(expected));
}
