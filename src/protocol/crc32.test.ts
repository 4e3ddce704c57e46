import { crc32 as reference } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

test("it is zlib's, from any seed, in one piece or in several", () => {
  const seed = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), seed, fc.nat(100), (bytes, from, cut) => {
      expect(crc32(bytes, from)).toBe(reference(bytes, from));
      expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut), from))).toBe(reference(bytes, from));
    }),
  );
});
