import fc from "fast-check";
import { expect, test } from "vitest";
import { isId, newId } from "./id.ts";

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
  expect(ids.every(isId)).toBe(true);
  expect(new Set(ids.map((id) => id.slice(0, 9))).size).toBe(1);
});

test("what is no id is none", () => {
  const id = newId();
  for (const other of ["", id.slice(1), `${id}0`, id.toUpperCase(), `${id.slice(1)}u`, `../${id.slice(3)}`]) {
    expect(isId(other), other).toBe(false);
  }
});
