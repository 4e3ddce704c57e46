import process from "node:process";
import { expect, test, vi } from "vitest";
import { cidOf, cidOfDigest, encodeBlobRef, FileBuilder, isNamedBy, parseCid } from "../../data/index.ts";
import {
  asFileValue,
  defaultLimits,
  encodeOutputs,
  encodeResumed,
  encodeValue,
  packRecords,
  type TaskSpec,
} from "../../protocol/index.ts";
import { Prefetch } from "./prefetch.ts";

const task: TaskSpec = {
  bundle: "b",
  entry: "export:main",
  title: "t",
  timeoutMs: 1000,
  memoryBytes: 1000,
  net: [],
};

/** Blobs of which it is known which were asked for, and that are given when they are let. */
class Shelf {
  readonly blocks = new Map<string, Uint8Array>();
  readonly kept = new Set<string>();
  readonly asked: string[] = [];
  #onAsked = () => {};
  gate: Promise<void> | undefined;

  has(cid: string): boolean {
    return this.kept.has(cid);
  }

  async get(cid: string, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    this.asked.push(cid);
    options.signal?.addEventListener("abort", () => {}, { once: true });
    this.#onAsked();
    await this.gate;
    options.signal?.throwIfAborted();
    const bytes = this.blocks.get(cid);
    if (bytes === undefined) throw new Error(`no ${cid}`);
    this.kept.add(cid);
    return bytes;
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#onAsked = resolve;
      });
    }
  }

  /** A file of chunks of 1,000 bytes. */
  async file(bytes: number, seed: number) {
    const leaves: string[] = [];
    const put = (cid: string, block: Uint8Array) => {
      this.blocks.set(cid, block);
      if (parseCid(cid).codec === "raw") leaves.push(cid);
      return undefined;
    };
    const builder = new FileBuilder({ put }, { chunkBytes: 1000 });
    await builder.write(Uint8Array.from({ length: bytes }, (_, at) => (at * seed) >>> 3));
    const { cid } = await builder.end();
    return { ref: { cid, bytes }, leaves };
  }

  value(bytes: number, seed: number) {
    const content = encodeValue(new Uint8Array(bytes).fill(seed));
    const cid = cidOf(content);
    this.blocks.set(cid, content);
    return { cid, record: encodeBlobRef(cid, content.length) };
  }
}

const turns = async () => {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
};

const prefetchOf = (shelf: Shelf, inputsAheadBytesMax = 1e9) => new Prefetch(shelf, { inputsAheadBytesMax });
const lease = (id: string, from = 0) => ({ lease: id, from, task });

test("what inputs refer to is fetched, in their order, and what is here already is not", async () => {
  const shelf = new Shelf();
  const one = await shelf.file(2500, 3);
  const two = await shelf.file(1500, 5);
  const value = shelf.value(70_000, 7);
  shelf.kept.add(one.leaves[1]!);
  const records = [
    encodeValue({ deep: [asFileValue(one.ref)] }),
    encodeValue("nothing"),
    encodeResumed(encodeValue([asFileValue(two.ref)]), encodeValue("state")),
    value.record,
  ];
  prefetchOf(shelf).begin(lease("a"), packRecords(records));
  await shelf.until(() => shelf.asked.includes(value.cid));
  expect(shelf.asked).toEqual([
    one.ref.cid,
    one.leaves[0],
    one.leaves[2],
    two.ref.cid,
    ...two.leaves,
    value.cid,
  ]);
});

test("of a segment its own part is fetched", async () => {
  const shelf = new Shelf();
  const { ref, leaves } = await shelf.file(9_500, 3);
  prefetchOf(shelf).begin(
    lease("a"),
    packRecords([encodeValue(asFileValue({ ...ref, start: 2_500, end: 4_001 }))]),
  );
  await shelf.until(() => shelf.asked.length === 4);
  await turns();
  expect(shelf.asked).toEqual([ref.cid, ...leaves.slice(2, 5)]);
});

test("of a column its outputs are", async () => {
  const shelf = new Shelf();
  const { ref } = await shelf.file(900, 3);
  const { codec, digest } = parseCid(ref.cid);
  const column = encodeOutputs([undefined, { digest, codec, bytes: 900 }]);
  const stage = { kind: "reduce", partitions: 1 } as const;
  prefetchOf(shelf).begin({ lease: "a", from: 0, task: { ...task, stage } }, packRecords([column]));
  await shelf.until(() => shelf.asked.length === 1);
  expect(shelf.asked).toEqual([ref.cid]);
});

