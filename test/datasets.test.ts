import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { type BlobHandle, connect, type PutFile, type PutProgress } from "../src/client/index.ts";
import { testRelay } from "./support/relay.ts";
import { testClient, testHub } from "./support/whole-cluster.ts";

/* Datasets through the SDK, with a real hub. */

const bytesOf = (length: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
};

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const content = async (parts: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await all(parts));

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "musketeers-put-"));
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 10 }));
  return path;
}

/** A folder with files of many sizes, one of them in a folder of its own. */
async function books(): Promise<{ path: string; files: Record<string, Uint8Array> }> {
  const path = await directory();
  await mkdir(join(path, "more", "empty"), { recursive: true });
  const files = {
    "alice.txt": bytesOf(152_089, 3),
    "empty.txt": new Uint8Array(0),
    "more/large.bin": bytesOf(3_000_001, 4),
    "more/ä b.txt": bytesOf(10, 5),
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(path, name), bytes);
  await symlink("alice.txt", join(path, "link.txt"));
  await symlink(".", join(path, "loop"));
  await symlink("nowhere", join(path, "broken"));
  return { path, files: { ...files, "link.txt": files["alice.txt"] } };
}

async function cluster() {
  const hub = await testHub();
  return testClient(hub);
}

test("a folder is put and read again, file by file, by name and by CID", async () => {
  const client = await cluster();
  const { path, files } = await books();
  const put: PutFile[] = [];
  const progress: PutProgress[] = [];
  const dataset = await client.put(path, {
    name: "books",
    onFile: (file) => put.push(file),
    onProgress: (state) => progress.push(state),
  });
  const total = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);
  const stat = await dataset.stat();
  expect(stat).toMatchObject({ name: "books", bytes: total, files: 5, replicas: 0 });
  expect(await client.datasets()).toEqual([stat]);
  expect(put.map((file) => file.path).sort()).toEqual(Object.keys(files).sort());
  expect(progress.at(-1)).toMatchObject({ files: 5, bytes: total, bytesTotal: total });
  for (const each of [client.dataset("books"), client.dataset(stat.cid)]) {
    const listed = await all(each.files());
    expect(listed.map(({ name, size }) => [name, size])).toEqual(
      Object.keys(files)
        .sort()
        .map((name) => [name, files[name]!.length]),
    );
    for (const file of listed) {
      expect(Buffer.compare(await content(file.stream()), files[file.name!]!)).toBe(0);
    }
  }
  const large = await dataset.file("more/large.bin");
  const bytes = files["more/large.bin"]!;
  const part = await content(client.open(large.cid, { start: 262_000, end: 2_000_000 }));
  expect(Buffer.compare(part, bytes.subarray(262_000, 2_000_000))).toBe(0);
  expect(Buffer.compare(await large.bytes({ start: 2_999_999 }), bytes.subarray(2_999_999))).toBe(0);
  expect(await dataset.lookUp("more")).toMatchObject({ kind: "folder" });
});

test("what is put again, or partly, is sent only as far as the hub lacks it", async () => {
  const client = await cluster();
  const { path, files } = await books();
  const sent = async (source: string | Uint8Array, name: string) => {
    let last: PutProgress | undefined;
    const options = { name, onProgress: (state: PutProgress) => (last = state) };
    await (typeof source === "string" ? client.put(source, options) : client.put(source, options));
    return last!.sentBytes;
  };
  const first = await sent(path, "one");
  expect(first).toBeGreaterThan(3_152_000);
  expect(await sent(pathToFileURL(path).pathname, "two")).toBe(0);
  const changed = new Uint8Array([...files["more/large.bin"]!, 1]);
  expect(await sent(changed, "three")).toBeLessThan(500_000);
});

