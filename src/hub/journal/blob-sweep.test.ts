import { expect, test } from "vitest";
import { buildFile, cidOf, encodeBlobRef, parseCid, TreeBuilder } from "../../data/index.ts";
import { memoryEngine } from "../../engine/index.ts";
import {
  defaultLimits,
  encodeFailure,
  encodeOutputs,
  encodeValue,
  packRecords,
} from "../../protocol/index.ts";
import { Jobs } from "../jobs/jobs.ts";
import { jobSpec } from "../testing/peer.ts";
import { blobRefsIn, sweepBlobs } from "./blob-sweep.ts";
import { IndexedBlock } from "./block.ts";
import { encodeLedgerRecord } from "./ledger-record.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const refTo = (text: string): Uint8Array => encodeBlobRef(cidOf(bytesOf(text)), text.length);

test("references are found wherever they stand", () => {
  const records = [
    encodeValue({ a: 1 }),
    refTo("one"),
    encodeValue({ deep: [{ cid: cidOf(bytesOf("in a value"), "dag-pb") }] }),
    encodeValue(`no ${cidOf(bytesOf("three"))}`),
    refTo("two"),
  ];
  const found = [...blobRefsIn(packRecords(records))];
  expect(found).toEqual([
    cidOf(bytesOf("one")),
    cidOf(bytesOf("in a value"), "dag-pb"),
    cidOf(bytesOf("two")),
  ]);
  expect([...blobRefsIn(packRecords(records).subarray(0, 40))]).toEqual([]);
});

test("blobsUnusedMs: what a kept job refers to stays, and so does what was used lately", async () => {
  let nowMs = 0;
  const { blobs, journal } = memoryEngine({ nowMs: () => nowMs });
  const stored = ["bundle", "input", "on its way", "result", "garbage", "touched"];
  for (const text of stored) await blobs.put(bytesOf(text));
  const jobs = new Jobs(defaultLimits);
  const spec = jobSpec();
  const entry = jobs.add({ ...spec, task: { ...spec.task, bundle: cidOf(bytesOf("bundle")) } }, 0);
  const { job } = entry.spec;
  const results = { worker: "pi", ranges: [[0, 1]], failures: [], retries: [] } as const;
  const [input, result] = await journal.append([
    encodeLedgerRecord({ type: "inputs", job, from: 0, count: 1 }, packRecords([refTo("input")])),
    encodeLedgerRecord({ type: "results", job, ...results }, packRecords([refTo("result")])),
  ]);
  entry.inputBlocks.push(0, 1, input!);
  entry.inputBlocks.push(1, 1, -1);
  entry.unstored.set(1, new IndexedBlock(packRecords([refTo("on its way")]), 1));
  entry.addResults(result!, "pi", results.ranges, [], defaultLimits);

  nowMs = 1_000;
  await blobs.touch(cidOf(bytesOf("touched")));
  await blobs.put(bytesOf("new"));
  const { signal } = new AbortController();
  const freed = await sweepBlobs({ jobs, roots: [], blobs, journal, unusedSinceMs: 500, signal });
  expect(freed).toBe("garbage".length);
  for (const text of [...stored, "new"]) {
    expect([text, (await blobs.stat(cidOf(bytesOf(text)))) === undefined]).toEqual([
      text,
      text === "garbage",
    ]);
  }
});

test("what answers name that wait for others' stays: values, and files of rows", async () => {
  const { blobs, journal } = memoryEngine({ nowMs: () => 0 });
  for (const text of ["voted", "output", "refuted"]) await blobs.put(bytesOf(text));
  const { digest } = parseCid(cidOf(bytesOf("output")));
  const row = encodeOutputs([undefined, { digest, codec: "raw", bytes: 6 }]);
  const candidates = [packRecords([refTo("voted")]), packRecords([encodeValue(7), row])];
  const rest = { jobs: new Jobs(defaultLimits), roots: [], blobs, journal, unusedSinceMs: 1 };
  const freed = await sweepBlobs({ ...rest, candidates, signal: new AbortController().signal });
  expect(freed).toBe("refuted".length);
  expect(await blobs.stat(cidOf(bytesOf("output")))).toBeDefined();
  expect(await blobs.stat(cidOf(bytesOf("voted")))).toBeDefined();
});

