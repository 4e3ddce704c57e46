import { expect, test } from "vitest";
import { Claims } from "./claims.ts";
import { REFERENCE_SPEED } from "./credit.ts";

test("processor time is claimed where it is told, and never more than the slot's", () => {
  let nowMs = 0;
  const claims = new Claims({ slots: 1, speed: REFERENCE_SPEED }, () => nowMs);
  const claimed = (passMs: number, times: { readonly elapsedMs: number; readonly cpuMs?: number }) => {
    claims.opened("lease");
    nowMs += passMs;
    claims.came({ lease: "lease", count: 1, ...times });
    claims.closed("lease");
    return claims.secondsPerInput;
  };
  expect(claimed(1_000, { elapsedMs: 1_000 })).toBeCloseTo(1);
  // It waited for the network most of the time.
  expect(claimed(1_000, { elapsedMs: 1_000, cpuMs: 50 })).toBeCloseTo(0.05);
  expect(claimed(1_000, { elapsedMs: 600, cpuMs: 5_000 })).toBeCloseTo(0.6);
  expect(claimed(1_000, { elapsedMs: 1e9, cpuMs: 1e9 })).toBeLessThan(3);
  expect(claimed(1_000, { elapsedMs: 1_000, cpuMs: Number.NaN })).toBe(0);
});
