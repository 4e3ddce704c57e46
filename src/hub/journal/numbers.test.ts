import fc from "fast-check";
import { expect, test } from "vitest";
import { NumberTable, PIECE_ROWS } from "./numbers.ts";

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
