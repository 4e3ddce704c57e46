import fc from "fast-check";
import { expect, test } from "vitest";
import { asFileValue, encodeValue } from "../protocol/index.ts";
import { encodeBlobRef } from "./blob-ref.ts";
import { cidOf } from "./cid.ts";
import { refsIn } from "./refs-in.ts";

const ref = (number: number) => ({ cid: cidOf(new Uint8Array([number])), bytes: number });

test("files anywhere in a value, and a large value's blob", () => {
  const value = {
    a: [asFileValue(ref(1)), 2],
    b: new Map([["c", asFileValue({ ...ref(2), start: 1, end: 2 })]]),
  };
  expect(refsIn(encodeValue(value), 9)).toEqual([ref(1), { ...ref(2), start: 1, end: 2 }]);
  expect(refsIn(encodeValue(value), 1)).toEqual([ref(1)]);
  expect(refsIn(encodeBlobRef(ref(3).cid, 3), 9)).toEqual([ref(3)]);
  expect(refsIn(encodeValue({ a: "nothing" }), 9)).toEqual([]);
});

test("no bytes make it throw", () => {
  const starts = [encodeBlobRef(ref(3).cid, 3), encodeValue(asFileValue(ref(1)))];
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.nat({ max: 80 }), fc.uint8Array(), (start, cut, rest) => {
      refsIn(new Uint8Array([...start.subarray(0, cut), ...rest]), 9);
    }),
  );
});
