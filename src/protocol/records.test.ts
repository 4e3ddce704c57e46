import fc from "fast-check";
import { expect, test } from "vitest";
import {
  countRecords,
  eachRecord,
  packRecords,
  prefixBytes,
  RecordReader,
  RecordWriter,
  sliceRecords,
} from "./records.ts";

const record = fc.oneof(
  fc.uint8Array({ maxLength: 10 }),
  fc.constantFrom(127, 128, 16_383, 16_384).map((length) => new Uint8Array(length).fill(7)),
);
const records = fc.array(record, { maxLength: 12 });
/** As text: comparing large arrays byte by byte is slow. */
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const texts = (list: readonly Uint8Array[]) => list.map(text);
const textsIn = (block: Uint8Array) => texts([...eachRecord(block)]);

test("records survive being packed", () => {
  fc.assert(
    fc.property(records, (list) => {
      const block = packRecords(list);
      expect(textsIn(block)).toEqual(texts(list));
      expect(countRecords(block)).toBe(list.length);
      expect(block.length).toBe(list.reduce((sum, { length }) => sum + prefixBytes(length) + length, 0));
    }),
  );
});

test("a slice of a block is the block of the slice, and a view", () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.nat(), (list, a, b) => {
      const block = packRecords(list);
      const [from, to] = [a % (list.length + 1), b % (list.length + 1)].toSorted((x, y) => x - y) as [
        number,
        number,
      ];
      const slice = sliceRecords(block, from, to);
      expect(text(slice)).toBe(text(packRecords(list.slice(from, to))));
      expect(slice.buffer).toBe(block.buffer);
      expect(() => sliceRecords(block, from, list.length + 1)).toThrow(
        expect.objectContaining({ code: "PROTOCOL" }),
      );
    }),
  );
});

test("a writer takes single and packed records in any mixture, and begins anew after each block", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(record, records)), (pieces) => {
      const writer = new RecordWriter(1);
      for (let round = 0; round < 2; round++) {
        for (const piece of pieces) {
          if (Array.isArray(piece)) writer.pushPacked(packRecords(piece), piece.length);
          else writer.push(piece);
        }
        expect(writer.count).toBe(pieces.flat().length);
        const { byteLength } = writer;
        const block = writer.take();
        expect(block.length).toBe(byteLength);
        expect(textsIn(block)).toEqual(texts(pieces.flat()));
        expect([writer.count, writer.byteLength]).toEqual([0, 0]);
      }
    }),
  );
});

test("skipping says how many records there were", () => {
  const reader = new RecordReader(packRecords([new Uint8Array(1), new Uint8Array(200), new Uint8Array(0)]));
  expect(reader.skip(2)).toBe(2);
  expect(reader.offset).toBe(2 + 202);
  expect(reader.skip(5)).toBe(1);
  expect(reader.read()).toBeUndefined();
});

test.each([
  ["a length without its record", [5]],
  ["a record that is cut", [3, 1, 2]],
  ["a length that is cut", [0x80]],
  ["a length of too many bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ["a length beyond any block", [0xff, 0xff, 0xff, 0xff, 0x7f]],
])("%s is malformed", (_what, bytes) => {
  expect(() => countRecords(new Uint8Array(bytes))).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});

test("any bytes are either records or malformed, never something else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      let count: number;
      try {
        count = countRecords(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "PROTOCOL" });
        return;
      }
      expect(textsIn(bytes).length).toBe(count);
    }),
    { numRuns: 1_000 },
  );
});
