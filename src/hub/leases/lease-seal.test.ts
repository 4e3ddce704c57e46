import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Range } from "../../protocol/index.ts";
import { LeaseSeal } from "./lease-seal.ts";

const key = randomBytes(32);
const seal = new LeaseSeal(key);

const ranges: Range[] = [[0, 10]];
const sealed = {
  descriptor: { job: "job", worker: "worker", ranges, failures: 2, strikes: 3 },
  epoch: 1_234_567_890_123,
  holder: "invite",
};

const anyRanges = fc
  .uniqueArray(fc.nat(1_000_000_000), { minLength: 2, maxLength: 40 })
  .map((bounds) => bounds.toSorted((a, b) => a - b))
  .map((bounds) =>
    bounds.flatMap((start, at): Range[] =>
      at % 2 === 0 && bounds[at + 1] ? [[start, bounds[at + 1]!]] : [],
    ),
  )
  .filter((ranges) => ranges.length > 0);

test("a hub opens what it sealed, also after a restart, and in any order of ranges", () => {
  fc.assert(
    fc.property(anyRanges, fc.boolean(), (sorted, reversed) => {
      const ranges = reversed ? sorted.toReversed() : sorted;
      const lease = { ...sealed, descriptor: { ...sealed.descriptor, ranges } };
      expect(new LeaseSeal(key).open(seal.seal(lease))).toEqual(lease);
    }),
  );
});

test("nobody else's, altered or invented ids open", () => {
  const id = seal.seal(sealed);
  expect(new LeaseSeal(randomBytes(32)).open(id)).toBeUndefined();
  expect(seal.open("")).toBeUndefined();
  expect(seal.open(randomBytes(60).toString("base64url"))).toBeUndefined();
  const bytes = Buffer.from(id, "base64url");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const altered = Buffer.from(bytes);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    expect(seal.open(altered.toString("base64url"))).toBeUndefined();
  }
});

test("the same lease never looks the same twice", () => {
  expect(seal.seal(sealed)).not.toBe(seal.seal(sealed));
});
