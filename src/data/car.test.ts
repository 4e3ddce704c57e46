import { CarReader } from "@ipld/car/reader";
import { beforeAll, expect, test } from "vitest";
import { exportCar, importCar } from "./car.ts";
import { FakeBlocks } from "./unixfs/block-store.fake.ts";
import { buildFile } from "./unixfs/file-builder.ts";
import { TreeBuilder } from "./unixfs/tree-builder.ts";

const source = new FakeBlocks();
let root: string;
let car: Buffer;

async function* cutAt(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.slice(at, at + length);
}

beforeAll(async () => {
  const tree = new TreeBuilder(source);
  tree.add(
    "a/long.bin",
    await buildFile([new Uint8Array(3000).map((_, i) => i >> 3)], source, { chunkBytes: 256 }),
  );
  for (const name of ["one", "two", "one again"]) {
    tree.add(name, await buildFile([new TextEncoder().encode(name.slice(0, 3))], source));
  }
  root = (await tree.end()).cid;
  const parts: Uint8Array[] = [];
  for await (const part of exportCar(root, source)) parts.push(part);
  car = Buffer.concat(parts);
});

test("a CAR holds each block of a tree once, and others can read it", async () => {
  const reader = await CarReader.fromBytes(car);
  expect((await reader.getRoots()).map(String)).toEqual([root]);
  const blocks: string[] = [];
  for await (const { cid, bytes } of reader.blocks()) {
    blocks.push(cid.toString());
    expect(Buffer.compare(bytes, source.blocks.get(cid.toString())!)).toBe(0);
  }
  expect(blocks[0]).toBe(root);
  expect(blocks.sort()).toEqual([...source.blocks.keys()].sort());
});

test("what was exported is imported, however it is cut", async () => {
  for (const length of [1, 7, 100, 1e6]) {
    const sink = new FakeBlocks();
    expect(await importCar(cutAt(car, length), sink)).toEqual([root]);
    expect([...sink.blocks.keys()].sort()).toEqual([...source.blocks.keys()].sort());
  }
});

test("a CAR that is cut off anywhere, between two blocks too, is refused", async () => {
  for (let end = 0; end < car.length; end += end < 200 ? 1 : 7) {
    const sink = new FakeBlocks();
    await expect(importCar(cutAt(car.subarray(0, end), 1000), sink), String(end)).rejects.toMatchObject({
      code: "CAR_MALFORMED",
    });
  }
});

test("a flipped bit in a CAR is found", async () => {
  for (let bit = 0; bit < car.length * 8; bit += 43) {
    const bytes = new Uint8Array(car);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const sink = new FakeBlocks();
    await expect(importCar(cutAt(bytes, 1e6), sink), String(bit)).rejects.toMatchObject({
      code: "CAR_MALFORMED",
    });
    for (const [cid, block] of sink.blocks) {
      expect(Buffer.compare(block, source.blocks.get(cid) ?? new Uint8Array(0))).toBe(0);
    }
  }
});

test("what is no CAR is refused", async () => {
  for (const text of ["", "hello world", "PK\u0003\u0004"]) {
    const bytes = new TextEncoder().encode(text);
    await expect(importCar(cutAt(bytes, 4), new FakeBlocks())).rejects.toMatchObject({
      code: "CAR_MALFORMED",
    });
  }
});

test("an export whose source lacks a block fails with its source's error", async () => {
  const holed = new FakeBlocks();
  for (const [cid, bytes] of source.blocks) holed.put(cid, bytes);
  holed.blocks.delete([...source.blocks.keys()][3]!);
  const reading = (async () => {
    for await (const _ of exportCar(root, holed));
  })();
  await expect(reading).rejects.toMatchObject({ code: "NOT_FOUND" });
});
