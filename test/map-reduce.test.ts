import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { type Emit, mapReduce, max, sum, type TaskError, top } from "../src/client/index.ts";
import { resize } from "./support/tasks.ts";
import { testClient, testCluster, testSite, testWorker } from "./support/whole-cluster.ts";
import { wordCount, wordCountOfBytes } from "./support/word-count.ts";

/* Map-reduces through real sandboxes. */

// Many processes one after the other, on a machine that may be very busy.
vi.setConfig({ testTimeout: 300_000 });

const encoder = new TextEncoder();

const lines = Array.from(
  { length: 4000 },
  (_, at) => `the ${at % 7} and the ${at % 1000}${at % 3 === 0 ? "\r" : ""}`,
);
const text = `${lines.join("\n")}\n`;

function counted(of: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of of.split(/[ \r\n]+/)) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

const inOrder = (counts: Map<string, number>) =>
  [...counts].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

describe("a map-reduce", () => {
  test("of this page's form: over a dataset, functions written here", async () => {
    const { cluster } = await testCluster();
    await cluster.put({ files: [{ path: "a/b.txt", content: encoder.encode(text) }] }, { name: "books" });
    const seen: string[] = [];
    const counts = await cluster.mapReduce({
      input: cluster.dataset("books"),
      map: (line, emit) => {
        for (const word of line.split(" ")) if (word) emit(word, 1);
      },
      combine: sum,
      reduce: sum,
      partitions: 8,
      segmentBytes: 5000,
      onProgress: ({ stages }) => seen.push((stages ?? []).map(({ kind }) => kind).join()),
    });
    const expected = counted(text);
    expect(counts.size).toBe(expected.size);
    expect(counts.partitions.length).toBe(8);
    expect([...(await counts.toMap())]).toEqual(inOrder(expected));
    expect(await counts.top(3).toArray()).toEqual([
      ["the", 8000],
      ["and", 4000],
      ["0", expected.get("0")],
    ]);
    for (let index = 0; index < 8; index++) {
      const keys = (await counts.partition(index).toArray()).map(([key]) => Buffer.from(key));
      expect(keys).toEqual([...keys].sort(Buffer.compare));
    }
    expect(seen).toContain("map,reduce");
  });

  test.each([
    ["lines", wordCount],
    ["bytes", wordCountOfBytes],
  ] as const)(
    "that a module defines, by %s, gives the same files whatever the workers",
    async (_name, task) => {
      const digests: unknown[] = [];
      for (const workers of [1, 2]) {
        const { cluster } = await testCluster(Array.from({ length: workers }, () => ({})));
        const file = await cluster.put(encoder.encode(text));
        const counts = await cluster.mapReduce(task, { input: file, segmentBytes: 9000, partitions: 2 });
        expect([...(await counts.toMap())]).toEqual(inOrder(counted(text)));
        digests.push(counts.partitions);
      }
      expect(digests[1]).toEqual(digests[0]);
    },
  );

  test("goes on without whoever submitted it, and gives its pairs to whoever asks later", async () => {
    const { hub, cluster } = await testCluster([]);
    const file = await cluster.put(encoder.encode(text));
    const job = await cluster.submitMapReduce(wordCount, { input: file, segmentBytes: 20_000 });
    await cluster.close();
    const later = await testClient(hub);
    const pairs = later.job(job.id).pairs<string, number>();
    await testWorker(hub);
    expect([...(await (await pairs).toMap())]).toEqual(inOrder(counted(text)));
    const again = await later.job(job.id).pairs();
    expect(again.job).toBe(job.id);
    expect(await again.top(1).toArray()).toEqual([["the", 8000]]);
    const saved = await again.save("counts");
    const files: string[] = [];
    for await (const { name } of saved.files()) files.push(name ?? "");
    expect(files.length).toBe(3);
    const plain = await later.submit(resize, [{ text: "a", bytes: 1 }]);
    await expect(plain.pairs()).rejects.toMatchObject({ code: "BAD_ARGUMENT" });

    const map = () => {
      throw new RangeError("no such word");
    };
    const input = await later.put(new File(["one\ntwo\n"], "notes.txt"));
    const broken = await later.submitMapReduce({ input, map, reduce: sum });
    await expect(broken.pairs()).rejects.toThrow('no such word (in "notes.txt", line 1)');
    expect((await broken.status()).state).toBe("broken");
  });

  test("of records instead of files, keys of any type, values that are lists", async () => {
    const { cluster } = await testCluster();
    async function* measured() {
      for (let at = 0; at < 5000; at++) yield { city: `c${at % 5}`, year: 2000 + (at % 2), value: at };
    }
    interface Measure {
      city: string;
      year: number;
      value: number;
    }
    const best = await cluster.mapReduce({
      input: measured(),
      map: ({ city, year, value }: Measure, emit: Emit<[string, number], number>) =>
        emit([city, year], value),
      reduce: top(2),
    });
    const rows = await best.sorted().toArray();
    expect(rows.slice(0, 2)).toEqual([
      [
        ["c0", 2000],
        [4990, 4980],
      ],
      [
        ["c0", 2001],
        [4995, 4985],
      ],
    ]);
    expect(rows.length).toBe(10);
  });

  test("of what URLs name", async () => {
    const { cluster } = await testCluster();
    const site = await testSite(({ url }) => (url === "/a" ? "x y\n" : "y z\n"));
    const input = ["a", "b"].map((path) => new URL(path, site.url));
    const counts = await cluster.mapReduce(wordCount, { input });
    expect([...(await counts.toMap())]).toEqual([
      ["x", 1],
      ["y", 2],
      ["z", 1],
    ]);
  });

  test("of nothing is empty", async () => {
    const { cluster } = await testCluster();
    const none = await cluster.mapReduce(wordCount, { input: [] });
    expect([none.size, none.partitions.length, await none.top(5).toArray()]).toEqual([0, 3, []]);
  });

  test("is saved as a dataset, and read again", async () => {
    const { cluster } = await testCluster();
    const counts = await cluster.mapReduce(wordCount, { input: ["a b a", "c a"], partitions: 2 });
    const saved = await counts.save("counts");
    const again = await cluster.mapReduce({
      input: saved,
      format: "jsonl",
      map: (pair, emit: Emit<number, string>) => {
        const [word, n] = pair as [string, number];
        emit(n, word);
      },
      reduce: (_n, words: Iterable<string>) => [...words].sort(),
    });
    expect(await again.sorted().toArray()).toEqual([
      [1, ["b", "c"]],
      [3, ["a"]],
    ]);
    const unfit = await cluster.mapReduce({
      input: ["a"],
      map: (line: string, emit: Emit<string, bigint>) => emit(line, 1n),
      reduce: max,
    });
    expect(await unfit.sorted().toArray()).toEqual([["a", 1n]]);
    await expect(unfit.save("unfit")).rejects.toMatchObject({ code: "UNSERIALIZABLE" });
    await expect(again.save("counts")).rejects.toMatchObject({ message: expect.stringContaining("counts") });
    await again.save("counts", { replace: true });
  });

  test("whose functions use what is handed over", async () => {
    const { cluster } = await testCluster();
    const stop = new Set(["b"]);
    const upper = (word: string) => word.toUpperCase();
    const counts = await cluster.mapReduce({
      input: ["a b", "b a c"],
      map: (line: string, emit) => {
        for (const word of line.split(" ")) if (!stop.has(word)) emit(upper(word), 1);
      },
      reduce: sum,
      with: { stop, upper },
    });
    expect(await counts.sorted().toArray()).toEqual([
      ["A", 2],
      ["C", 1],
    ]);
  });
});

