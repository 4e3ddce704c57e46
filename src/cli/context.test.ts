import { expect, test } from "vitest";
import { limitArgument } from "./context.ts";

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
