import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeResumed,
  decodeUnsendable,
  encodeResumed,
  encodeUnsendable,
  encodeValue,
  isResumed,
  isUnsendable,
} from "./index.ts";

test("input and state survive the trip, and a new state replaces the one before", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (input, state, later) => {
      const record = encodeResumed(input, state);
      expect(isResumed(record)).toBe(true);
      expect(decodeResumed(record)).toEqual({ input, state });
      fc.pre(!isResumed(input));
      expect(decodeResumed(encodeResumed(record, later))).toEqual({ input, state: later });
    }),
  );
});

test("an input that is no data carries why", () => {
  const record = encodeUnsendable("Input 3: a function ✗");
  expect(isUnsendable(record)).toBe(true);
  expect(isResumed(record)).toBe(false);
  expect(decodeUnsendable(record)).toBe("Input 3: a function ✗");
  expect(encodeUnsendable("x".repeat(100_000)).length).toBeLessThan(3_000);
});

test("no value looks like one, and what is cut is refused", () => {
  fc.assert(
    fc.property(
      fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true }),
      (value) => {
        let record: Uint8Array;
        try {
          record = encodeValue(value);
        } catch {
          return;
        }
        expect([isResumed(record), isUnsendable(record)]).toEqual([false, false]);
      },
    ),
  );
  const whole = encodeResumed(new Uint8Array(10), new Uint8Array(0));
  expect(() => decodeResumed(whole.subarray(0, 12))).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  expect(() => decodeResumed(new Uint8Array(3))).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});
