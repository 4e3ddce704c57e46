import { expect, test } from "vitest";
import { FasterWay, type Way } from "./faster-way.ts";

/** Ways that were gone where each takes so long. */
function gone(way: FasterWay, times: number, ms: (at: number) => Record<Way, number>): Way[] {
  return Array.from({ length: times }, (_, at) => {
    const next = way.next();
    way.took(next, 100, ms(at)[next]);
    return next;
  });
}

const count = (ways: readonly Way[], way: Way): number => ways.filter((each) => each === way).length;

test("goes the way that is faster, looks at the other now and then, and changes when it has become faster", () => {
  const way = new FasterWay();
  const slowCache = gone(way, 200, () => ({ cached: 2, direct: 1 }));
  expect(slowCache.slice(0, 3)).toEqual(["cached", "direct", "direct"]);
  expect(count(slowCache, "cached")).toBe(4);
  const slowDisk = gone(way, 1200, () => ({ cached: 1, direct: 20 }));
  expect(count(slowDisk.slice(-100), "direct")).toBeLessThan(5);
});

test("looks seldom at a way that is much slower, so that looking costs little", () => {
  const slowCache = gone(new FasterWay(), 2000, () => ({ cached: 10, direct: 1 }));
  // The first time, and one in 320.
  expect(count(slowCache, "cached")).toBe(7);
  const slowDisk = gone(new FasterWay(), 2000, () => ({ cached: 1, direct: 1e6 }));
  // Three times at first, and one in 1,024.
  expect(count(slowDisk, "direct")).toBe(4);
});

test("one slow write past the cache, for want of luck, says nothing", () => {
  const ways = gone(new FasterWay(), 100, (at) => ({ cached: 2, direct: at === 1 ? 50 : 3 }));
  expect(count(ways, "cached")).toBeLessThan(5);
});

test("goes past the cache where a copy into it is not much faster", () => {
  const ways = gone(new FasterWay(), 100, () => ({ cached: 2, direct: 3 }));
  expect(count(ways, "cached")).toBe(3);
});

test("never goes a way again that is closed", () => {
  const way = new FasterWay();
  way.close("direct");
  expect(new Set(gone(way, 100, () => ({ cached: 5, direct: 1 })))).toEqual(new Set(["cached"]));
});
