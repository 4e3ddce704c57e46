import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Range } from "../../protocol/index.ts";
import { CHUNK_INPUTS } from "./chunk.ts";
import { RangeSet } from "./rangeset.ts";

const MODEL_INPUTS = 3 * CHUNK_INPUTS;

/** Inputs that crowd around the borders of chunks and bitmap words. */
const input = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -40, max: 40 }))
    .map(([chunk, offset]) => Math.min(MODEL_INPUTS, Math.max(0, chunk * CHUNK_INPUTS + offset))),
  fc.integer({ min: 0, max: MODEL_INPUTS }),
);
const range = fc.tuple(input, input).map(([a, b]): Range => [Math.min(a, b), Math.max(a, b)]);
const comb = fc.record({
  start: input,
  step: fc.integer({ min: 2, max: 5 }),
  teeth: fc.integer({ min: 1, max: 1500 }),
});
const operation = fc.oneof(
  fc.record({ type: fc.constant("add" as const), range }),
  fc.record({ type: fc.constant("remove" as const), range }),
  fc.record({ type: fc.constant("comb" as const), comb, member: fc.boolean() }),
  fc.record({
    type: fc.constant("take" as const),
    count: fc.integer({ min: 0, max: CHUNK_INPUTS + 9 }),
    ranges: fc.integer({ min: 1, max: 50 }),
  }),
);

/** The same as bytes, one an input. */
class Model {
  readonly members = new Uint8Array(MODEL_INPUTS);

  fill(start: number, end: number, member: 0 | 1): number {
    let changed = 0;
    for (let at = start; at < Math.min(end, MODEL_INPUTS); at++) {
      if (this.members[at] !== member) changed++;
      this.members[at] = member;
    }
    return changed;
  }

  ranges(): Range[] {
    const ranges: Range[] = [];
    for (let start = this.members.indexOf(1); start !== -1; ) {
      const end = this.members.indexOf(0, start);
      ranges.push([start, end === -1 ? MODEL_INPUTS : end]);
      start = end === -1 ? -1 : this.members.indexOf(1, end);
    }
    return ranges;
  }

  take(count: number, rangesMax: number): Range[] {
    const taken: Range[] = [];
    let left = count;
    for (const [start, end] of this.ranges()) {
      if (left === 0 || taken.length === rangesMax) break;
      taken.push([start, Math.min(end, start + left)]);
      left -= taken.at(-1)![1] - start;
    }
    for (const [start, end] of taken) this.fill(start, end, 0);
    return taken;
  }
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What bitmaps take when all garbage is gone. */
function bitmapBytes(): number {
  // Buffers are freed by a thread behind a collection; the next one waits for it.
  for (let times = 0; times < 3; times++) collect();
  return process.memoryUsage().arrayBuffers;
}

test("every second of 100 million inputs costs a bit an input, a contiguous 100 million nothing to speak of", () => {
  const inputs = 100_000_000;
  const before = bitmapBytes();
  const contiguous = new RangeSet([[0, inputs]]);
  const between = bitmapBytes();
  const scattered = new RangeSet();
  for (let at = 0; at < inputs; at += 2) scattered.add(at, at + 1);
  const after = bitmapBytes();
  expect(contiguous.count).toBe(inputs);
  expect(scattered.count).toBe(inputs / 2);
  expect(between - before).toBeLessThan(1_000);
  const bitmaps = after - between;
  expect(bitmaps).toBeGreaterThan(12_000_000);
  expect(bitmaps).toBeLessThan(12_600_000);
});

test("removing nothing from within a range does not cut it", () => {
  const set = new RangeSet([[0, 15]]);
  expect(set.remove(14, 14)).toBe(0);
  expect([...set.ranges()]).toEqual([[0, 15]]);
  expect(set.missing([[3, 3]])).toEqual([]);
});

test("does as a plain set does", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 40 }),
      fc.array(range, { maxLength: 4 }),
      (operations, asked) => {
        const set = new RangeSet();
        const model = new Model();
        for (const act of operations) {
          if (act.type === "add") {
            expect(set.add(...act.range)).toBe(model.fill(...act.range, 1));
          } else if (act.type === "remove") {
            expect(set.remove(...act.range)).toBe(model.fill(...act.range, 0));
          } else if (act.type === "take") {
            expect(set.takeFirst(act.count, act.ranges)).toEqual(model.take(act.count, act.ranges));
          } else {
            for (let tooth = 0; tooth < act.comb.teeth; tooth++) {
              const at = act.comb.start + tooth * act.comb.step;
              if (at >= MODEL_INPUTS) break;
              if (act.member) set.add(at, at + 1);
              else set.remove(at, at + 1);
              model.fill(at, at + 1, act.member ? 1 : 0);
            }
          }
          expect(set.count).toBe(model.members.reduce((sum, member) => sum + member, 0));
        }
        expect([...set.ranges()]).toEqual(model.ranges());
        expect([...set.clone().ranges()]).toEqual(model.ranges());
        for (const [start, end] of asked) {
          const other = new RangeSet([[start, end]]);
          const inside = set.intersect([[start, end]]);
          expect(set.countIn([[start, end]])).toBe(other.removeAll(inside));
          expect([...other.ranges()]).toEqual(set.missing([[start, end]]));
          expect(set.has(start)).toBe(model.members[start] === 1);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("a copy is independent of its original", () => {
  const set = new RangeSet([[0, 10]]);
  const copy = set.clone();
  copy.add(20, 30);
  set.remove(0, 5);
  expect([...copy.ranges()]).toEqual([
    [0, 10],
    [20, 30],
  ]);
});

test("inputs up to a billion", () => {
  const set = new RangeSet();
  expect(set.add(0, 1_000_000_000)).toBe(1_000_000_000);
  expect(set.remove(999_999_999, 1_000_000_000)).toBe(1);
  expect(set.nextOut(0)).toBe(999_999_999);
  expect(set.nextIn(999_999_999)).toBe(Number.POSITIVE_INFINITY);
});
