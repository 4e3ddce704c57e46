import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { type BatchBlock, cidOf, packBlocks } from "../../data/index.ts";
import { BlockBody } from "./block-body.ts";

const blocksOf = (count: number, bytes: number): BatchBlock[] =>
  Array.from({ length: count }, (_, index) => {
    const content = new Uint8Array(bytes).map((_byte, at) => at * (index + 3));
    return { bytes: content, cid: cidOf(content) };
  });

/** A request whose body comes through what is given here. */
const request = () => {
  const body = new PassThrough({ highWaterMark: 1_000 });
  return { body, incoming: body as unknown as IncomingMessage };
};

/** Its blocks, one after the other; the connection has breathed in between. */
async function allOf(body: BlockBody): Promise<BatchBlock[]> {
  const blocks: BatchBlock[] = [];
  for await (const { cid, bytes } of body.blocks()) {
    blocks.push({ cid, bytes: bytes.slice() });
    await new Promise(setImmediate);
  }
  return blocks;
}

describe("the body of a request", () => {
  test("gives its blocks, small and large and empty ones, in memory that is used again", async () => {
    for (const blocks of [blocksOf(9, 700), blocksOf(5, 262_144), blocksOf(1, 0), [], blocksOf(3, 300_000)]) {
      const { body, incoming } = request();
      body.end(packBlocks(blocks));
      const got = await allOf(new BlockBody(incoming, 1e6));
      expect(got.map(({ cid }) => cid)).toEqual(blocks.map(({ cid }) => cid));
      expect(got.every(({ bytes }, at) => Buffer.compare(bytes, blocks[at]!.bytes) === 0)).toBe(true);
    }
  });

  test("is not read on as long as its blocks are not, also where these are empty", async () => {
    for (const [count, length, takenMax] of [
      [40, 500, 3 * 640],
      [1_000, 0, 70 * 40],
    ] as const) {
      const { body, incoming } = request();
      const bytes = packBlocks(blocksOf(count, length));
      for (let at = 0; at < bytes.length; at += 100) body.write(bytes.subarray(at, at + 100));
      body.end();
      const blocks = new BlockBody(incoming, 1e6).blocks();
      await blocks.next();
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      expect(body.isPaused()).toBe(true);
      expect(body.readableLength + body.writableLength).toBeGreaterThan(bytes.length - takenMax);
      let rest = 0;
      for await (const { bytes: block } of blocks) rest += block.length === length ? 1 : 0;
      expect(rest).toBe(count - 1);
    }
  });

  test("that is cut off, or ends within a block, fails behind the whole ones", async () => {
    const blocks = blocksOf(3, 500);
    const bytes = packBlocks(blocks);
    for (const isCut of [true, false]) {
      const { body, incoming } = request();
      body.on("error", () => {});
      body.write(bytes.subarray(0, -100));
      const come = new BlockBody(incoming, 1e6).blocks();
      expect((await come.next()).value?.cid).toBe(blocks[0]!.cid);
      expect((await come.next()).value?.cid).toBe(blocks[1]!.cid);
      const next = come.next();
      if (isCut) body.destroy();
      else body.end();
      await expect(next).rejects.toMatchObject({ code: "PROTOCOL" });
    }
  });
});
