import {
  type DecodeOptions,
  decode,
  decodeFirst,
  type EncodeOptions,
  encode,
  objectToTokens,
  rfc8949EncodeOptions,
  Token,
  Type,
} from "cborg";
import * as taglib from "cborg/taglib";
import { MusketeersError } from "./errors.ts";
import { asFileValue, type FileRef, fileRefItems, fileRefOf, parseFileRef, TAG_FILE } from "./file-ref.ts";

/*
 * The canonical encoding of users' values: CBOR in its deterministic form (RFC 8949, 4.2) with the
 * registered tags for what JavaScript adds. Equal values give equal bytes, because results of strangers
 * are compared by bytes: object keys are sorted, -0 and NaN have one form each, numbers take their
 * shortest form. A `Map` or `Set` is an ordered thing, so its order is part of its value.
 */

const TAG_CLASS = 27;
const TAG_URI = 32;
/** IPLD's tag for a CID; a record that starts with it stands for a value that travels as a blob. */
export const TAG_CID = 42;

type TypeEncoder = NonNullable<EncodeOptions["typeEncoders"]>[string];

const encodeMap: TypeEncoder = (map: Map<unknown, unknown>, _type, options, refs) => {
  const entries = [];
  for (const [key, value] of map) {
    entries.push([objectToTokens(key, options, refs), objectToTokens(value, options, refs)]);
  }
  return [new Token(Type.tag, taglib.TAG_MAP), new Token(Type.map, map.size), entries.flat()];
};

const encodeSet: TypeEncoder = (set: Set<unknown>, _type, options, refs) => [
  new Token(Type.tag, taglib.TAG_SET),
  new Token(Type.array, set.size),
  [...set].map((value) => objectToTokens(value, options, refs)),
];

/** Errors travel as name and message; where their stack matters, see `failure.ts`. */
const encodeError: TypeEncoder = (error: Error) => [
  new Token(Type.tag, TAG_CLASS),
  new Token(Type.array, 2),
  new Token(Type.string, error.name),
  new Token(Type.string, error.message),
];

/** UTF-8 has no half of a surrogate pair; a text that has one travels as its UTF-16. */
const encodeString: TypeEncoder = (text: string) => {
  if (text.isWellFormed()) return null;
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), true);
  return [
    new Token(Type.tag, TAG_CLASS),
    new Token(Type.array, 2),
    new Token(Type.string, "String"),
    new Token(Type.bytes, bytes),
  ];
};

function decodeUtf16(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) text += String.fromCharCode(view.getUint16(at, true));
  return text;
}

const encodeArrayBuffer: TypeEncoder = (buffer: ArrayBuffer) => [
  new Token(Type.tag, TAG_CLASS),
  new Token(Type.array, 2),
  new Token(Type.string, "ArrayBuffer"),
  new Token(Type.bytes, new Uint8Array(buffer)),
];

/** Seconds as a float, as the tag has them; of those that round to it, the millisecond that they were made of. */
function decodeDate(decodeTagged: () => unknown): Date {
  const seconds = decodeTagged() as number;
  const ms = Math.round(seconds * 1000);
  return new Date([ms, ms - 1, ms + 1].find((near) => near / 1000 === seconds) ?? ms);
}

const encodeUrl: TypeEncoder = (url: URL) => [new Token(Type.tag, TAG_URI), new Token(Type.string, url.href)];

/** Handles travel as what they refer to; every other object as itself. */
const encodeFile: TypeEncoder = (value: object, _type, options, refs) => {
  const ref = fileRefOf(value);
  if (ref === undefined) return null;
  return [new Token(Type.tag, TAG_FILE), objectToTokens(fileRefItems(ref), options, refs)] as Token[];
};

const encodeOptions: EncodeOptions = {
  ...rfc8949EncodeOptions,
  typeEncoders: {
    Object: encodeFile,
    number: taglib.negativeZeroEncoder,
    bigint: taglib.structBigIntEncoder,
    string: encodeString,
    Date: taglib.dateEncoder,
    RegExp: taglib.regExpEncoder,
    URL: encodeUrl,
    Map: encodeMap,
    Set: encodeSet,
    Error: encodeError,
    ArrayBuffer: encodeArrayBuffer,
    Uint8ClampedArray: taglib.uint8ClampedArrayEncoder,
    Int8Array: taglib.int8ArrayEncoder,
    Uint16Array: taglib.uint16ArrayEncoder,
    Int16Array: taglib.int16ArrayEncoder,
    Uint32Array: taglib.uint32ArrayEncoder,
    Int32Array: taglib.int32ArrayEncoder,
    Float32Array: taglib.float32ArrayEncoder,
    Float64Array: taglib.float64ArrayEncoder,
    BigUint64Array: taglib.bigUint64ArrayEncoder,
    BigInt64Array: taglib.bigInt64ArrayEncoder,
  } as NonNullable<EncodeOptions["typeEncoders"]>,
};

const errorClasses: Record<string, ErrorConstructor> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

function decodeClass(decodeTagged: () => unknown): unknown {
  const [name, content] = decodeTagged() as [string, unknown];
  if (name === "ArrayBuffer") {
    const bytes = content as Uint8Array;
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }
  if (name === "String") return decodeUtf16(content as Uint8Array);
  const error = new (errorClasses[name] ?? Error)(String(content));
  if (error.name !== name) error.name = name;
  error.stack = `${name}: ${error.message}`;
  return error;
}

