import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFailure, encodeFailure, failureKinds, fingerprint } from "./failure.ts";
import { encodeValue } from "./value.ts";

test("a failure survives the trip", () => {
  const text = fc.string({ maxLength: 200 });
  const failure = fc.record(
    {
      kind: fc.constantFrom(...failureKinds),
      name: text,
      message: text,
      stack: text,
      props: fc.constantFrom({}, { status: 404, at: new Date(0) }),
    },
    { requiredKeys: ["kind", "name", "message", "stack"] },
  );
  fc.assert(
    fc.property(failure, (data) => {
      expect(decodeFailure(encodeFailure(data))).toEqual(data);
    }),
  );
});

test("what is too long is cut, visibly", () => {
  const long = "x".repeat(100_000);
  const data = decodeFailure(encodeFailure({ kind: "error", name: long, message: long, stack: long }));
  expect([data.name.length, data.message.length, data.stack.length]).toEqual([256, 8_192, 16_384]);
  expect(data.message.endsWith("x…")).toBe(true);
});

test("whatever a worker sends as a failure reads as one", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const data = decodeFailure(encodeValue(value));
      expect(failureKinds).toContain(data.kind);
      for (const text of [data.name, data.message, data.stack]) expect(typeof text).toBe("string");
    }),
  );
  const odd = { kind: "boom", name: 3, message: null, stack: [], props: 7 };
  expect(decodeFailure(encodeValue(odd))).toEqual({
    kind: "error",
    name: "Error",
    message: "unknown error",
    stack: "",
  });
  expect(() => decodeFailure(new Uint8Array([0xff]))).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});

test.each([
  ["Error", "no row 17 of 30", "", "Error: no row # of #"],
  ["TypeError", 'cannot read "a" of `b` at 1.5', "", 'TypeError: cannot read "…" of `…` at #'],
  ["Error", "first line\nsecond line", "", "Error: first line"],
  [
    "Error",
    "x",
    "Error: x\n    at parse (stock.ts:12:3)\n    at main (main.ts:1:1)",
    "Error: x (stock.ts:12:3)",
  ],
  ["Error", "x", "Error: x\n    at stock.ts:12:3", "Error: x (stock.ts:12:3)"],
])("the fingerprint of %s %j", (name, message, stack, expected) => {
  expect(fingerprint({ name, message, stack })).toBe(expected);
});

test("fingerprints are short, and the same for errors that differ in numbers and quoted parts", () => {
  const template = (number: number, word: string) => ({
    name: "Error",
    message: `input ${number} has "${word}"`,
    stack: "",
  });
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.string({ unit: fc.constantFrom("a", "b", "7") }), (a, b, word) => {
      expect(fingerprint(template(a, word))).toBe(fingerprint(template(b, "other")));
    }),
  );
  expect(fingerprint({ name: "E", message: "x".repeat(500), stack: "" }).length).toBe(160);
});
