import { expect, test } from "vitest";
import { buildFile, cidOf, encodeBlobRef } from "../../data/index.ts";
import { memoryEngine } from "../../engine/index.ts";
import {
  asFileValue,
  defaultLimits,
  encodeValue,
  type FileRef,
  packRecords,
  type Range,
} from "../../protocol/index.ts";
import { Locality } from "./locality.ts";
import { Tracker } from "./tracker.ts";

const CHUNK_BYTES = 1_000;

/** A file of so many different chunks in an engine, and its chunks. */
async function world(chunks: number, limits = defaultLimits) {
  const engine = memoryEngine();
  const leaves: string[] = [];
  const content = new Uint8Array(chunks * CHUNK_BYTES);
  for (let at = 0; at < chunks; at++) content[at * CHUNK_BYTES] = at + 1;
  const sink = {
    put: async (cid: string, bytes: Uint8Array) => {
      if (cid.startsWith("bafkrei")) leaves.push(cid);
      await engine.blobs.put(bytes, { expect: cid });
    },
  };
  const { cid, bytes } = await buildFile([content], sink, { chunkBytes: CHUNK_BYTES });
  const tracker = new Tracker(limits, () => true);
  const told: { worker: string; job: string; ranges: readonly Range[]; kept: boolean }[] = [];
  const { blobs } = engine;
  const locality = new Locality({ blobs, limits, tracker, onNear: (near) => told.push(near) });
  const hold = (worker: string, cids: readonly string[]) => {
    for (const one of cids) tracker.hold(worker, one);
    locality.holdings(worker, cids, []);
  };
  const drop = (worker: string, cids: readonly string[]) => {
    for (const one of cids) tracker.drop(worker, one);
    locality.holdings(worker, [], cids);
  };
  const file: FileRef = { cid, bytes };
  const segment = (from: number, to: number) =>
    encodeValue([asFileValue({ ...file, start: from * CHUNK_BYTES, end: to * CHUNK_BYTES }), "lines"]);
  return { locality, tracker, told, hold, drop, file, segment, leaves, next: () => told.splice(0) };
}

test("a worker is near to the segments of which it has most", async () => {
  const { locality, hold, drop, segment, leaves, next } = await world(20);
  hold("early", leaves.slice(0, 10));
  locality.inputs("job", 5, packRecords([segment(0, 10), segment(10, 20)]));
  await locality.settled;
  expect(next()).toEqual([{ worker: "early", job: "job", ranges: [[5, 6]], kept: true }]);
  hold("late", leaves.slice(10, 11));
  expect(next()).toEqual([]);
  hold("late", leaves.slice(11, 16));
  expect(next()).toEqual([{ worker: "late", job: "job", ranges: [[6, 7]], kept: true }]);
  drop("late", leaves.slice(15, 16));
  expect(next()).toEqual([{ worker: "late", job: "job", ranges: [[6, 7]], kept: false }]);
});

test("small files and large values count, and what refers to nothing does not", async () => {
  const { locality, hold, next } = await world(1);
  const small = encodeValue("a file of one block");
  const value = encodeValue("a large value");
  const records = [
    encodeValue(1),
    encodeValue({ text: asFileValue({ cid: cidOf(small), bytes: small.length, name: "x" }) }),
    encodeBlobRef(cidOf(value), value.length),
    new Uint8Array([0xd9, 0x4d, 0x53, 0x83]),
  ];
  locality.inputs("job", 0, packRecords(records));
  await locality.settled;
  expect(locality.count).toBe(2);
  hold("w", [cidOf(small), cidOf(value)]);
  expect(next()).toEqual([{ worker: "w", job: "job", ranges: [[1, 3]], kept: true }]);
});

test("what all inputs refer to brings nobody near to any", async () => {
  const { locality, hold, segment, leaves, next, tracker } = await world(4);
  const shared = encodeBlobRef(cidOf(encodeValue("shared")), 10);
  locality.inputs("job", 0, packRecords(new Array<Uint8Array>(1_000).fill(shared)));
  await locality.settled;
  hold("w", [cidOf(encodeValue("shared"))]);
  expect(next().flatMap(({ ranges }) => ranges)).toEqual([[0, 64]]);
  locality.inputs("other", 0, packRecords([segment(0, 4), shared]));
  tracker.hold("w", leaves[0]!);
  await locality.settled;
  expect(next()).toEqual([]);
});

test("nothing is kept of a job that ended, and what its data was is looked up no more", async () => {
  const { locality, hold, segment, leaves, next } = await world(4);
  locality.inputs("job", 0, packRecords([segment(0, 4)]));
  locality.ended("job");
  await locality.settled;
  locality.inputs("again", 0, packRecords([segment(0, 2), segment(2, 4)]));
  await locality.settled;
  expect(locality.count).toBe(2);
  locality.ended("again");
  expect(locality.count).toBe(0);
  hold("w", leaves);
  expect(next()).toEqual([]);
});

test("a file that the hub cannot read is near to nobody", async () => {
  const { locality, file } = await world(2);
  const wrong = { ...file, cid: cidOf(new Uint8Array(5), "dag-pb") };
  locality.inputs("job", 0, packRecords([encodeValue(asFileValue(wrong))]));
  await locality.settled;
  expect(locality.count).toBe(0);
});

test("nearInputsMax: further inputs go to anybody", async () => {
  const { locality, segment } = await world(4, { ...defaultLimits, nearInputsMax: 3 });
  for (const from of [0, 2, 4]) {
    locality.inputs("job", from, packRecords([segment(0, 2), segment(2, 4)]));
    await locality.settled;
  }
  expect(locality.count).toBe(3);
});
