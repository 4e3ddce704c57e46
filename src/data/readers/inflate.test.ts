import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { gunzipByPako, inflate } from "./inflate.ts";

/** What browsers do, and what Node does. */
const ways: Readonly<Record<string, (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>>> = {
  browsers: (chunks) => gunzipByPako(chunks, "a.gz"),
  Node: (chunks) => inflate(chunks, "gzip", "a.gz"),
};

async function* cut(packed: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < packed.length; at += chunkBytes) yield packed.subarray(at, at + chunkBytes);
}

async function unpacked(way: string, packed: Uint8Array, chunkBytes = packed.length): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of ways[way]!(cut(packed, chunkBytes))) parts.push(part);
  return Buffer.concat(parts).toString("latin1");
}

const names = Object.keys(ways);
const text = "one\ntwo\n".repeat(9_000);

test.each(names)("%s read all members of a gzip file, wherever it is cut", async (way) => {
  const members = fc.array(fc.string({ maxLength: 200 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(members, fc.integer({ min: 1, max: 90 }), async (parts, chunkBytes) => {
      const packed = Buffer.concat(parts.map((part) => gzipSync(part)));
      expect(await unpacked(way, packed, chunkBytes)).toBe(gunzipSync(packed).toString("latin1"));
    }),
    { numRuns: 60 },
  );
});

test.each(names)("%s let zeros behind the last member pass", async (way) => {
  const packed = Buffer.concat([gzipSync(text), gzipSync("three"), Buffer.alloc(700)]);
  for (const chunkBytes of [7, 100, packed.length]) {
    expect(await unpacked(way, packed, chunkBytes)).toBe(`${text}three`);
  }
});

test.each(names)("%s take much that was packed to little", async (way) => {
  expect(await unpacked(way, gzipSync(Buffer.alloc(20_000_000, 120)))).toHaveLength(20_000_000);
});

const whole = Buffer.concat([gzipSync("one"), gzipSync(text)]);
const flipped = (at: number) => whole.map((byte, index) => (index === at ? byte ^ 1 : byte));

test.each(
  names.flatMap((way) =>
    (
      [
        ["is cut in a member", whole.subarray(0, whole.length - 30)],
        ["is cut in a checksum", whole.subarray(0, whole.length - 3)],
        ["is cut in a head", whole.subarray(0, gzipSync("one").length + 4)],
        ["has a wrong checksum", flipped(whole.length - 6)],
        ["has a wrong length", flipped(whole.length - 2)],
        ["has something else behind it", Buffer.concat([whole, Buffer.from("something else")])],
      ] as const
    ).map(([what, packed]) => [way, what, packed] as const),
  ),
)("to %s what %s is INVALID_DATA", async (way, _, packed) => {
  for (const chunkBytes of [5, packed.length]) {
    await expect(unpacked(way, packed, chunkBytes)).rejects.toMatchObject({ code: "INVALID_DATA" });
  }
});
