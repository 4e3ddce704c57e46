import { expect, test, vi } from "vitest";
import { type Emit, max } from "../src/client/index.ts";
import { SmallDisk } from "./support/small-disk.ts";
import { testCluster } from "./support/whole-cluster.ts";
import { wordCount } from "./support/word-count.ts";

/*
 * What is wrong with data is a coded error, or makes things slower; nothing is lost of it:
 *
 *   a dataset that is not there       NOT_FOUND          | half of everything under one key   right, or LIMIT_EXCEEDED
 *   a name that is taken              DATASET_EXISTS     | no space on a worker               right
 *   a CAR that is cut off             CAR_MALFORMED      | no space at the hub                full-disk.test.ts
 *   text that is no UTF-8             INVALID_DATA       | damaged blocks                     damaged-blobs.test.ts
 *   a value that is no data           UNSERIALIZABLE     | outputs that are gone              lost-outputs.test.ts
 */

// Sandboxes one after the other, on a machine that may be very busy.
vi.setConfig({ testTimeout: 300_000 });

const text = new TextEncoder().encode("the cat\nand the dog\n".repeat(200));

test("mistakes with data have their codes, and neither the data nor the cluster take harm", async () => {
  const { cluster } = await testCluster();
  const books = await cluster.put(text, { name: "books" });
  const cid = await books.cid();
  const code = (expected: string) => expect.objectContaining({ code: expected });

  await expect(cluster.mapReduce(wordCount, { input: cluster.dataset("none") })).rejects.toEqual(
    code("NOT_FOUND"),
  );
  await expect(cluster.put(new Uint8Array(3), { name: "books" })).rejects.toEqual(code("DATASET_EXISTS"));

  const parts: Uint8Array[] = [];
  for await (const part of books.car()) parts.push(part);
  const car = Buffer.concat(parts);
  async function* cutAt(bytes: number) {
    yield car.subarray(0, bytes);
  }
  for (const bytes of [0, 20, car.length - 1]) {
    await expect(cluster.importCar(cutAt(bytes), { name: "later" })).rejects.toEqual(code("CAR_MALFORMED"));
  }

  const noText = await cluster.put(Uint8Array.of(97, 10, 0xff, 10));
  await expect(cluster.mapReduce(wordCount, { input: noText })).rejects.toEqual(code("INVALID_DATA"));
  const map = (word: string, emit: Emit<string, number>) => emit(word, (() => 1) as never);
  await expect(cluster.mapReduce({ input: ["a"], map, reduce: max })).rejects.toEqual(code("UNSERIALIZABLE"));

  expect((await cluster.datasets()).map(({ name, cid: of }) => [name, of])).toEqual([["books", cid]]);
  const counts = await cluster.mapReduce(wordCount, { input: books });
  expect(await counts.top(1).toArray()).toEqual([["the", 400]]);
});

test("half of everything under one key is reduced all the same, or is said to be too much at once", async () => {
  const { cluster } = await testCluster();
  const options = {
    input: Array.from({ length: 200 }, (_, at) => at),
    // Of each record half goes to one key; far more than a stage may gather.
    map: (at: number, emit: Emit<string, string>) => {
      for (let nth = 0; nth < 200; nth++) emit(nth % 2 === 0 ? "hot" : `${at} ${nth}`, "x".repeat(100));
    },
    partitions: 2,
    memory: "4MB",
  } as const;
  const counts = await cluster.mapReduce({
    ...options,
    reduce: async (_key: string, values: AsyncIterable<string>) => {
      let bytes = 0;
      for await (const value of values) bytes += value.length;
      return bytes;
    },
  });
  expect(counts.size).toBe(1 + 200 * 100);
  expect(await counts.top(1).toArray()).toEqual([["hot", 200 * 100 * 100]]);
  const greedy = cluster.mapReduce({
    ...options,
    reduce: (_key: string, values: Iterable<string>) => [...values].length,
  });
  await expect(greedy).rejects.toMatchObject({
    code: "LIMIT_EXCEEDED",
    message: expect.stringContaining("hot"),
  });
});

test("a worker without space keeps less, and its results are right", async (context) => {
  const disk = await SmallDisk.mount(context, 2);
  await disk.fill();
  const { cluster } = await testCluster([{ cacheDirectory: disk.path, trust: true }]);
  const large = await cluster.put(Buffer.concat(new Array<Uint8Array>(1_000).fill(text)), {
    name: "large",
    replicas: 1,
  });
  const counts = await cluster.mapReduce(wordCount, { input: large, segmentBytes: 1_000_000 });
  expect([...(await counts.toMap())]).toEqual([
    ["and", 200_000],
    ["cat", 200_000],
    ["dog", 200_000],
    ["the", 400_000],
  ]);
  const [dataset] = await cluster.datasets();
  expect(dataset!.keptBy.filter(({ whole }) => whole)).toEqual([]);
});
