import { expect, test } from "vitest";
import { parseByteRange } from "./http.ts";

test("byte ranges of HTTP", () => {
  expect(parseByteRange("bytes=0-9", 100)).toEqual({ start: 0, end: 10 });
  expect(parseByteRange("bytes=90-", 100)).toEqual({ start: 90, end: 100 });
  expect(parseByteRange("bytes=-10", 100)).toEqual({ start: 90, end: 100 });
  expect(parseByteRange("bytes=50-1000", 100)).toEqual({ start: 50, end: 100 });
  for (const wrong of ["bytes=100-", "bytes=-", "bytes=5-4", "lines=0-1", "bytes=0-1,3-4"]) {
    expect(parseByteRange(wrong, 100)).toBeUndefined();
  }
});
