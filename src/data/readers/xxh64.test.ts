import fc from "fast-check";
import { expect, test } from "vitest";
import { Xxh64 } from "./xxh64.ts";

const lowerHalfOf = (parts: readonly Uint8Array[]): number => {
  const hash = new Xxh64();
  for (const part of parts) hash.update(part);
  return hash.lowerHalf();
};

const MASK = (1n << 64n) - 1n;
const primes: readonly [bigint, bigint, bigint, bigint, bigint] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
];
const [P1, P2, P3, P4, P5] = primes;

/** The specification, word by word. */
function slow(bytes: Buffer): bigint {
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK;
  const round = (lane: bigint, input: bigint) => (rotate((lane + input * P2) & MASK, 31n) * P1) & MASK;
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    let lanes = [P1 + P2, P2, 0n, -P1].map((lane) => lane & MASK);
    for (; at + 32 <= bytes.length; at += 32) {
      lanes = lanes.map((lane, index) => round(lane, bytes.readBigUInt64LE(at + 8 * index)));
    }
    hash =
      lanes.map((lane, index) => rotate(lane, [1n, 7n, 12n, 18n][index]!)).reduce((a, b) => a + b) & MASK;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK;
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]!) * P5) & MASK), 11n) * P1) & MASK;
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

test("the vectors that everybody knows", () => {
  expect(slow(Buffer.from(""))).toBe(0xef46db3751d8e999n);
  expect(slow(Buffer.from("abc"))).toBe(0x44bc2cf5ad770999n);
  expect(lowerHalfOf([])).toBe(0x51d8e999);
  expect(lowerHalfOf([Buffer.from("abc")])).toBe(0xad770999);
});

test("is what the specification says, in whatever pieces the bytes come", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 6 }), (parts) => {
      expect(lowerHalfOf(parts)).toBe(Number(slow(Buffer.concat(parts)) & 0xffffffffn));
    }),
    { numRuns: 1000 },
  );
});
