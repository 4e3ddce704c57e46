import { readFile as readText } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cidOf } from "../cid.ts";
import { FakeBlocks, noSink } from "./block-store.fake.ts";
import { buildFile, FileBuilder } from "./file-builder.ts";
import { fileBytes, readFile } from "./file-reader.ts";
import { buildFolder } from "./folder-builder.ts";
import { resolvePath, walkEntries, walkFiles } from "./folder-reader.ts";
import type { Entry } from "./node.ts";
import { TreeBuilder } from "./tree-builder.ts";

interface Vectors {
  files: { bytes: number; chunkBytes: number; cid: string; treeBytes: number }[];
  folders: { what: string; entries: number; pattern: string; cid: string; treeBytes: number }[];
}

/** Made by the library that Kubo is built on; `source` says how. */
const vectors = JSON.parse(await readText(new URL("vectors.json", import.meta.url), "utf8")) as Vectors;

const utf8 = new TextEncoder();

/** What the vectors' files hold. */
function contentOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 7 + (i >> 8) * 13 + (i >> 16) * 29;
  return bytes;
}

/** A name of a vector's folder: Go's %d and %06d. */
const nameOf = (pattern: string, number: number): string =>
  pattern.replace(/%(?:0(\d+))?d/, (_all, width?: string) =>
    String(number).padStart(Number(width ?? 0), "0"),
  );

async function folderOf(
  pattern: string,
  count: number,
  sink = new FakeBlocks(),
): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    const name = nameOf(pattern, i);
    entries.set(name, await buildFile([utf8.encode(name)], sink));
  }
  return entries;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const joined = async (parts: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await all(parts));

describe("CIDs are the world's", () => {
  test("of files, whatever their length and that of their chunks", async () => {
    for (const { bytes, chunkBytes, cid, treeBytes } of vectors.files) {
      const file = await buildFile([contentOf(bytes)], noSink, { chunkBytes });
      expect(file, `${bytes} in ${chunkBytes}`).toEqual({ cid, bytes, treeBytes });
    }
  });

  test("of folders, at, below and above what fits into one node", async () => {
    for (const { what, entries, pattern, cid, treeBytes } of vectors.folders) {
      if (what === "nested" || entries > 20_000) continue;
      const folder = await buildFolder(await folderOf(pattern, entries), noSink);
      expect([folder.cid, folder.treeBytes], what).toEqual([cid, treeBytes]);
    }
  });

  test("of folders in folders", async () => {
    const tree = new TreeBuilder(noSink);
    for (const name of ["z.txt", "Z.txt"]) tree.add(name, await buildFile([utf8.encode(name)], noSink));
    tree.add("inner/b.bin", await buildFile([contentOf(600_000)], noSink));
    tree.add("inner/a.txt", await buildFile([utf8.encode("a.txt")], noSink));
    tree.addFolder("empty");
    const { cid, treeBytes, bytes } = await tree.end();
    const vector = vectors.folders.find(({ what }) => what === "nested")!;
    expect([cid, treeBytes, bytes]).toEqual([vector.cid, vector.treeBytes, 600_015]);
  });

  test("of `hello world`", async () => {
    const { cid } = await buildFile([utf8.encode("hello "), utf8.encode("world")], noSink);
    expect(cid).toBe("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  });
});

describe("a file", () => {
  test("is the same however its bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        async (parts, chunkBytes) => {
          const whole = Buffer.concat(parts);
          const builder = new FileBuilder(noSink, { chunkBytes });
          const buffer = new Uint8Array(60);
          for (const part of parts) {
            // One buffer for all, as who reads a disk has.
            buffer.set(part);
            await builder.write(buffer.subarray(0, part.length));
          }
          expect(await builder.end()).toEqual(await buildFile([whole], noSink, { chunkBytes }));
        },
      ),
    );
  });

  test("gives back what was put, and any range of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(8000),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(9000),
        fc.nat(9000),
        fc.integer({ min: 1, max: 9 }),
        async (length, chunkBytes, a, b, readAheadBlocks) => {
          const blocks = new FakeBlocks();
          const content = contentOf(length);
          const { cid } = await buildFile([content], blocks, { chunkBytes });
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          const got = await joined(readFile({ cid }, blocks, { start, end, readAheadBlocks }));
          expect(Buffer.compare(got, content.subarray(start, end))).toBe(0);
          expect(await fileBytes(cid, blocks)).toBe(length);
          expect(blocks.pendingMax).toBeLessThanOrEqual(readAheadBlocks + 2);
        },
      ),
      { numRuns: 60 },
    );
    const blocks = new FakeBlocks();
    const { cid } = await buildFile([contentOf(302_770)], blocks, { chunkBytes: 10 });
    expect(Buffer.compare(await joined(readFile(cid, blocks)), contentOf(302_770))).toBe(0);
  });

  test("is read only where it is asked for, and left when its reader leaves", async () => {
    const blocks = new FakeBlocks();
    const { cid } = await buildFile([contentOf(100_000)], blocks, { chunkBytes: 100 });
    await joined(readFile(cid, blocks, { start: 50_000, end: 50_300 }));
    expect(blocks.asked.length).toBeLessThanOrEqual(6);
    blocks.asked.length = 0;
    for await (const part of readFile(cid, blocks, { readAheadBlocks: 4 })) {
      expect(part.length).toBe(100);
      break;
    }
    expect(blocks.asked.length).toBeLessThanOrEqual(8);
  });

  test("whose blocks do not fit together is refused", async () => {
    const blocks = new FakeBlocks();
    const { cid } = await buildFile([contentOf(1000)], blocks, { chunkBytes: 300 });
    const leaf = cidOf(contentOf(1000).subarray(0, 300));
    blocks.blocks.set(leaf, new Uint8Array(299));
    await expect(joined(readFile(cid, blocks))).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    blocks.blocks.delete(leaf);
    await expect(joined(readFile(cid, blocks))).rejects.toMatchObject({ code: "NOT_FOUND" });
    blocks.blocks.set(cid, utf8.encode("no node at all"));
    await expect(joined(readFile(cid, blocks))).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });

  test("cannot be read backwards, nor a folder as one", async () => {
    const blocks = new FakeBlocks();
    const folder = await buildFolder(await folderOf("n%d", 3, blocks), blocks);
    await expect(joined(readFile(folder.cid, blocks))).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await expect(joined(readFile(folder.cid, blocks, { start: 4, end: 3 }))).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
  });

  test("has no chunks of no bytes, or of more than a block should have", () => {
    for (const chunkBytes of [0, -1, 1.5, 2 ** 21, Number.NaN]) {
      expect(() => new FileBuilder(noSink, { chunkBytes })).toThrow(
        expect.objectContaining({ code: "BAD_ARGUMENT" }),
      );
    }
  });
});

