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

test("goes the way that is faster, looks at the other now and then, and changes when it has become faster", () => {
  const way = new FasterWay();
  const slowCache = gone(way, 100, () => ({ cached: 5, direct: 1 }));
  expect(slowCache.slice(0, 3)).toEqual(["cached", "direct", "direct"]);
  expect(slowCache.filter((each) => each === "cached")).toHaveLength(4);
  const slowDisk = gone(way, 400, () => ({ cached: 1, direct: 20 }));
  expect(slowDisk.slice(-100).filter((each) => each === "direct").length).toBeLessThan(5);
});

test("never goes a way again that is closed", () => {
  const way = new FasterWay();
  way.close("direct");
  expect(new Set(gone(way, 100, () => ({ cached: 5, direct: 1 })))).toEqual(new Set(["cached"]));
});
