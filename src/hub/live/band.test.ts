import fc from "fast-check";
import { expect, test } from "vitest";
import { Band, BINS_MAX } from "./band.ts";

const shareOf = (done: number, of: number): number =>
  done === 0 ? 0 : done >= of ? 100 : Math.min(99, Math.max(1, Math.round((100 * done) / of)));

test("a band shows who did what, as runs of pieces that look alike", () => {
  const band = new Band();
  band.add("ann", [[0, 3]]);
  band.add("bob", [[5, 6]]);
  band.fail(1, 2);
  const leases = [
    { ranges: [[3, 4] as const], copy: false, retry: false },
    { ranges: [[4, 5] as const], copy: true, retry: false },
    { ranges: [[6, 7] as const], copy: false, retry: true },
    { ranges: [[7, 8] as const], copy: false, retry: false },
    { ranges: [[7, 8] as const], quorum: true as const },
  ];
  expect(band.view("inputs", 8, true, leases)).toEqual({
    kind: "inputs",
    size: 8,
    sealed: true,
    inputsPerBin: 1,
    workers: ["ann", "bob"],
    runs: [
      [1, 0, 100, 0, ""],
      [1, 0, 100, 100, ""],
      [1, 0, 100, 0, ""],
      [1, -1, 0, 0, "l"],
      [1, -1, 0, 0, "s"],
      [1, 1, 100, 0, ""],
      [1, -1, 0, 0, "r"],
      [1, -1, 0, 0, "q"],
    ],
  });
});

test("whatever the size of a job and the order of its results, a band has up to BINS_MAX pieces that count right", () => {
  const ranges = fc.array(fc.tuple(fc.nat(5_000_000), fc.integer({ min: 1, max: 4_000 })), { maxLength: 60 });
  fc.assert(
    fc.property(ranges, (drawn) => {
      const band = new Band();
      const taken: [number, number][] = [];
      for (const [start, length] of drawn) {
        const end = start + length;
        if (taken.some(([from, to]) => start < to && from < end)) continue;
        taken.push([start, end]);
        band.add("ann", [[start, end]]);
      }
      const size = taken.reduce((largest, [, end]) => Math.max(largest, end), 0);
      for (const shown of [band, Band.unpack(band.pack())]) {
        const { runs, inputsPerBin } = shown.view("inputs", size, true, []);
        let bin = 0;
        for (const [bins, , done] of runs) {
          for (let at = 0; at < bins; at++, bin++) {
            const [from, to] = [bin * inputsPerBin, Math.min(size, (bin + 1) * inputsPerBin)];
            const count = taken.reduce(
              (sum, [start, end]) => sum + Math.max(0, Math.min(to, end) - Math.max(from, start)),
              0,
            );
            expect(done).toBe(shareOf(count, to - from));
          }
        }
        expect(bin).toBe(Math.ceil(size / inputsPerBin));
        expect(bin).toBeLessThanOrEqual(BINS_MAX);
      }
    }),
  );
});

test("a piece has the colour of whoever did most of it", () => {
  const band = new Band();
  band.add("ann", [[0, 700_000]]);
  band.add("bob", [[700_000, 1_000_000]]);
  band.add("cid", [[1_000_000, 100_000_000]]);
  const { runs, workers } = band.view("inputs", 100_000_000, true, []);
  expect(runs.map(([bins, worker]) => [bins, workers[worker]])).toEqual([
    [5, "ann"],
    [3, "bob"],
    [755, "cid"],
  ]);
});

test("results that are lost are gone from the band", () => {
  const band = new Band();
  band.add("ann", [[0, 4]]);
  band.forget([[1, 3]]);
  expect(band.view("map", 4, true, []).runs.map(([bins, , done]) => [bins, done])).toEqual([
    [1, 100],
    [2, 0],
    [1, 100],
  ]);
});
