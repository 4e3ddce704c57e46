import fc from "fast-check";
import { expect, test } from "vitest";
import { unpackBlocks } from "./batch-intake.ts";
import { type BatchBlock, packBlocks } from "./block-batch.ts";
import { type Codec, cidOf } from "./cid.ts";

async function* cutAt(body: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += length) yield body.subarray(at, at + length);
}

async function all(body: AsyncIterable<Uint8Array>, blockBytesMax = 100): Promise<BatchBlock[]> {
  const blocks: BatchBlock[] = [];
  for await (const block of unpackBlocks(body, blockBytesMax)) blocks.push(block);
  return blocks;
}

const anyBlocks = fc.array(
  fc
    .tuple(fc.uint8Array({ maxLength: 100 }), fc.constantFrom<Codec>("raw", "dag-pb"))
    .map(([bytes, codec]) => ({ bytes, cid: cidOf(bytes, codec) })),
  { maxLength: 6 },
);

test("blocks come out as they went in, however the body is cut", async () => {
  await fc.assert(
    fc.asyncProperty(anyBlocks, fc.integer({ min: 1, max: 200 }), async (blocks, length) => {
      expect(await all(cutAt(packBlocks(blocks), length))).toEqual(blocks);
    }),
  );
});

test("a body that ends in the middle of a block is refused, behind the whole ones", async () => {
  const blocks = ["one", "two"].map((text) => {
    const bytes = new TextEncoder().encode(text);
    return { bytes, cid: cidOf(bytes) };
  });
  const body = packBlocks(blocks);
  for (let end = 1; end < body.length; end++) {
    if (end === body.length / 2) continue;
    const whole: BatchBlock[] = [];
    const reading = (async () => {
      for await (const block of unpackBlocks(cutAt(body.subarray(0, end), 7), 100)) whole.push(block);
    })();
    await expect(reading, String(end)).rejects.toMatchObject({ code: "PROTOCOL" });
    expect(whole).toEqual(blocks.slice(0, end < body.length / 2 ? 0 : 1));
  }
});

test("what is no block is refused before it is read", async () => {
  const block = { bytes: new Uint8Array(50), cid: cidOf(new Uint8Array(50)) };
  const body = packBlocks([block]);
  for (const at of [0, 1, 2, 3]) {
    const other = body.slice();
    other[at]! ^= 0x80;
    await expect(all(cutAt(other, 1000)), String(at)).rejects.toMatchObject({ code: "PROTOCOL" });
  }
  await expect(all(cutAt(body, 1000), 49)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("a body that is left is let go", async () => {
  let closed = false;
  const blocks = Array.from({ length: 9 }, (_, index) => {
    const bytes = new Uint8Array([index]);
    return { bytes, cid: cidOf(bytes) };
  });
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      yield* cutAt(packBlocks(blocks), 10);
    } finally {
      closed = true;
    }
  }
  for await (const { bytes } of unpackBlocks(body(), 100)) {
    expect(bytes[0]).toBe(0);
    break;
  }
  expect(closed).toBe(true);
});
