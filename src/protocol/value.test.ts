import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeValue, encodeValue } from "./value.ts";

const roundTrip = (value: unknown) => decodeValue(encodeValue(value));

test("structured values survive the trip", () => {
  const values: unknown[] = [
    undefined,
    null,
    -0,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    5n,
    -(2n ** 70n),
    new Date(3),
    /a+/gi,
    new URL("http://example.org/x?y#z"),
    new Map<unknown, unknown>([
      [{ b: 1, a: 2 }, "first"],
      [{ a: 1 }, undefined],
      ["z", new Set([3, 1])],
    ]),
    new Map([
      ["c", 1],
      ["a", 2],
    ]),
    new Set(["b", "a"]),
    new Uint8Array([1, 2]),
    new Float32Array([1.5]),
    new Float64Array([Number.NaN, -0]),
    new BigInt64Array([-1n]),
    new Uint8Array([9, 8]).buffer,
    new RangeError("too far"),
    { nested: [{ deep: new Date(0) }], "": 1, ["__proto__"]: 2 },
  ];
  for (const value of values) expect(roundTrip(value)).toStrictEqual(value);
  expect([
    ...(
      roundTrip(
        new Map([
          ["c", 1],
          ["a", 2],
        ]),
      ) as Map<string, number>
    ).keys(),
  ]).toEqual(["c", "a"]);
});

test("equal objects have equal bytes whatever the order of their keys", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse());
      expect(encodeValue(reversed)).toEqual(encodeValue(object));
    }),
  );
});

test("any JSON value survives", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(roundTrip(value)).toEqual(value);
    }),
  );
});

test("any text survives, half surrogate pairs too, as a value and as a key", () => {
  const unit = fc.oneof(fc.nat({ max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe010 }));
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 8 }), (units) => {
      const text = String.fromCharCode(...units);
      expect(roundTrip(text)).toBe(text);
      expect(roundTrip({ [text]: [text] })).toEqual({ [text]: [text] });
    }),
  );
});

test("any date survives to its millisecond", () => {
  fc.assert(
    fc.property(fc.date(), (date) => {
      expect((roundTrip(date) as Date).getTime()).toBe(date.getTime());
    }),
    { numRuns: 2_000 },
  );
  for (const end of [8.64e15, -8.64e15]) {
    for (let ms = 0; ms < 1_000; ms++) {
      const date = new Date(end - Math.sign(end) * ms);
      expect((roundTrip(date) as Date).getTime()).toBe(date.getTime());
    }
  }
});

test("what cannot be sent says so", () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const mapLoop = new Map<string, unknown>();
  mapLoop.set("self", mapLoop);
  for (const value of [() => 1, Symbol("s"), Promise.resolve(), loop, mapLoop, new WeakMap()]) {
    expect(() => encodeValue({ value })).toThrow(expect.objectContaining({ code: "UNSERIALIZABLE" }));
  }
});

test("garbage is refused, never a crash", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeValue(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "PROTOCOL" });
      }
    }),
  );
});

test("empty byte arrays stay as many as they were, as members and as keys", () => {
  const empty = () => new Uint8Array(0);
  const set = decodeValue(encodeValue(new Set([empty(), empty(), 1]))) as Set<unknown>;
  expect([...set]).toEqual([empty(), empty(), 1]);
  const map = decodeValue(
    encodeValue(
      new Map([
        [empty(), 1],
        [empty(), 2],
      ]),
    ),
  ) as Map<unknown, unknown>;
  expect([...map]).toEqual([
    [empty(), 1],
    [empty(), 2],
  ]);
});
