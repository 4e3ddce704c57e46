import fc from "fast-check";
import { expect, test } from "vitest";
import { ResultIndex, ResultWindow } from "../journal/result-index.ts";
import { jobSpec } from "../testing/peer.ts";
import { hubFailures, splitFailures } from "./hub-failure.ts";
import { JobEntry } from "./job-entry.ts";

/** Spans of results that do not overlap, in the order in which they came. */
const spans = fc
  .uniqueArray(fc.nat({ max: 200 }), { minLength: 2, maxLength: 40 })
  .map((bounds) => bounds.toSorted((a, b) => a - b))
  .map((bounds) =>
    bounds.flatMap((start, at) =>
      at % 2 === 0 && at + 1 < bounds.length ? [[start, bounds[at + 1]!] as const] : [],
    ),
  )
  .chain((list) => fc.shuffledSubarray(list, { minLength: list.length }));

test("behind a gap comes the first span that is there, whenever it came", () => {
  fc.assert(
    fc.property(spans, fc.nat({ max: 210 }), (list, input) => {
      const index = new ResultIndex();
      const window = new ResultWindow(index);
      const starts: number[] = [];
      for (const [at, [from, to]] of list.entries()) {
        // Spread out, so that several windows are looked through.
        const [start, end] = [from * 1_000, to * 1_000];
        index.add(at, [[start, end]]);
        starts.push(start);
        const behind = starts.filter((each) => each >= input * 1_000);
        const first = window.firstFrom(input * 1_000);
        expect(first?.start).toBe(behind.length === 0 ? undefined : Math.min(...behind));
        expect(window.spanFrom(start)).toEqual({ start, end, record: at, offset: 0 });
      }
    }),
  );
});

test("blockBytesTarget: failures of the hub's are cut into blocks that hold each input once, in order", () => {
  fc.assert(
    fc.property(spans, fc.integer({ min: 1, max: 4_000 }), (list, blockBytesTarget) => {
      const parts = [...splitFailures(list, "cancelled", "why", { blockBytesTarget })];
      const inputs = (ranges: readonly (readonly [number, number])[]) =>
        ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, at) => start + at));
      expect(parts.flatMap(inputs)).toEqual(inputs(list));
      for (const part of parts) {
        const { failures, body } = hubFailures(part, "cancelled", "why");
        expect(failures.map(({ at }) => at)).toEqual(inputs(part).map((_, at) => at));
        if (failures.length > 1) expect(body.length).toBeLessThan(blockBytesTarget * 1.1);
      }
    }),
  );
});

test("errorGroupsPerJobMax and workersPerJobMax: errors and workers are counted by kind and name up to them", () => {
  const limits = { errorGroupsPerJobMax: 2, workersPerJobMax: 2 };
  const entry = new JobEntry(jobSpec(), 0);
  const failure = (at: number, fingerprint: string) => ({ at, kind: "error", fingerprint }) as const;
  entry.addResults(1, "pi", [[0, 3]], [failure(0, "a"), failure(2, "a")], limits);
  entry.addFailures(2, [[3, 10]], "cancelled", limits);
  entry.addResults(3, "pi", [[10, 11]], [failure(0, "one too many")], limits);
  entry.addResults(4, "pc", [[11, 12]], [], limits);
  entry.addResults(5, "phone", [[12, 14]], [], limits);
  expect([...entry.errors.values()].map(({ kind, count }) => ({ kind, count }))).toEqual([
    { kind: "error", count: 2 },
    { kind: "cancelled", count: 7 },
  ]);
  expect([entry.done, entry.failed]).toEqual([14, 10]);
  expect(entry.perWorker).toEqual(new Map(Object.entries({ pi: 4, pc: 1, "(others)": 2 })));
});
