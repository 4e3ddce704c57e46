import { encode } from "cborg";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits } from "./default-limits.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";

const refusal = (code: string) => expect.objectContaining({ code });

test("header and body survive, the body as a view", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.uint8Array(), (header, body) => {
      const plain = JSON.parse(JSON.stringify(header));
      const frame = encodeFrame(plain, body);
      const decoded = decodeFrame(frame, defaultLimits);
      expect(decoded.header).toEqual(plain);
      expect(decoded.body).toEqual(body);
      expect(decoded.body.buffer).toBe(frame.buffer);
    }),
  );
});

test("a frame may lie anywhere in its buffer", () => {
  const frame = encodeFrame({ type: "x" }, new Uint8Array([1, 2]));
  const buffer = new Uint8Array(frame.length + 9);
  buffer.set(frame, 5);
  const decoded = decodeFrame(buffer.subarray(5, 5 + frame.length), defaultLimits);
  expect(decoded).toMatchObject({ header: { type: "x" }, body: new Uint8Array([1, 2]) });
});

test("frameBytesMax and headerBytesMax: hold for the frame and for its header", () => {
  const frame = encodeFrame({ text: "x".repeat(100) }, new Uint8Array(50));
  const limits = { frameBytesMax: frame.length, headerBytesMax: frame.length - 54 };
  expect(decodeFrame(frame, limits).body.length).toBe(50);
  expect(() => decodeFrame(frame, { ...limits, frameBytesMax: frame.length - 1 })).toThrow(
    refusal("LIMIT_EXCEEDED"),
  );
  expect(() => decodeFrame(frame, { ...limits, headerBytesMax: limits.headerBytesMax - 1 })).toThrow(
    refusal("LIMIT_EXCEEDED"),
  );
});

test.each([
  ["nothing", []],
  ["half a length", [1, 0]],
  ["a header that is cut", [9, 0, 0, 0, 0xa0]],
  ["an empty header", [0, 0, 0, 0]],
  ["a header that is no CBOR", [1, 0, 0, 0, 0xff]],
  ["bytes behind the header's value", [2, 0, 0, 0, 0xa0, 0xa0]],
  ["an indefinite map", [2, 0, 0, 0, 0xbf, 0xff]],
  ["a key that comes twice", [5, 0, 0, 0, 0xa2, 0x00, 0x01, 0x00, 0x02]],
])("%s is refused", (_what, bytes) => {
  expect(() => decodeFrame(new Uint8Array(bytes), defaultLimits)).toThrow(refusal("PROTOCOL"));
});

test("any bytes are a frame or refused, never something else", () => {
  const header = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.jsonValue().map((value) => encode(value)),
  );
  fc.assert(
    fc.property(header, fc.integer({ min: -2, max: 2 }), (bytes, off) => {
      const frame = new Uint8Array([Math.max(0, bytes.length + off), 0, 0, 0, ...bytes]);
      try {
        expect(decodeFrame(frame, defaultLimits).body).toBeInstanceOf(Uint8Array);
      } catch (error) {
        expect(error).toMatchObject({ code: "PROTOCOL" });
      }
    }),
    { numRuns: 1_000 },
  );
});
