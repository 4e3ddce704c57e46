import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes, decodeKey, encodeKey, type Key, partitionOf } from "./key.ts";

const { key } = fc.letrec<{ key: Key; leaf: Key }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer({ min: -3, max: 3 }),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.constantFrom("", "\0", "\0\0", "a", "a\0", "a\u0001", "é", "😀", "\uFEFFx", "\uFFFD"),
    fc.uint8Array({ maxLength: 4 }),
    fc.date({ noInvalidDate: true }),
  ),
  key: fc.oneof({ depthSize: "small" }, tie("leaf"), fc.array(tie("key"), { maxLength: 3 })),
}));

const types = ["null", "boolean", "number", "bigint", "string", "bytes", "date", "list"];
function typeOf(value: Key): number {
  if (value === null) return 0;
  if (value instanceof Uint8Array) return types.indexOf("bytes");
  if (value instanceof Date) return types.indexOf("date");
  return types.indexOf(Array.isArray(value) ? "list" : typeof value);
}

const sign = (value: number | bigint) => (value > 0 ? 1 : value < 0 ? -1 : 0);

/** The order of keys as docs/mapreduce.md has it, without any encoding. */
function compareKeys(a: Key, b: Key): number {
  if (typeOf(a) !== typeOf(b)) return sign(typeOf(a) - typeOf(b));
  if (a === null) return 0;
  if (typeof a === "string") return sign(Buffer.compare(Buffer.from(a), Buffer.from(b as string)));
  if (a instanceof Uint8Array) return sign(Buffer.compare(a, b as Uint8Array));
  if (Array.isArray(a)) {
    const other = b as readonly Key[];
    for (let at = 0; at < Math.min(a.length, other.length); at++) {
      const order = compareKeys(a[at], other[at]!);
      if (order !== 0) return order;
    }
    return sign(a.length - other.length);
  }
  const [left, right] = [a, b] as [number, number];
  if (Number.isNaN(left) || Number.isNaN(right))
    return sign(Number(Number.isNaN(left)) - Number(Number.isNaN(right)));
  return left < right ? -1 : left > right ? 1 : 0;
}

describe("keys", () => {
  it("come back as they were, but for the sign of zero", () => {
    const plain = (value: Key): unknown =>
      Array.isArray(value) ? value.map(plain) : typeof value === "number" && value === 0 ? 0 : value;
    fc.assert(
      fc.property(key, (value) => {
        expect(decodeKey(encodeKey(value))).toEqual(plain(value));
      }),
    );
  });

  it("have bytes in the keys' own order", () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(sign(compareBytes(encodeKey(a), encodeKey(b)))).toBe(compareKeys(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  it("go to partitions that never change", () => {
    expect(
      ["the", "and", 1, null, ["a", 2], new Date(0)].map((it) => partitionOf(encodeKey(it), 1024)),
    ).toEqual([437, 371, 918, 135, 305, 920]);
  });

  it("fill all partitions alike", () => {
    const counts = new Array<number>(8).fill(0);
    for (let at = 0; at < 8000; at++) counts[partitionOf(encodeKey(`w${at}`), 8)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
  });

  it("are refused where they are none", () => {
    for (const value of [
      undefined,
      {},
      () => 1,
      Symbol("a"),
      new Map(),
      "\uD800",
      [["\uD800"]],
      [undefined],
    ]) {
      expect(() => encodeKey(value)).toThrowError(expect.objectContaining({ code: "UNSERIALIZABLE" }));
    }
    let deep: Key = [];
    for (let depth = 0; depth < 70; depth++) deep = [deep];
    expect(() => encodeKey(deep)).toThrowError(expect.objectContaining({ code: "UNSERIALIZABLE" }));
  });

  it("are refused as bytes that are none", () => {
    const good = encodeKey(["a", 1, 5n]);
    for (const bytes of [
      new Uint8Array(0),
      good.subarray(0, -1),
      Uint8Array.of(...good, 1),
      Uint8Array.of(4, 1),
      Uint8Array.of(6, 0xff),
      Uint8Array.of(99),
      new Uint8Array(200).fill(9),
    ]) {
      expect(() => decodeKey(bytes)).toThrowError(expect.objectContaining({ code: "PROTOCOL" }));
    }
  });
});
