import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "./id.ts";

const fixed = (byte: number) => (length: number) => new Uint8Array(length).fill(byte);

test("ids sort by their time as text", () => {
  const time = fc.integer({ min: 0, max: 2 ** 45 - 1 });
  fc.assert(
    fc.property(time, time, fc.nat(255), fc.nat(255), (one, other, a, b) => {
      fc.pre(one < other);
      expect(newId(fixed(a), one) < newId(fixed(b), other)).toBe(true);
    }),
  );
});

test("ids of one moment differ by their random part, and all have the form of one", () => {
  const ids = Array.from({ length: 10_000 }, () => newId(undefined, 1_700_000_000_000));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[0-9a-hjkmnp-tv-z]{20}$/.test(id))).toEqual([]);
  expect(new Set(ids.map((id) => id.slice(0, 9))).size).toBe(1);
});
