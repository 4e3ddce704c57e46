import { MusketeersError } from "../../protocol/index.ts";
import { Arena } from "./arena.ts";

/*
 * Keys as bytes whose order is the order of the keys: first by type (null, booleans, numbers, bigints,
 * texts, bytes, dates, lists), then as one expects: numbers by size, texts by their UTF-8, lists element by
 * element. The scheme is that of the tuple layers of ordered key-value stores: a byte for the type, then a
 * form that compares as a whole. What stands at the top needs no end, because a record says its length;
 * inside lists 0 ends texts and bytes, and is written as 0 255 where it is part of them.
 */

/** What a map may emit as a key. */
export type Key = null | boolean | number | bigint | string | Uint8Array | Date | readonly Key[];

const END = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const NUMBER = 4;
const BIGINT = 5;
/** Of texts. */
export const TEXT_TAG = 6;
const BYTES = 7;
const DATE = 8;
const LIST = 9;

const ESCAPE = 0xff;
const DEPTH_MAX = 64;

const number = new DataView(new ArrayBuffer(8));
const untext = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const unfit = (what: string): MusketeersError =>
  new MusketeersError("UNSERIALIZABLE", `${what} cannot be a key`, {
    hint: "Keys are null, booleans, numbers, bigints, texts, bytes, dates, and lists of those.",
  });
const malformed = (what: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `Malformed key: ${what}`);

/** Appends the bytes of a key. @throws MusketeersError `UNSERIALIZABLE` */
export function pushKey(arena: Arena, key: unknown): void {
  if (typeof key === "string") {
    if (!key.isWellFormed()) throw unfit("A text with half a surrogate pair");
    arena.pushByte(TEXT_TAG);
    arena.pushText(key);
  } else if (key instanceof Uint8Array) {
    arena.pushByte(BYTES);
    arena.push(key);
  } else pushPart(arena, key, 0);
}

/** A key inside a list, or one that says itself where it ends. */
function pushPart(arena: Arena, key: unknown, depth: number): void {
  switch (typeof key) {
    case "boolean":
      arena.pushByte(key ? TRUE : FALSE);
      break;
    case "number":
      arena.pushByte(NUMBER);
      pushNumber(arena, key);
      break;
    case "bigint":
      arena.pushByte(BIGINT);
      pushBigint(arena, key);
      break;
    case "string": {
      if (!key.isWellFormed()) throw unfit("A text with half a surrogate pair");
      arena.pushByte(TEXT_TAG);
      const start = arena.length;
      arena.pushText(key);
      endEscaped(arena, start);
      break;
    }
    case "object":
      pushObject(arena, key, depth);
      break;
    default:
      throw unfit(`A value of type ${typeof key}`);
  }
}

function pushObject(arena: Arena, key: object | null, depth: number): void {
  if (key === null) {
    arena.pushByte(NULL);
  } else if (key instanceof Uint8Array) {
    arena.pushByte(BYTES);
    const start = arena.length;
    arena.push(key);
    endEscaped(arena, start);
  } else if (key instanceof Date) {
    arena.pushByte(DATE);
    pushNumber(arena, key.getTime());
  } else if (!Array.isArray(key)) {
    throw unfit(`A value like ${Object.prototype.toString.call(key)}`);
  } else if (depth >= DEPTH_MAX) {
    throw unfit("A list that is too deep");
  } else {
    arena.pushByte(LIST);
    for (const part of key) pushPart(arena, part, depth + 1);
    arena.pushByte(END);
  }
}

/** The bits of a number so that they compare as it does: those of negative ones turned, else the sign. */
function pushNumber(arena: Arena, value: number): void {
  number.setFloat64(0, value === 0 ? 0 : value);
  const high = number.getUint32(0);
  const low = number.getUint32(4);
  const isNegative = high >= 0x8000_0000 && !Number.isNaN(value);
  number.setUint32(0, isNegative ? ~high : Number.isNaN(value) ? 0xfff8_0000 : high | 0x8000_0000);
  number.setUint32(4, isNegative ? ~low : Number.isNaN(value) ? 0 : low);
  arena.push(new Uint8Array(number.buffer));
}

