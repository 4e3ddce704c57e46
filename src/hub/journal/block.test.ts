import fc from "fast-check";
import { expect, test } from "vitest";
import { packRecords, sliceRecords } from "../../protocol/index.ts";
import { IndexedBlock, joinBlocks } from "./block.ts";

const anyRecords = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 600 });

/** The matcher for equality looks at large arrays one element at a time, slowly. */
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

test("a slice is what walking the block gives", () => {
  fc.assert(
    fc.property(anyRecords, fc.nat(), fc.nat(), (records, a, b) => {
      const from = a % (records.length + 1);
      const to = from + (b % (records.length - from + 1));
      const bytes = packRecords(records);
      const block = new IndexedBlock(bytes, records.length);
      expect(same(block.slice(from, to), packRecords(records.slice(from, to)))).toBe(true);
      expect(same(block.slice(from, to), sliceRecords(bytes, from, to))).toBe(true);
    }),
  );
});

test("a block that does not hold what was said is refused", () => {
  const bytes = packRecords([new Uint8Array(3), new Uint8Array(4)]);
  for (const count of [0, 1, 3, 1000]) {
    expect(() => new IndexedBlock(bytes, count)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  }
  expect(() => new IndexedBlock(bytes.subarray(0, -1), 2)).toThrow(
    expect.objectContaining({ code: "PROTOCOL" }),
  );
});

test("joined slices are the block", () => {
  const records = Array.from({ length: 500 }, (_, at) => new Uint8Array([at & 255]));
  const block = new IndexedBlock(packRecords(records), 500);
  expect(joinBlocks([block.slice(0, 100), block.slice(100, 101), block.slice(101, 500)])).toEqual(
    block.bytes,
  );
});