test("a put that was cut goes on where it was", async () => {
  const client = await cluster();
  const bytes = bytesOf(20_000_000, 9);
  const stop = new AbortController();
  async function* slowly() {
    for (let at = 0; at < bytes.length; at += 1_000_000) {
      if (at === 12_000_000) stop.abort(new Error("the line was cut"));
      yield bytes.subarray(at, at + 1_000_000);
    }
  }
  await expect(client.put(slowly(), { signal: stop.signal })).rejects.toThrow("the line was cut");
  let last: PutProgress | undefined;
  const file = await client.put(bytes, {
    onProgress: (state) => {
      last = state;
    },
  });
  expect(last!.sentBytes).toBeLessThan(16_000_000);
  expect(Buffer.compare(await content(client.open(file.cid)), bytes)).toBe(0);
});

test("one content is a file with the CID of the world; with a name it is a dataset of one file", async () => {
  const client = await cluster();
  const text = new TextEncoder().encode("hello world");
  const file: BlobHandle = await client.put(text);
  expect(file.cid).toBe("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  expect(await file.text()).toBe("hello world");
  const dataset = await client.put(new Blob([text]), { name: "greeting" });
  expect((await all(dataset)).map(({ cid, name }) => [cid, name])).toEqual([[file.cid, "greeting"]]);
  const list = { files: [{ path: "a/b.txt", content: text }, new File([text], "c.txt")] };
  const listed = await client.put(list);
  expect((await all(listed)).map(({ name }) => name)).toEqual(["a/b.txt", "c.txt"]);
  const chunked = await client.put(bytesOf(100_000), { chunkBytes: 1000 });
  expect(chunked.cid).not.toBe((await client.put(bytesOf(100_000))).cid);
  expect(Buffer.compare(await chunked.bytes(), bytesOf(100_000))).toBe(0);
});

test("what is wrong is said with a code", async () => {
  const client = await cluster();
  const { path } = await books();
  await client.put(path, { name: "books" });
  const other = new Uint8Array(5);
  await expect(client.put(other, { name: "books" })).rejects.toMatchObject({ code: "DATASET_EXISTS" });
  await client.put(other, { name: "books", replace: true });
  expect((await client.dataset("books").stat()).bytes).toBe(5);
  await expect(client.put(other, { name: "No Name" })).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  await expect(client.put(join(path, "nothing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(client.put(7 as never)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  const leading = { files: [{ path: "../x", content: other }] };
  await expect(client.put(leading)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  await expect(client.dataset("nothing").stat()).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(all(client.dataset("nothing").files())).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(client.dataset("books").file("nothing")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(() => client.open("hello")).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  expect(await client.removeDataset("books")).toMatchObject({ name: "books", files: 1 });
  await expect(client.removeDataset("books")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await client.datasets()).toEqual([]);
});

test("cuts of the connection while files go there and back cost blocks, not files", async () => {
  const hub = await testHub();
  const relay = await testRelay(hub.url);
  const client = await connect({ hub: relay.through(hub.invite({ role: "submitter" })) });
  onTestFinished(() => client.close());
  const bytes = bytesOf(30_000_000, 11);
  let cuts = 0;
  async function* cutting(step: number) {
    for (let at = 0; at < bytes.length; at += step) {
      if (at > 0 && at % (step * 5) === 0) {
        relay.cut();
        cuts++;
      }
      yield bytes.subarray(at, at + step);
    }
  }
  let last: PutProgress | undefined;
  const file = await client.put(cutting(1_000_000), {
    onProgress: (state) => {
      last = state;
    },
  });
  expect(cuts).toBe(5);
  // What was under way at a cut is sent again, nothing else.
  expect(last!.sentBytes).toBeLessThan(45_000_000);
  const got: Uint8Array[] = [];
  let next = 6_000_000;
  let length = 0;
  for await (const part of client.open(file.cid)) {
    got.push(part);
    length += part.length;
    if (length < next) continue;
    next += 6_000_000;
    relay.cut();
    cuts++;
  }
  expect(cuts).toBeGreaterThanOrEqual(9);
  expect(Buffer.compare(Buffer.concat(got), bytes)).toBe(0);
});
