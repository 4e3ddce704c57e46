import { expect, test } from "vitest";
import { answerDigest } from "../data/index.ts";
import { encodeValue, defaultLimits as limits, packRecords } from "../protocol/index.ts";
import { canarySpec } from "./canaries.ts";
import { resolveOptions } from "./options.ts";

const quorum = { agree: 2, of: 3 };

test("canaries travel as records, their answers as digests", () => {
  expect(canarySpec([{ input: 2, value: { b: 1, a: 2 } }], limits)).toEqual({
    canaries: {
      inputs: packRecords([encodeValue(2)]),
      answers: [answerDigest(encodeValue({ a: 2, b: 1 }))],
    },
  });
  expect(canarySpec(undefined, limits)).toEqual({});
});

test("canariesMax and canaryBytesMax: more than that is refused, and what is no data", () => {
  const many = Array.from({ length: limits.canariesMax + 1 }, (_, input) => ({ input, value: 0 }));
  expect(() => canarySpec(many, limits)).toThrow(/canariesMax/);
  const large = [{ input: "x".repeat(limits.canaryBytesMax), value: 0 }];
  expect(() => canarySpec(large, limits)).toThrow(/canaryBytesMax/);
  expect(() => canarySpec([{ input: () => 1, value: 0 }], limits)).toThrow(/canaries\[0\]\.input/);
});

test("a quorum is filled in and checked", () => {
  expect(resolveOptions({ quorum }).job.quorum).toEqual({ ...quorum, adaptive: true, deterministic: false });
  expect(resolveOptions({ deterministic: true }).job.quorum).toBeUndefined();
  for (const wrong of [
    { quorum: { agree: 1, of: 3 } },
    { quorum: { agree: 4, of: 3 } },
    { quorum: { agree: 2, of: 99 } },
    { quorum: { agree: 2, of: 3, adaptive: 1 } },
    { quorum: { agree: 2, of: 3, people: 5 } },
    { quorum: 2 },
    { canaries: [{ input: 1, value: 1 }] },
    { quorum, canaries: [1] },
    { quorum, deterministic: "yes" },
  ]) {
    expect(() => resolveOptions(wrong as never)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  }
});
