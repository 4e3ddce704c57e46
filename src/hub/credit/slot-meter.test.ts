import fc from "fast-check";
import { expect, test } from "vitest";
import { SlotMeter } from "./slot-meter.ts";

test("nobody claims more of a lease than has passed since it was given, or claimed for last", () => {
  const meter = new SlotMeter(1, 0);
  meter.opened("a", 100);
  expect(meter.claimed("a", 1e9, 150)).toBe(50);
  expect(meter.claimed("a", 1e9, 150)).toBe(0);
  expect(meter.claimed("a", 10, 200)).toBe(10);
  // What was not claimed then cannot be claimed later for less work.
  expect(meter.claimed("a", 1e9, 210)).toBe(10);
});

test("leases that wait behind a slot add no time to it", () => {
  const meter = new SlotMeter(2, 0);
  for (const lease of ["a", "b", "c", "d"]) meter.opened(lease, 0);
  const claimed = ["a", "b", "c", "d"].map((lease) => meter.claimed(lease, 1e9, 100));
  expect(claimed.reduce((sum, ms) => sum + ms, 0)).toBe(200);
});

test("time without a lease is nobody's work, and what is no number is nothing", () => {
  const meter = new SlotMeter(4, 0);
  expect(meter.claimed("never", 1000, 1000)).toBe(0);
  meter.opened("a", 1000);
  meter.closed("a", 1010);
  expect(meter.claimed("a", 1000, 5000)).toBe(10);
  meter.opened("b", 5000);
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -5]) {
    expect(meter.claimed("b", wrong, 6000)).toBe(0);
  }
});

test("what is gone on with after a broken connection counts from when it was given", () => {
  const before = new SlotMeter(1, 0);
  before.opened("a", 10);
  const meter = new SlotMeter(1, 100);
  meter.opened("a", 100, before.open.get("a"));
  expect(meter.claimed("a", 1e9, 110)).toBe(100);
});

test("whatever is claimed in whatever order, it is never more than the slots times the time", () => {
  const action = fc.record({
    kind: fc.constantFrom("opened", "closed", "claimed"),
    lease: fc.constantFrom("a", "b", "c", "d"),
    waitMs: fc.nat(100),
    elapsedMs: fc.double({ min: 0, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(action, { maxLength: 60 }), (slots, actions) => {
      const meter = new SlotMeter(slots, 0);
      let nowMs = 0;
      let claimed = 0;
      for (const { kind, lease, waitMs, elapsedMs } of actions) {
        nowMs += waitMs;
        if (kind === "opened") meter.opened(lease, nowMs);
        else if (kind === "closed") meter.closed(lease, nowMs);
        else claimed += meter.claimed(lease, elapsedMs, nowMs);
      }
      expect(claimed).toBeLessThanOrEqual(slots * nowMs + 1e-6);
    }),
  );
});
