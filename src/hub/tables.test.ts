import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteLru } from "../data/index.ts";
import { parseByteRange } from "./http.ts";
import { NumberTable, PIECE_ROWS } from "./journal/numbers.ts";

test("a number table finds the row that holds a value", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1000), { maxLength: 50 }), fc.nat(1100), (values, value) => {
      const sorted = values.toSorted((a, b) => a - b);
      const table = new NumberTable(2);
      for (const start of sorted) table.push(start, start * 2);
      expect(table.rows).toBe(sorted.length);
      expect(table.lastAtMost(value)).toBe(sorted.findLastIndex((start) => start <= value));
      for (let row = 0; row < table.rows; row++) expect(table.at(row, 1)).toBe(sorted[row]! * 2);
    }),
  );
});

test("a number table that is taken apart and put together again is the same", () => {
  fc.assert(
    fc.property(fc.nat(3 * PIECE_ROWS), fc.nat(PIECE_ROWS), (rows, offset) => {
      const table = new NumberTable(2, Uint32Array);
      for (let row = 0; row < rows; row++) table.push(row, row * 3);
      const copy = new NumberTable(2, Uint32Array);
      // Pieces of the copy need not be those that it came in.
      for (let from = 0; from < rows; ) {
        const to = Math.min(rows, from === 0 ? Math.max(1, offset) : from + PIECE_ROWS);
        copy.pushBytes(table.bytes(from, to));
        from = to;
      }
      expect(copy.rows).toBe(rows);
      expect(Buffer.compare(Buffer.from(copy.bytes(0, rows)), Buffer.from(table.bytes(0, rows)))).toBe(0);
      for (const row of [0, offset, rows - 1])
        if (row >= 0 && row < rows) expect(copy.at(row, 1)).toBe(row * 3);
    }),
    { numRuns: 30 },
  );
  expect(() => new NumberTable(2).pushBytes(new Uint8Array(8))).toThrow(RangeError);
});

test("the least recently used goes first; the bytes stay below the bound, the newest apart", () => {
  const lru = new ByteLru<string, number>(10, (size) => size, { keepsNewest: true });
  lru.set("a", 4);
  lru.set("b", 4);
  expect(lru.get("a")).toBe(4);
  lru.set("c", 4);
  expect(lru.get("b")).toBeUndefined();
  expect(lru.get("a")).toBe(4);
  lru.set("huge", 11);
  expect([lru.get("a"), lru.get("c"), lru.get("huge")]).toEqual([undefined, undefined, 11]);
  lru.set("d", 4);
  expect([lru.get("huge"), lru.get("d")]).toEqual([undefined, 4]);
});

test("byte ranges of HTTP", () => {
  expect(parseByteRange("bytes=0-9", 100)).toEqual({ start: 0, end: 10 });
  expect(parseByteRange("bytes=90-", 100)).toEqual({ start: 90, end: 100 });
  expect(parseByteRange("bytes=-10", 100)).toEqual({ start: 90, end: 100 });
  expect(parseByteRange("bytes=50-1000", 100)).toEqual({ start: 50, end: 100 });
  for (const wrong of ["bytes=100-", "bytes=-", "bytes=5-4", "lines=0-1", "bytes=0-1,3-4"]) {
    expect(parseByteRange(wrong, 100)).toBeUndefined();
  }
});