describe("a folder", () => {
  test("lists and finds its entries, in one node or in many", async () => {
    for (const count of [0, 3, 7000]) {
      const blocks = new FakeBlocks();
      const entries = await folderOf("entry %d", count, blocks);
      const { cid, bytes } = await buildFolder(entries, blocks);
      const names: string[] = [];
      for await (const { name } of walkFiles(cid, blocks)) names.push(name);
      expect(names).toEqual([...entries.keys()].sort());
      expect([...entries.values()].reduce((sum, entry) => sum + entry.bytes, 0)).toBe(bytes);
      for (const [name, entry] of [...entries].slice(0, 50)) {
        expect(await resolvePath(cid, name, blocks)).toBe(entry.cid);
      }
      for (const name of ["entry", "entry 7001", "ENTRY 1", "00entry 1"]) {
        await expect(resolvePath(cid, name, blocks), name).rejects.toMatchObject({ code: "NOT_FOUND" });
      }
    }
  });

  test("gives all files below it, with their paths and lengths", async () => {
    const blocks = new FakeBlocks();
    const tree = new TreeBuilder(blocks);
    const lengths = { "b/c/d.bin": 700_000, "b/a": 0, "a.txt": 5, "b.txt": 300_000 };
    for (const [path, length] of Object.entries(lengths)) {
      tree.add(path, await buildFile([contentOf(length)], blocks));
    }
    tree.addFolder("nothing/in/here");
    const { cid } = await tree.end();
    const files = await all(walkFiles(cid, blocks));
    expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ["a.txt", 5],
      ["b/a", 0],
      ["b/c/d.bin", 700_000],
      ["b.txt", 300_000],
    ]);
    const entries = await all(walkEntries(cid, blocks));
    expect(entries.map(({ name, bytes }) => (bytes === undefined ? `${name}/` : name))).toEqual([
      "a.txt",
      "b/",
      "b/a",
      "b/c/",
      "b/c/d.bin",
      "b.txt",
      "nothing/",
      "nothing/in/",
      "nothing/in/here/",
    ]);
    for (const file of files) {
      expect(await resolvePath(cid, file.name, blocks)).toBe(file.cid);
      expect(Buffer.compare(await joined(readFile(file, blocks)), contentOf(file.bytes))).toBe(0);
    }
    expect(await all(walkFiles(files[0]!.cid, blocks))).toEqual([{ ...files[0], name: "" }]);
    await expect(resolvePath(cid, "a.txt/x", blocks)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    expect(await resolvePath(cid, "", blocks)).toBe(cid);
  });

  test("takes no path twice, and none that leads elsewhere", async () => {
    const tree = new TreeBuilder(noSink);
    const file = await buildFile([], noSink);
    tree.add("a/b", file);
    for (const path of [
      "a/b",
      "a",
      "a/b/c",
      "",
      "/x",
      "x/",
      "../x",
      "a/./b",
      "a//b",
      "x\0",
      "x".repeat(256),
    ]) {
      expect(() => tree.add(path, file), path).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    }
    expect(() => tree.add("a/b", file)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("path of its own") }),
    );
    tree.add("a/b\\c", file);
    expect(tree.files).toBe(2);
  });
});

test("a chunk takes the memory that it has, and memory of its own, however it comes", async () => {
  const blocks: Uint8Array[] = [];
  const builder = new FileBuilder(
    { put: async (_cid, bytes) => void blocks.push(bytes) },
    { chunkBytes: 1000 },
  );
  const part = new Uint8Array(70).fill(1);
  for (let written = 0; written < 2030; written += 70) {
    await builder.write(part);
  }
  part.fill(2);
  await builder.end();
  const chunks = blocks.slice(0, 3);
  expect(chunks.map(({ length }) => length)).toEqual([1000, 1000, 30]);
  expect(chunks.map(({ buffer }) => buffer.byteLength)).toEqual([1000, 1000, 30]);
  expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(3);
  expect(chunks.every((chunk) => chunk.every((byte) => byte === 1))).toBe(true);
});

test("a small file does not take a chunk's memory while it is written", async () => {
  let taken = 0;
  const Original = Uint8Array;
  const counting = new Proxy(Original, {
    construct(target, args: [number], newTarget) {
      if (typeof args[0] === "number") taken += args[0];
      return Reflect.construct(target, args, newTarget);
    },
  });
  globalThis.Uint8Array = counting;
  try {
    const builder = new FileBuilder(noSink);
    await builder.write(new Original(100));
    await builder.write(new Original(50));
    await builder.end();
  } finally {
    globalThis.Uint8Array = Original;
  }
  expect(taken).toBeLessThan(10_000);
});
