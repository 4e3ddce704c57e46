import { expect, test } from "vitest";
import { durationArgument, limitArgument, sizeArgument } from "./context.ts";

test("limits are read by their units, and collected", () => {
  const first = limitArgument("leaseTtlMs=1.5s", {});
  const second = limitArgument("blobBytesMax=2GB", first);
  expect(limitArgument("breakerFailedShare=0.5", second)).toEqual({
    leaseTtlMs: 1_500,
    blobBytesMax: 2 * 1024 ** 3,
    breakerFailedShare: 0.5,
  });
});

test.each([
  "leaseTtl=30s",
  "toString=1",
  "leaseTtlMs",
  "leaseTtlMs=1500",
  "workersMax=many",
  "blobBytesMax=-1B",
])("%s is refused", (text) => {
  expect(() => limitArgument(text, {})).toThrow(/^(There is no limit|It must be|Write)/);
});

test("times and sizes need their units, and what is refused says so", () => {
  expect([durationArgument("1.5s"), sizeArgument("1KB")]).toEqual([1_500, 1_024]);
  for (const text of ["500", "soon", ""]) {
    expect(() => durationArgument(text)).toThrow("such as 500ms, 30s");
    expect(() => sizeArgument(text)).toThrow("such as 512MB or 2GB");
  }
});