describe("what a map-reduce refuses", () => {
  test("functions that use what is not there on a worker", async () => {
    const { cluster } = await testCluster();
    const outside = 1;
    const run = cluster.mapReduce({
      input: ["a"],
      map: (line: string, emit) => emit(line, outside),
      reduce: max,
    });
    await expect(run).rejects.toMatchObject({
      code: "TASK_UNKNOWN",
      message: expect.stringContaining("outside"),
    });
  });

  test("an input that is none, a dataset that is not there, options that nobody knows", async () => {
    const { cluster } = await testCluster();
    const map = (line: string, emit: Emit<string, number>) => emit(line, 1);
    await expect(cluster.mapReduce(wordCount, { input: 5 as never })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
    await expect(cluster.mapReduce(wordCount, {} as never)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await expect(cluster.mapReduce(wordCount, { input: cluster.dataset("none") })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    for (const wrong of [{ partitions: 0 }, { partitions: 5000 }, { nonsense: 1 }]) {
      const run = cluster.mapReduce(wordCount, { input: ["a"], ...wrong });
      await expect(run).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    }
    await expect(cluster.mapReduce({ input: ["a"], map } as never)).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
    expect(() => mapReduce({ map } as never)).toThrowError(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    expect(() => wordCount(undefined as never)).toThrowError(
      expect.objectContaining({ code: "BAD_ARGUMENT" }),
    );
  });
});

describe("an error in a map-reduce", () => {
  test("of a map is the user's, with where in the input it is", async () => {
    const { cluster } = await testCluster();
    const file = await cluster.put(new File([`good\n${"x\n".repeat(3000)}bad\n`], "notes.txt"));
    const failed: TaskError = await cluster
      .mapReduce({
        input: file,
        segmentBytes: 1000,
        map: (line, emit) => {
          if (line === "bad") throw new RangeError("this line is bad");
          emit(line, 1);
        },
        reduce: sum,
      })
      .then(
        () => expect.unreachable(),
        (error: unknown) => error as TaskError,
      );
    expect(failed).toMatchObject({
      name: "RangeError",
      message: expect.stringMatching(/^this line is bad \(in "notes\.txt", line \d+ behind byte \d+\)$/),
      code: "JOB_FAILED_INPUTS",
    });
  });

  test("of a reduce is the user's", async () => {
    const { cluster } = await testCluster();
    const run = cluster.mapReduce({
      input: ["a"],
      map: (line: string, emit) => emit(line, 1),
      reduce: (key): number => {
        throw new TypeError(`no ${key}`);
      },
    });
    await expect(run).rejects.toMatchObject({ name: "TypeError", message: "no a" });
  });

  test("that is no UTF-8, or an emitted value that is no data, is coded", async () => {
    const { cluster } = await testCluster();
    const file = await cluster.put(Uint8Array.of(97, 0xff, 10));
    await expect(cluster.mapReduce(wordCount, { input: file })).rejects.toMatchObject({
      message: expect.stringContaining("no UTF-8"),
      code: "INVALID_DATA",
    });
    const unfit = cluster.mapReduce({
      input: ["a"],
      map: (line: string, emit) => emit(line, (() => 1) as never),
      reduce: max,
    });
    await expect(unfit).rejects.toMatchObject({
      code: "UNSERIALIZABLE",
      message: expect.stringContaining('"a"'),
    });
  });

  test("of the caller's own ends it", async () => {
    const { cluster } = await testCluster();
    const input = (function* () {
      yield "a";
      throw new Error("no more input");
    })();
    await expect(cluster.mapReduce(wordCount, { input })).rejects.toThrow("no more input");
    const stopper = new AbortController();
    async function* endless() {
      for (;;) {
        yield "a b c";
        await new Promise(setImmediate);
      }
    }
    const aborted = cluster.mapReduce(wordCount, {
      input: endless(),
      signal: stopper.signal,
      onProgress: () => stopper.abort(new Error("enough")),
    });
    await expect(aborted).rejects.toThrow("enough");
  });
});

const alice = new URL("../../shared/data/alice_in_wonderland.txt", import.meta.url);

test.skipIf(!existsSync(alice))("Alice has the words that she is known for", async () => {
  const { cluster } = await testCluster();
  const file = await cluster.put(readFileSync(alice));
  const counts = await cluster.mapReduce(wordCount, { input: file, segmentBytes: 20_000 });
  let total = 0;
  for await (const [, n] of counts) total += n;
  expect([total, counts.size]).toEqual([26_470, 5_307]);
  expect(await counts.top(7).toArray()).toEqual([
    ["the", 1507],
    ["and", 714],
    ["to", 703],
    ["a", 606],
    ["of", 490],
    ["she", 484],
    ["said", 416],
  ]);
});