/** Sign, length, digits; all of them turned where it is negative. */
function pushBigint(arena: Arena, value: bigint): void {
  const isNegative = value < 0n;
  const hex = value === 0n ? "" : (isNegative ? -value : value).toString(16);
  const digits = hex.padStart(hex.length + (hex.length & 1), "0");
  const length = digits.length / 2;
  const turn = isNegative ? 0xff : 0;
  arena.reserve(5 + length);
  arena.pushByte(isNegative ? 0 : 1);
  for (let shift = 24; shift >= 0; shift -= 8) arena.pushByte(((length >>> shift) & 0xff) ^ turn);
  for (let at = 0; at < digits.length; at += 2) {
    arena.pushByte(Number.parseInt(digits.slice(at, at + 2), 16) ^ turn);
  }
}

/** Writes an escape behind each 0 from `start` on, and a 0 at the end. */
function endEscaped(arena: Arena, start: number): void {
  const plain = arena.bytes.subarray(start, arena.length);
  if (plain.includes(0)) {
    const copy = plain.slice();
    arena.length = start;
    for (const byte of copy) {
      arena.pushByte(byte);
      if (byte === 0) arena.pushByte(ESCAPE);
    }
  }
  arena.pushByte(END);
}

/** The bytes of a key. @throws MusketeersError `UNSERIALIZABLE` for what cannot be one. */
export function encodeKey(key: unknown): Uint8Array {
  const arena = new Arena(32);
  pushKey(arena, key);
  return arena.take();
}

/** The other way. @throws MusketeersError `PROTOCOL` */
export function decodeKey(bytes: Uint8Array): Key {
  if (bytes[0] === TEXT_TAG) return textIn(bytes.subarray(1));
  if (bytes[0] === BYTES) return bytes.slice(1);
  const reader = new KeyReader(bytes);
  const key = reader.read(0);
  if (reader.at !== bytes.length) throw malformed("something behind it");
  return key;
}

function textIn(bytes: Uint8Array): string {
  try {
    return untext.decode(bytes);
  } catch {
    throw malformed("a text that is no UTF-8");
  }
}

class KeyReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(depth: number): Key {
    switch (this.#bytes[this.at++]) {
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NUMBER:
        return this.#number();
      case BIGINT:
        return this.#bigint();
      case TEXT_TAG:
        return textIn(this.#escaped());
      case BYTES:
        return this.#escaped();
      case DATE:
        return new Date(this.#number());
      case LIST:
        return this.#list(depth);
      default:
        throw malformed("no type of keys");
    }
  }

  #list(depth: number): Key[] {
    if (depth >= DEPTH_MAX) throw malformed("too deep");
    const list: Key[] = [];
    while (this.#bytes[this.at] !== END) list.push(this.read(depth + 1));
    this.at++;
    return list;
  }

  #take(count: number): Uint8Array {
    const taken = this.#bytes.subarray(this.at, this.at + count);
    if (taken.length < count) throw malformed("cut");
    this.at += count;
    return taken;
  }

  #number(): number {
    const bytes = this.#take(8);
    const isNegative = bytes[0]! < 0x80;
    for (let at = 0; at < 8; at++) number.setUint8(at, isNegative ? bytes[at]! ^ 0xff : bytes[at]!);
    if (!isNegative) number.setUint8(0, bytes[0]! & 0x7f);
    return number.getFloat64(0);
  }

  #bigint(): bigint {
    const isNegative = this.#take(1)[0] === 0;
    const turn = isNegative ? 0xff : 0;
    let length = 0;
    for (const byte of this.#take(4)) length = length * 256 + (byte ^ turn);
    let hex = "0";
    for (const byte of this.#take(length)) hex += (byte ^ turn).toString(16).padStart(2, "0");
    const size = BigInt(`0x${hex}`);
    return isNegative ? -size : size;
  }

  #escaped(): Uint8Array {
    const found: number[] = [];
    for (;;) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw malformed("cut");
      if (byte === END) {
        if (this.#bytes[this.at] !== ESCAPE) return Uint8Array.from(found);
        this.at++;
      }
      found.push(byte);
    }
  }
}

/** The order of two keys' bytes: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const difference = a[at]! - b[at]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export const HASH_START = 0x811c_9dc5;
export const HASH_PRIME = 0x0100_0193;

/** What is left of a running FNV-1a hash, mixed so that all of its bits depend on all. */
export function finishHash(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** FNV-1a (32 bits) of `bytes[start..end)`, with MurmurHash3's finish. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_START;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, HASH_PRIME);
  return finishHash(hash);
}

/** Which partition a key's bytes belong to; the same everywhere and always. */
export const partitionOf = (key: Uint8Array, partitions: number): number =>
  hashBytes(key, 0, key.length) % partitions;
