import { expect, test } from "vitest";
import { cidOf } from "../data/index.ts";
import type { BlobStat } from "./port.ts";
import { all, bytesOf, type OpenSetup } from "./setup.contract.ts";

async function contentOf(parts: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await all(parts)).toString();
}

async function* streamOf(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield bytesOf(part);
}

/** Every sentence of `Blobs`, as tests. */
export function blobsContract(setUp: OpenSetup): void {
  const hello = { cid: cidOf(bytesOf("hello world")), bytes: 11 };

  test("stores bytes and streams under the same CID", async () => {
    const { blobs } = (await setUp()).engine;
    expect(await blobs.stat(hello.cid)).toBeUndefined();
    expect(await blobs.put(bytesOf("hello world"))).toEqual(hello);
    expect(await blobs.put(streamOf("hello", "", " world"))).toEqual(hello);
    expect(await blobs.stat(hello.cid)).toEqual(hello);
    expect(await contentOf(blobs.read(hello.cid))).toBe("hello world");
    expect(await all(blobs.list())).toMatchObject([hello]);
  });

  test("stores a node under its own codec, and refuses it under a wrong digest", async () => {
    const { blobs } = (await setUp()).engine;
    const node = { cid: cidOf(bytesOf("a node"), "dag-pb"), bytes: 6 };
    expect(await blobs.put(bytesOf("a node"), { expect: node.cid })).toEqual(node);
    expect(await blobs.put(streamOf("a ", "node"), { expect: node.cid })).toEqual(node);
    expect(await contentOf(blobs.read(node.cid))).toBe("a node");
    expect(await blobs.stat(cidOf(bytesOf("a node")))).toBeUndefined();
    const other = cidOf(bytesOf("another"), "dag-pb");
    for (const bytes of [bytesOf("a node"), streamOf("a node")]) {
      await expect(blobs.put(bytes, { expect: other })).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
    }
    expect(await all(blobs.list())).toMatchObject([node]);
  });

  test("stores a batch of blocks, and touches those that it has", async () => {
    const { engine, advance } = await setUp();
    const { blobs } = engine;
    const block = (text: string, codec: "raw" | "dag-pb" = "raw") => ({
      cid: cidOf(bytesOf(text), codec),
      bytes: bytesOf(text),
    });
    const [old] = [block("old")];
    await blobs.put(old.bytes);
    const [{ usedAtMs } = { usedAtMs: 0 }] = await all(blobs.list());
    advance(10_000);
    const blocks = [old, block("a"), block("node", "dag-pb"), block(""), block("a")];
    async function* stream() {
      yield* blocks;
    }
    expect(await blobs.putBatch(stream())).toBe(5);
    expect(await blobs.putBatch([])).toBe(0);
    for (const { cid, bytes } of blocks) {
      expect(await blobs.stat(cid)).toEqual({ cid, bytes: bytes.length });
      expect(await contentOf(blobs.read(cid))).toBe(Buffer.from(bytes).toString());
    }
    const stored = await all(blobs.list());
    expect(stored).toHaveLength(4);
    expect(stored.every((blob) => blob.usedAtMs >= usedAtMs + 10_000)).toBe(true);
  });

  test("refuses a batch with a block that is not what it is said to be, without losing track", async () => {
    const { blobs } = (await setUp({ blobBytesMax: 10 })).engine;
    const good = { cid: cidOf(bytesOf("good")), bytes: bytesOf("good") };
    const wrong = { cid: cidOf(bytesOf("right")), bytes: bytesOf("wrong") };
    const path = { cid: "../journal", bytes: bytesOf("good") };
    const large = { cid: cidOf(new Uint8Array(11)), bytes: new Uint8Array(11) };
    for (const [bad, code] of [
      [wrong, "BLOB_MISMATCH"],
      [path, "BLOB_MISMATCH"],
      [large, "LIMIT_EXCEEDED"],
    ] as const) {
      await expect(blobs.putBatch([good, bad, good])).rejects.toMatchObject({ code });
      expect(await blobs.stat(bad.cid)).toBeUndefined();
    }
    expect(await blobs.putBatch([good])).toBe(1);
    expect(await all(blobs.list())).toMatchObject([{ cid: good.cid, bytes: 4 }]);
  });

  test("releases each block of a batch once, whatever becomes of it", async () => {
    const { blobs } = (await setUp({ blobBytesMax: 10 })).engine;
    const released = new Map<string, number>();
    const named = (name: string, cid: string, text: string) => ({
      cid,
      bytes: bytesOf(text),
      release: () => released.set(name, (released.get(name) ?? 0) + 1),
    });
    const right = (name: string, text: string) => named(name, cidOf(bytesOf(text)), text);
    await blobs.putBatch([right("new", "a"), right("twice", "a"), right("empty", "")]);
    await blobs.putBatch([right("known", "a"), right("other", "b")]);
    const wrong = named("wrong", cidOf(bytesOf("right")), "wrong");
    const large = named("large", cidOf(new Uint8Array(11)), "0".repeat(11));
    await expect(blobs.putBatch([right("before", "c"), wrong])).rejects.toThrow();
    await expect(blobs.putBatch([large, right("never asked for", "d")])).rejects.toThrow();
    const names = ["new", "twice", "empty", "known", "other", "wrong", "before", "large"];
    expect(released).toEqual(new Map(names.map((name) => [name, 1])));
    expect(await contentOf(blobs.read(cidOf(bytesOf("c"))))).toBe("c");
  });

  test("stores what is empty", async () => {
    const { blobs } = (await setUp()).engine;
    const { cid } = await blobs.put(streamOf());
    expect(await blobs.stat(cid)).toEqual({ cid, bytes: 0 });
    expect(await contentOf(blobs.read(cid))).toBe("");
  });

  test("reads ranges, cut at the blob's end", async () => {
    const { blobs } = (await setUp()).engine;
    await blobs.put(bytesOf("hello world"));
    const range = (start: number, end: number) => contentOf(blobs.read(hello.cid, { start, end }));
    expect(await range(0, 5)).toBe("hello");
    expect(await range(6, 100)).toBe("world");
    expect(await range(3, 3)).toBe("");
    expect(await range(50, 60)).toBe("");
    await expect(range(5, 4)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await expect(range(-1, 4)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });

  test("reads a blob of many chunks", async () => {
    const { blobs } = (await setUp()).engine;
    const bytes = new Uint8Array(1_000_001).map((_, index) => index * 7);
    const { cid } = await blobs.put(bytes);
    expect(Buffer.concat(await all(blobs.read(cid))).equals(bytes)).toBe(true);
    const middle = Buffer.concat(await all(blobs.read(cid, { start: 262_143, end: 600_001 })));
    expect(middle.equals(bytes.subarray(262_143, 600_001))).toBe(true);
  });

  test("refuses other bytes than were expected, and keeps nothing of them", async () => {
    const { blobs } = (await setUp()).engine;
    const expect_ = hello.cid;
    await expect(blobs.put(bytesOf("hello"), { expect: expect_ })).rejects.toMatchObject({
      code: "BLOB_MISMATCH",
    });
    await expect(blobs.put(streamOf("hel", "lo"), { expect: expect_ })).rejects.toMatchObject({
      code: "BLOB_MISMATCH",
    });
    expect(await all(blobs.list())).toEqual([]);
    await blobs.put(streamOf("hello world"), { expect: expect_ });
    await expect(blobs.put(streamOf("other"), { expect: expect_ })).rejects.toMatchObject({
      code: "BLOB_MISMATCH",
    });
    expect(await all(blobs.list())).toMatchObject([hello]);
  });

  test("blobBytesMax: refuses what is too large, as soon as it is", async () => {
    const { blobs } = (await setUp({ blobBytesMax: 10 })).engine;
    let pulled = 0;
    async function* endless() {
      for (;;) {
        pulled++;
        yield new Uint8Array(4);
      }
    }
    await expect(blobs.put(endless())).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(pulled).toBe(3);
    await expect(blobs.put(new Uint8Array(11))).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    await expect(blobs.put(bytesOf("abcd"), { bytesMax: 3 })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    await blobs.put(new Uint8Array(10));
    expect(await all(blobs.list())).toHaveLength(1);
  });

  test("keeps nothing of a stream that fails", async () => {
    const { blobs } = (await setUp()).engine;
    async function* failing() {
      yield bytesOf("hello world");
      throw new Error("the sender went away");
    }
    await expect(blobs.put(failing())).rejects.toThrow("the sender went away");
    expect(await all(blobs.list())).toEqual([]);
  });

  test("takes the same blob from many at once", async () => {
    const { blobs } = (await setUp()).engine;
    const puts = Array.from({ length: 20 }, (_, index) =>
      blobs.put(index % 2 === 0 ? bytesOf("hello world") : streamOf("hello ", "world")),
    );
    expect(await Promise.all(puts)).toEqual(Array.from({ length: 20 }, (): BlobStat => hello));
    expect(await contentOf(blobs.read(hello.cid))).toBe("hello world");
    expect(await all(blobs.list())).toMatchObject([hello]);
  });

  test("deletes, and says NOT_FOUND of what is not there", async () => {
    const { blobs } = (await setUp()).engine;
    await blobs.put(bytesOf("hello world"));
    await blobs.delete(hello.cid);
    await blobs.delete(hello.cid);
    expect(await blobs.stat(hello.cid)).toBeUndefined();
    await expect(contentOf(blobs.read(hello.cid))).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await all(blobs.list())).toEqual([]);
  });

  test("deletes what is out of use, and leaves what was stored or touched lately", async () => {
    const { engine, advance } = await setUp();
    const { blobs } = engine;
    await blobs.put(bytesOf("hello world"));
    const other = (await blobs.put(bytesOf("other"))).cid;
    const [{ usedAtMs } = { usedAtMs: 0 }] = await all(blobs.list());
    advance(10_000);
    expect(await blobs.touch(hello.cid)).toEqual(hello);
    for (const cid of [hello.cid, other]) await blobs.delete(cid, usedAtMs + 5_000);
    expect(await all(blobs.list())).toEqual([{ ...hello, usedAtMs: usedAtMs + 10_000 }]);
    expect(await blobs.touch(other)).toBeUndefined();
    advance(10_000);
    await blobs.put(streamOf("hello world"), { expect: hello.cid });
    await blobs.delete(hello.cid, usedAtMs + 15_000);
    expect(await blobs.stat(hello.cid)).toEqual(hello);
  });

  test("takes no path for a CID", async () => {
    const { blobs } = (await setUp()).engine;
    for (const name of ["../journal/manifest", "", ".", `${hello.cid}/..`]) {
      expect(await blobs.stat(name)).toBeUndefined();
      expect(await blobs.touch(name)).toBeUndefined();
      await blobs.delete(name);
      await expect(contentOf(blobs.read(name))).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  test("is there again when it is opened again", async () => {
    const setup = await setUp();
    if (setup.reopen === undefined) return;
    await setup.engine.blobs.put(streamOf("hello world"));
    const { blobs } = await setup.reopen();
    expect(await contentOf(blobs.read(hello.cid))).toBe("hello world");
  });
}
