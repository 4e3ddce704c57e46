import fc from "fast-check";
import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { jobView } from "../index.ts";
import { RangeSet } from "./rangeset.ts";

/* What is done with millions of scattered inputs at once. */

const CHUNK = 65_536;

/** Members around the borders of chunks, some in runs, some scattered. */
const members = fc
  .array(fc.tuple(fc.nat(3 * CHUNK), fc.constantFrom(1, 2, 3, 1_000, CHUNK)), { maxLength: 30 })
  .map((runs) => new RangeSet(runs.map(([start, length]) => [start, start + length])));

const scattered = (start: number, end: number) => {
  const set = new RangeSet();
  for (let at = start; at < end; at += 2) set.add(at, at + 1);
  return set;
};

const listOf = (set: RangeSet) => [...set.ranges()];

test("sets are cut in two and put together again", () => {
  fc.assert(
    fc.property(members, fc.nat(4 * CHUNK), (set, end) => {
      const all = set.clone();
      const below = set.takeBelow(end);
      expect(listOf(below)).toEqual(all.intersect([[0, end]]));
      expect(listOf(set)).toEqual(all.intersect([[end, 5 * CHUNK]]));
      expect(below.count + set.count).toBe(all.count);
      below.addSet(set);
      expect(listOf(below)).toEqual(listOf(all));
      expect(below.count).toBe(all.count);
      expect(set.count).toBe(0);
    }),
  );
});

test("sets are joined and compared like lists", () => {
  fc.assert(
    fc.property(members, members, fc.integer({ min: 1, max: 20 }), (one, other, rangesMax) => {
      const union = new RangeSet([...one.ranges(), ...other.ranges()]);
      const missing = other.missing(listOf(one));
      expect(new RangeSet(one.without(other, 1_000))).toEqual(new RangeSet(missing));
      expect(one.without(other, rangesMax).length).toBeLessThanOrEqual(rangesMax);
      one.addSet(other);
      expect(listOf(one)).toEqual(listOf(union));
      expect(one.count).toBe(union.count);
    }),
  );
});

test("fragments are joined, too", () => {
  const even = scattered(0, 3 * CHUNK);
  even.addSet(scattered(1, 3 * CHUNK));
  expect(listOf(even)).toEqual([[0, 3 * CHUNK]]);
});

test("a cancel of very many scattered inputs takes several steps, none of them long", () => {
  const size = 400_000;
  const cluster = new ScheduledCluster({ unitRangesMax: 1, unitInputsMax: 1 }).submit("job");
  cluster.append("job", size);
  const job = cluster.state.jobs.get("job")!;
  // As if every second had its result.
  const done = listOf(scattered(0, size));
  job.pending.remove(done);
  job.done.addAll(done);
  cluster.send({ type: "JobCancelled", job: "job", reason: "unwanted", ranges: [[0, size]] });
  const counts: number[] = [];
  const count = () => {
    for (const { ranges } of cluster.effectsOf("RecordFailures")) counts.push(ranges.length);
  };
  count();
  cluster.seal("job");
  for (let turn = 0; turn < 10 && !cluster.ended.has("job"); turn++) {
    cluster.send({ type: "Tick" });
    count();
  }
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
  expect(counts.length).toBeGreaterThan(2);
  expect(Math.max(...counts)).toBeLessThanOrEqual(CHUNK);
  expect(counts.reduce((sum, ranges) => sum + ranges, 0)).toBe(size / 2);
  expect(jobView(cluster.state, "job")).toBeUndefined();
});