test("small outputs of columns are asked for together, so that they travel together; large ones one by one", async () => {
  const shelf = new Shelf();
  shelf.gate = new Promise(() => {});
  const outputOf = (seed: number, bytes: number) => {
    const content = new Uint8Array(bytes).fill(seed);
    return { ...parseCid(cidOf(content)), bytes };
  };
  const small = Array.from({ length: 70 }, (_, at) => outputOf(at, 900));
  const columns = [small.slice(0, 40), [...small.slice(40), outputOf(71, 70_000), outputOf(72, 900)]];
  const stage = { kind: "reduce", partitions: 2 } as const;
  const records = packRecords(columns.map((outputs) => encodeOutputs(outputs)));
  const prefetch = prefetchOf(shelf);
  const warned = vi.fn();
  process.on("warning", warned);
  prefetch.begin({ lease: "a", from: 0, task: { ...task, stage } }, records);
  await turns();
  expect(shelf.asked).toEqual(small.slice(0, 64).map(({ digest, codec }) => cidOfDigest(digest, codec)));
  // Node would take so many listeners for a leak, and say so at the worker's terminal.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warned);
  expect(warned).not.toHaveBeenCalled();
  prefetch.end();
});

test("inputsAheadBytesMax: so much ahead and no more, until some inputs are done; nothing for those that are", async () => {
  const shelf = new Shelf();
  const values = [1, 2, 3, 4, 5, 6].map((seed) => shelf.value(1000, seed));
  const prefetch = prefetchOf(shelf, 2500);
  prefetch.begin(lease("a"), packRecords(values.slice(0, 3).map(({ record }) => record)));
  prefetch.begin(lease("a", 3), packRecords(values.slice(3).map(({ record }) => record)));
  await turns();
  const cids = values.map(({ cid }) => cid);
  expect(shelf.asked).toEqual(cids.slice(0, 3));
  prefetch.advance("a", 1);
  await turns();
  expect(shelf.asked).toEqual(cids.slice(0, 4));
  prefetch.advance("a", 5);
  await turns();
  expect(shelf.asked).toEqual([...cids.slice(0, 4), cids[5]]);
});

test("a lease that is over is not fetched for any more, and makes room for others", async () => {
  const shelf = new Shelf();
  let open!: () => void;
  shelf.gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const [first, second, third] = [1, 2, 3].map((seed) => shelf.value(1000, seed)) as [
    ReturnType<Shelf["value"]>,
    ReturnType<Shelf["value"]>,
    ReturnType<Shelf["value"]>,
  ];
  const prefetch = prefetchOf(shelf, 1000);
  prefetch.begin(lease("a"), packRecords([first.record, second.record]));
  prefetch.begin(lease("b"), packRecords([third.record]));
  await turns();
  expect(shelf.asked).toEqual([first.cid]);
  prefetch.advance("a", undefined);
  open();
  await shelf.until(() => shelf.asked.length === 2);
  expect(shelf.asked).toEqual([first.cid, third.cid]);
  expect(shelf.kept.has(first.cid)).toBe(false);
});

test("what cannot be had, and records that are none, hinder nothing", async () => {
  const shelf = new Shelf();
  const { ref } = await shelf.file(100, 3);
  const missing = { cid: cidOf(Uint8Array.of(1)), bytes: 1 };
  const like = Uint8Array.of(0xd9, 0x4d, 0x53, 0x01);
  const stage = { kind: "reduce", partitions: 1 } as const;
  const prefetch = prefetchOf(shelf);
  prefetch.begin({ lease: "x", from: 0, task: { ...task, stage } }, packRecords([encodeValue("no column")]));
  prefetch.begin(lease("a"), packRecords([like, encodeValue([asFileValue(missing), asFileValue(ref)])]));
  await shelf.until(() => shelf.asked.length === 2);
  expect(shelf.asked).toEqual([missing.cid, ref.cid]);
  expect(isNamedBy(shelf.blocks.get(ref.cid)!, ref.cid)).toBe(true);
  expect(defaultLimits.inputsAheadBytesMax).toBeGreaterThan(0);
});
