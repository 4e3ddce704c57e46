import fc from "fast-check";
import { expect, test } from "vitest";
import { countOf, pushRange, type Range, sliceRanges, unflattenRanges } from "./ranges.ts";

const range = fc
  .tuple(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 40 }))
  .map(([start, length]): Range => [start, start + length]);
const ranges = fc.array(range, { maxLength: 8 });
const listOf = (list: readonly Range[]) =>
  list.flatMap(([start, end]) => Array.from({ length: end - start }, (_, at) => start + at));

test("a slice by positions is the slice of the inputs", () => {
  fc.assert(
    fc.property(ranges, fc.nat({ max: 200 }), fc.nat({ max: 200 }), (list, from, to) => {
      const slice = sliceRanges(list, from, to);
      expect(listOf(slice)).toEqual(listOf(list).slice(from, to));
      expect(slice.every(([start, end]) => start < end)).toBe(true);
      expect(countOf(list)).toBe(listOf(list).length);
    }),
  );
});

test("pushing keeps the order and merges what touches", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 }))), (pushed) => {
      const list: Range[] = [];
      for (const [start, end] of pushed) pushRange(list, start, end);
      expect(listOf(list)).toEqual(listOf(pushed.filter(([start, end]) => start < end)));
      expect(list.every(([start], at) => at === 0 || list[at - 1]![1] !== start)).toBe(true);
    }),
  );
});

test("ranges survive being flat", () => {
  fc.assert(
    fc.property(ranges, (list) => {
      expect(unflattenRanges(list.flat())).toEqual(list);
    }),
  );
});

test.each([[[1]], [[2, 2]], [[3, 2]], [[-1, 2]], [[0.5, 2]], [[0, Number.NaN]], [[0, 2 ** 60]], [[0, 1, 5]]])(
  "%j are no ranges",
  (flat) => {
    expect(() => unflattenRanges(flat)).toThrow(RangeError);
  },
);