test("of a dataset, and of a file that a job refers to, every block stays", async () => {
  const { blobs, journal } = memoryEngine({ nowMs: () => 0 });
  const sink = { put: (cid: string, bytes: Uint8Array) => blobs.put(bytes, { expect: cid }).then(() => {}) };
  const build = (text: string) => buildFile([bytesOf(text)], sink, { chunkBytes: 3 });
  const tree = new TreeBuilder(sink);
  tree.add("books/alice.txt", await build("alice was beginning"));
  const dataset = await tree.end();
  const input = await build("an input of a job");
  const garbage = await build("garbage in pieces");
  const jobs = new Jobs(defaultLimits);
  const entry = jobs.add(jobSpec(), 0);
  const record = encodeValue({ file: input.cid });
  entry.unstored.set(0, new IndexedBlock(packRecords([record]), 1));
  entry.inputBlocks.push(0, 1, -1);
  const { signal } = new AbortController();
  const sweep = (roots: string[]) => sweepBlobs({ jobs, roots, blobs, journal, unusedSinceMs: 1, signal });
  expect(await sweep([dataset.cid])).toBe(garbage.treeBytes);
  expect(await sweep([dataset.cid])).toBe(0);
  expect(await sweep([])).toBe(dataset.treeBytes);
  expect((await blobs.stat(input.cid))?.cid).toBe(input.cid);
});

test("of a shuffle that runs, the outputs of its map stage stay; when it has ended, they go", async () => {
  const { blobs, journal } = memoryEngine({ nowMs: () => 0 });
  const sink = { put: (cid: string, bytes: Uint8Array) => blobs.put(bytes, { expect: cid }).then(() => {}) };
  const tree = await buildFile([bytesOf("an output in pieces")], sink, { chunkBytes: 3 });
  const leaf = await buildFile([bytesOf("small")], sink);
  const jobs = new Jobs(defaultLimits);
  const entry = jobs.add({ ...jobSpec(), shuffle: { partitions: 2 } }, 0);
  const map = entry.map!;
  const failure = encodeFailure({ kind: "error", name: "Error", message: "no", stack: "" });
  const outputs = [leaf, tree].map(({ cid, bytes }) => ({ ...parseCid(cid), bytes }));
  const results = { worker: "pi", ranges: [[0, 2]], failures: [], retries: [] } as const;
  const { job } = map.spec;
  const body = packRecords([failure, encodeOutputs(outputs)]);
  const stored = encodeLedgerRecord({ type: "results", job, ...results }, body);
  const [plain, moved] = await journal.append([stored, encodeLedgerRecord({ type: "moved" }, stored)]);
  const { signal } = new AbortController();
  const sweep = () => sweepBlobs({ jobs, roots: [], blobs, journal, unusedSinceMs: 1, signal });
  for (const position of [plain!, moved!]) {
    map.addResults(position, "pi", results.ranges, [], defaultLimits);
    expect(await sweep()).toBe(0);
  }
  entry.end("done", "", 0);
  expect(await sweep()).toBe(tree.treeBytes + leaf.treeBytes);
});

test("files that a large value refers to stay, wherever in it that stands", async () => {
  const { blobs, journal } = memoryEngine({ nowMs: () => 0 });
  const sink = { put: (cid: string, bytes: Uint8Array) => blobs.put(bytes, { expect: cid }).then(() => {}) };
  const tree = await buildFile([bytesOf("a file in pieces")], sink, { chunkBytes: 3 });
  const leaf = await buildFile([bytesOf("small")], sink);
  const garbage = await buildFile([bytesOf("garbage")], sink);
  const value = encodeValue([
    new Uint8Array(100_000),
    { cid: tree.cid },
    "x".repeat(65_510),
    { cid: leaf.cid },
  ]);
  const { cid } = await blobs.put(value);
  const jobs = new Jobs(defaultLimits);
  const entry = jobs.add(jobSpec(), 0);
  const records = packRecords([encodeBlobRef(cid, value.length), refTo("is gone")]);
  entry.unstored.set(0, new IndexedBlock(records, 2));
  entry.inputBlocks.push(0, 2, -1);
  const { signal } = new AbortController();
  const sweep = () => sweepBlobs({ jobs, roots: [], blobs, journal, unusedSinceMs: 1, signal });
  expect(await sweep()).toBe(garbage.treeBytes);
  // However a store cuts what it reads.
  const read = blobs.read.bind(blobs);
  blobs.read = (of) => inPieces(read(of), 61);
  expect(await sweep()).toBe(0);
  for (const kept of [cid, tree.cid, leaf.cid]) expect((await blobs.stat(kept))?.cid).toBe(kept);
});

async function* inPieces(parts: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  for await (const part of parts) {
    for (let at = 0; at < part.length; at += bytes) yield part.subarray(at, at + bytes);
  }
}