/** The decoder has one object for all empty byte strings; as members and keys they would fall together. */
const distinct = (value: unknown): unknown =>
  value instanceof Uint8Array && value.length === 0 ? new Uint8Array(0) : value;

const decodeSet = (decodeTagged: () => unknown): Set<unknown> =>
  new Set((decodeTagged() as unknown[]).map(distinct));

const decodeMap = (decodeTagged: { entries(): [unknown, unknown][] }): Map<unknown, unknown> =>
  new Map(decodeTagged.entries().map(([key, value]) => [distinct(key), value]));

/** Decoding does not wait for anything, so one place is enough for how the call at hand makes its files. */
let makeFile: (ref: FileRef) => unknown = asFileValue;

const decodeOptions: DecodeOptions = {
  rejectDuplicateMapKeys: true,
  tags: {
    [taglib.TAG_DATE_EPOCH]: decodeDate,
    [taglib.TAG_BIGINT_POS]: taglib.bigIntDecoder,
    [taglib.TAG_BIGINT_NEG]: taglib.bigNegIntDecoder,
    [taglib.TAG_REGEXP]: taglib.regExpDecoder,
    [taglib.TAG_SET]: decodeSet,
    [taglib.TAG_MAP]: decodeMap,
    [taglib.TAG_UINT8_CLAMPED_ARRAY]: taglib.uint8ClampedArrayDecoder,
    [taglib.TAG_INT8_ARRAY]: taglib.int8ArrayDecoder,
    [taglib.TAG_UINT16_ARRAY_LE]: taglib.uint16ArrayDecoder,
    [taglib.TAG_INT16_ARRAY_LE]: taglib.int16ArrayDecoder,
    [taglib.TAG_UINT32_ARRAY_LE]: taglib.uint32ArrayDecoder,
    [taglib.TAG_INT32_ARRAY_LE]: taglib.int32ArrayDecoder,
    [taglib.TAG_FLOAT32_ARRAY_LE]: taglib.float32ArrayDecoder,
    [taglib.TAG_FLOAT64_ARRAY_LE]: taglib.float64ArrayDecoder,
    [taglib.TAG_BIGUINT64_ARRAY_LE]: taglib.bigUint64ArrayDecoder,
    [taglib.TAG_BIGINT64_ARRAY_LE]: taglib.bigInt64ArrayDecoder,
    [TAG_CLASS]: decodeClass,
    [TAG_FILE]: (decodeTagged: () => unknown) => makeFile(parseFileRef(decodeTagged())),
    [TAG_URI]: (decodeTagged: () => unknown) => new URL(decodeTagged() as string),
  } as NonNullable<DecodeOptions["tags"]>,
};

/**
 * Encodes a structured value canonically.
 * @throws MusketeersError `UNSERIALIZABLE` for functions, symbols, promises, handles and cycles.
 */
export function encodeValue(value: unknown): Uint8Array {
  try {
    return encode(value, encodeOptions);
  } catch (cause) {
    const { message } = cause as Error;
    const type = /unsupported type: (\w+)$/.exec(message)?.[1];
    const reason =
      cause instanceof RangeError
        ? "it is too deep or refers to itself"
        : type === undefined
          ? message
          : `it is or holds what is no data (${type})`;
    throw new MusketeersError("UNSERIALIZABLE", `This value cannot be sent: ${reason}`, { cause });
  }
}

/**
 * Decodes one value; files in it are objects that encode to the same again.
 * @throws MusketeersError `PROTOCOL` for bytes that are no such value.
 */
export const decodeValue = (bytes: Uint8Array): unknown => decodeValueWith(asFileValue, bytes);

/**
 * Decodes one value.
 * @param toFile what stands for a file in it
 * @throws MusketeersError `PROTOCOL` for bytes that are no such value.
 */
export function decodeValueWith(toFile: (ref: FileRef) => unknown, bytes: Uint8Array): unknown {
  const before = makeFile;
  makeFile = toFile;
  try {
    return decode(bytes, decodeOptions);
  } catch (cause) {
    throw new MusketeersError("PROTOCOL", `Not a value: ${(cause as Error).message}`, { cause });
  } finally {
    makeFile = before;
  }
}

/** How a file begins in an encoding. */
const FILE_HEAD = Uint8Array.of(0xd9, TAG_FILE >>> 8, TAG_FILE & 0xff);

/**
 * The files in the encoding of a value, or of several behind each other, without decoding the rest. What only
 * looks like one may be among them: this is for what helps where it is right and does no harm where it is not.
 */
export function* filesIn(bytes: Uint8Array): Generator<FileRef, void, undefined> {
  for (let at = bytes.indexOf(FILE_HEAD[0]!); at >= 0; at = bytes.indexOf(FILE_HEAD[0]!, at + 1)) {
    if (bytes[at + 1] !== FILE_HEAD[1] || bytes[at + 2] !== FILE_HEAD[2]) continue;
    try {
      const [items] = decodeFirst(bytes.subarray(at + FILE_HEAD.length), decodeOptions);
      yield parseFileRef(items);
    } catch {
      // Three bytes of something else.
    }
  }
}
