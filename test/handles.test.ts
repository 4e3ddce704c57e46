import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { BlobHandle, TaskError } from "../src/client/index.ts";
import { cidOf } from "../src/data/index.ts";
import { defaultLimits } from "../src/protocol/index.ts";
import { copyWatched, fill, look, middle, readText, sumOfCsv, upperCase } from "./support/file-tasks.ts";
import { MortalHub } from "./support/mortal-hub.ts";
import { temporaryDirectory, testCluster, testSite, testWorker } from "./support/whole-cluster.ts";

/* Files as inputs and results of tasks, with a real hub, real workers and real sandboxes. */

const utf8 = (content: string) => new TextEncoder().encode(content);
const text = Array.from({ length: 60_000 }, (_, line) => `line ${line} of the text, ä\n`).join("");

test("a file is an input like any other value, read in parts and as a whole, by either sandbox", {
  timeout: 120_000,
}, async () => {
  for (const trust of [false, true]) {
    const { cluster } = await testCluster([{ trust }]);
    const dataset = await cluster.put(
      { files: [{ path: "a/text.txt", content: utf8(text) }] },
      { name: "texts" },
    );
    const file = await dataset.file("a/text.txt");
    const { length } = Buffer.from(text);
    expect(await cluster.run(look, { file })).toEqual({
      name: "a/text.txt",
      size: length,
      first: "line 0 of the text, ä",
      lines: 60_000,
      streamed: length,
    });
    const [start, end] = [700_001, 1_100_003];
    const part = await cluster.run(middle, { file, start, end });
    expect(Buffer.compare(part, Buffer.from(text).subarray(start, end))).toBe(0);
  }
});

test("files by files: a dataset is what a task is mapped over, and packed ones are read as what they hold", {
  timeout: 120_000,
}, async () => {
  const { cluster } = await testCluster([{}]);
  const csv = 'amount,what\n1,a\n2,"b\nc"\n';
  const dataset = await cluster.put(
    {
      files: [
        { path: "1.csv", content: utf8(csv) },
        { path: "2.csv.gz", content: new Uint8Array(gzipSync(csv)) },
      ],
    },
    { name: "sums" },
  );
  const sums = await cluster.map(sumOfCsv, dataset).values().toArray();
  expect(sums).toEqual([3, 3]);
});

test("a file that a task writes is at the hub when its result is, and is an input in its turn", {
  timeout: 120_000,
}, async () => {
  const { cluster } = await testCluster([{}, { trust: true }]);
  const file = await cluster.put(utf8(text));
  const { list } = await cluster.run(upperCase, file);
  const [upper] = list as [BlobHandle];
  expect(upper).toBeInstanceOf(BlobHandle);
  expect(await upper.text()).toBe(text.toUpperCase());
  const again = await cluster.map(readText, [upper, upper]).values().toArray();
  expect(again.map((each) => each === text.toUpperCase())).toEqual([true, true]);
  // The same bytes are the same file, whoever made it.
  expect((await cluster.put(utf8(text.toUpperCase()))).cid).toBe(upper.cid);
});

test("fileBytesUnstoredMax: a task that writes faster than its worker can store waits, and loses nothing", {
  timeout: 120_000,
}, async () => {
  const limits = { ...defaultLimits, fileBytesUnstoredMax: 300_000 };
  const { cluster } = await testCluster([{ limits }]);
  const sizes = [0, 5, 4_321_000];
  for (const size of sizes) {
    const file = await cluster.run(fill, size);
    expect(file.size).toBe(size);
    const hash = createHash("sha256");
    for await (const chunk of file.stream()) hash.update(chunk);
    const whole = Buffer.alloc(size);
    for (let at = 0; at < size; at += 100_000) whole.fill(at / 100_000, at, Math.min(size, at + 100_000));
    expect(hash.digest("hex")).toBe(createHash("sha256").update(whole).digest("hex"));
  }
});

test("a file that is not there, and one that is no text, fail their inputs with a code, and no others", {
  timeout: 120_000,
}, async () => {
  const { cluster } = await testCluster([{}]);
  const good = await cluster.put(utf8("good"));
  const invalid = await cluster.put(Uint8Array.of(0x61, 0xff));
  const absent = new BlobHandle(
    { cid: cidOf(Uint8Array.of(1, 2, 3)), bytes: 3 },
    { readFile: () => good.stream() },
  );
  const results = await cluster.map(readText, [good, absent, invalid, good], { ordered: true }).toArray();
  const outcomes = results.map((result) =>
    result.ok ? result.value : [result.error.name, result.error.code],
  );
  expect(outcomes).toEqual([
    "good",
    ["MusketeersError", "NOT_FOUND"],
    ["MusketeersError", "INVALID_DATA"],
    "good",
  ]);
  expect(results[1]!.error).toBeInstanceOf(TaskError);
});

test("a worker that comes back has kept what it read: the hub sends nothing twice", {
  timeout: 120_000,
}, async () => {
  const cacheDirectory = await temporaryDirectory();
  const { hub, workers, cluster } = await testCluster([{ cacheDirectory }]);
  const file = await cluster.put(utf8(text));
  const first = await cluster.run(look, { file });
  await workers[0]!.stop();
  const { blobBytesSent } = await cluster.status();
  expect(blobBytesSent).toBeGreaterThan(text.length);
  await testWorker(hub, { cacheDirectory });
  expect(await cluster.run(look, { file })).toEqual(first);
  // The task's code is fetched anew, and nothing else.
  expect((await cluster.status()).blobBytesSent - blobBytesSent).toBeLessThan(100_000);
});

test("a hub that is killed while a task reads and writes a file costs time and nothing else", {
  timeout: 180_000,
}, async () => {
  const site = await testSite();
  const hub = await MortalHub.start();
  await hub.worker({ allowNet: [site.host] });
  const cluster = await hub.client();
  // More than all windows hold, so that most of it is still at the hub when that dies.
  const content = new Uint8Array(30_000_000);
  for (let at = 0; at < content.length; at += 1000) content[at] = (at / 1000) * 31;
  const file = await cluster.put(content);
  const copying = cluster.run(copyWatched, { file, url: `${site.url}/begun` }, { net: [site.host] });
  await site.reached(1);
  await hub.kill();
  await hub.revive();
  const copy = await copying;
  // Equal content has an equal name, so this compares all of it.
  expect({ cid: copy.cid, size: copy.size, name: copy.name }).toEqual({
    cid: file.cid,
    size: content.length,
    name: "copy",
  });
});
