import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decodeValueWith, encodeValue } from "../protocol/index.ts";
import { BlobHandle } from "./blob-handle.ts";
import { MemoryFiles } from "./testing/memory-files.ts";

const files = new MemoryFiles(5);
const handle = (content: string | Uint8Array, name?: string) =>
  new BlobHandle(files.add(content, name), files);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test("a handle says what it is, and is a value", () => {
  const made = handle("hello", "a/b.txt");
  expect([made.cid, made.size, made.name]).toEqual([files.add("hello").cid, 5, "a/b.txt"]);
  expect(JSON.parse(JSON.stringify(made))).toEqual({ cid: made.cid, size: 5, name: "a/b.txt" });
  const again = decodeValueWith((ref) => new BlobHandle(ref, files), encodeValue(made));
  expect(again).toBeInstanceOf(BlobHandle);
  expect(JSON.stringify(again)).toBe(JSON.stringify(made));
  for (const other of [{}, null, "x", { cid: made.cid }]) expect(other instanceof BlobHandle).toBe(false);
});

test("bytes as a whole and in parts, streamed and at once", async () => {
  const made = handle("0123456789");
  const text = new TextDecoder();
  expect(text.decode(await made.bytes())).toBe("0123456789");
  expect(text.decode(await made.bytes({ start: 3, end: 8 }))).toBe("34567");
  expect((await all(made.stream({ start: 4 }))).map((part) => text.decode(part)).join("")).toBe("456789");
  expect(await handle("").bytes()).toEqual(new Uint8Array(0));
});

test("text, strict and lossy; packed files as what they hold", async () => {
  expect(await handle("\uFEFFnaïve").text()).toBe("naïve");
  expect(await handle(gzipSync("packed")).text()).toBe("packed");
  const invalid = handle(Uint8Array.of(0x61, 0xff), "bad.txt");
  await expect(invalid.text()).rejects.toMatchObject({
    code: "INVALID_DATA",
    message: "bad.txt is no UTF-8",
  });
  expect(await invalid.text({ lossy: true })).toBe("a\uFFFD");
  expect(await all(invalid.lines({ lossy: true }))).toEqual(["a\uFFFD"]);
});

test("lines, JSON lines and rows", async () => {
  expect(await all(handle("a\r\nb\n\nc").lines())).toEqual(["a", "b", "", "c"]);
  expect(await all(handle('{"a":1}\n\n[2]\n').jsonLines())).toEqual([{ a: 1 }, [2]]);
  expect(await all(handle("a;b\n1;2\n").csv({ delimiter: ";" }))).toEqual([{ a: "1", b: "2" }]);
  expect(await all(handle(gzipSync("a,b\n1\n")).csv({ lossy: true }))).toEqual([{ a: "1", b: "" }]);
});

test("an aborted reading ends with the signal's reason", async () => {
  const abort = new AbortController();
  const reading = (async () => {
    for await (const _line of handle("a\n".repeat(100)).lines({ signal: abort.signal }))
      abort.abort(new Error("enough"));
  })();
  await expect(reading).rejects.toThrow("enough");
});
