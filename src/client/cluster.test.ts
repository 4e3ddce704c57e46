import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { MusketeersError } from "../protocol/index.ts";
import type { Cluster } from "./cluster.ts";
import { TaskError } from "./errors.ts";
import { fakeCluster, fakeTask } from "./testing/cluster.ts";
import { FakeHub } from "./testing/fake-hub.ts";

const clusters: Cluster[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.close()));
});

async function start(hub: FakeHub, limits?: Parameters<typeof fakeCluster>[1]): Promise<Cluster> {
  const cluster = await fakeCluster(hub, limits);
  clusters.push(cluster);
  return cluster;
}

const double = (input: unknown) => (input as number) * 2;
const away = new MusketeersError("HUB_UNREACHABLE", "gone");
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("map", () => {
  test("gives every input its value", async () => {
    const hub = new FakeHub({ compute: double });
    const cluster = await start(hub);
    const results = await cluster.map(fakeTask, numbers(10_000)).toArray();
    expect(results.map(({ input, value }) => [input, value])).toEqual(numbers(10_000).map((n) => [n, n * 2]));
    expect(results[0]).toEqual({ ok: true, input: 0, index: 0, value: 0, worker: "w1" });
  });

  test("takes any iterable", async () => {
    const cluster = await start(new FakeHub({ compute: double }));
    async function* later() {
      for (const n of [1, 2, 3]) {
        await new Promise(setImmediate);
        yield n;
      }
    }
    const sources: (Iterable<unknown> | AsyncIterable<unknown>)[] = [
      new Set([1, 2, 3]),
      numbers(4).slice(1).values(),
      later(),
      (function* () {
        yield* [1, 2, 3];
      })(),
    ];
    for (const source of sources) {
      const results = await cluster.map(fakeTask, source).toArray();
      expect(results.map(({ value }) => value)).toEqual([2, 4, 6]);
    }
    expect(await cluster.map(fakeTask, []).toArray()).toEqual([]);
  });

  test("takes lines of a readline interface, which are lost for whoever asks for them late", async () => {
    const cluster = await start(new FakeHub({ compute: (line) => (line as string).length }));
    const lines = () => createInterface({ input: Readable.from(["a\nbb\n", "ccc"]) });
    const results = await cluster.map(fakeTask, lines()).toArray();
    expect(results.map(({ value }) => value)).toEqual([1, 2, 3]);
    const job = await cluster.submit(fakeTask, lines());
    const values: unknown[] = [];
    for await (const { value } of job.results({ ordered: true })) values.push(value);
    expect(values).toEqual([1, 2, 3]);
  });

  test("an iterable that waits does not hold back what it gave", async () => {
    const cluster = await start(new FakeHub({ compute: double }));
    let goOn!: () => void;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* slow() {
      yield 1;
      await gate;
      yield 2;
    }
    const seen: unknown[] = [];
    for await (const { value } of cluster.map(fakeTask, slow())) {
      seen.push(value);
      goOn();
    }
    expect(seen).toEqual([2, 4]);
  });

  test("a failing input is an item with its error, and the others have their values", async () => {
    const compute = (input: unknown) => {
      if (input === 2) throw new RangeError("two is too much");
      return input;
    };
    const cluster = await start(new FakeHub({ compute }));
    const results = await cluster.map(fakeTask, [1, 2, 3]).toArray();
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
    const { error } = results[1]!;
    expect(error).toBeInstanceOf(TaskError);
    expect(error).toMatchObject({
      name: "RangeError",
      message: "two is too much",
      kind: "error",
      code: "JOB_FAILED_INPUTS",
      worker: "w1",
    });
    expect(error!.stack).toContain("at task.ts:1:1");
    const values: unknown[] = [];
    await expect(async () => {
      for await (const value of cluster.map(fakeTask, [1, 2, 3], { ordered: true }).values())
        values.push(value);
    }).rejects.toThrow("two is too much");
    expect(values).toEqual([1]);
    await expect(cluster.map(fakeTask, [1, 2, 3]).values().toArray()).rejects.toThrow("two is too much");
    expect(await cluster.map(fakeTask, [3, 1, 4]).values().toArray()).toEqual([3, 1, 4]);
  });

  test("ordered gives results in the order of the inputs", async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const cluster = await start(new FakeHub({ compute: double, random }));
    const seen: number[] = [];
    for await (const { index } of cluster.map(fakeTask, numbers(500), { ordered: true })) seen.push(index);
    expect(seen).toEqual(numbers(500));
  });

  test("never has more inputs under way than its window", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 200 }),
        async (window, count) => {
          const hub = new FakeHub({ compute: double });
          const cluster = await start(hub);
          let given = 0;
          let consumed = 0;
          let most = 0;
          function* inputs() {
            for (; given < count; ) {
              yield given++;
              most = Math.max(most, given - consumed);
            }
          }
          for await (const _ of cluster.map(fakeTask, inputs(), { window })) consumed++;
          expect(consumed).toBe(count);
          // One more may have been taken from the iterable, which waits for its turn.
          expect(most).toBeLessThanOrEqual(window + 1);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("resultCreditBytes: a consumer that stops bounds what the hub sends", async () => {
    const hub = new FakeHub({ compute: () => "x".repeat(100), random: () => 0.001 });
    const resultCreditBytes = 4096;
    const cluster = await start(hub, { resultCreditBytes, inputBlockRecordsMax: 16 });
    let count = 0;
    for await (const _ of cluster.map(fakeTask, numbers(3000))) count++;
    expect(count).toBe(3000);
    const blockBytes = 103 * Math.ceil(3000 * 0.001);
    expect(hub.mostUncredited).toBeLessThanOrEqual(resultCreditBytes + blockBytes);
  });

  test("leaving the loop stops the job, and closes the inputs", async () => {
    const hub = new FakeHub({ compute: double });
    const cluster = await start(hub);
    let closed!: () => void;
    const inputsClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    function* endless() {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        closed();
      }
    }
    for await (const { index } of cluster.map(fakeTask, endless(), { window: 100 })) if (index === 10) break;
    await inputsClosed;
    await cluster.call("hasBlobs", { cids: [] });
    expect([...hub.jobs.values()].map(({ state }) => state)).toEqual(["cancelled"]);
  });

  test("an abort stops the job and throws its reason", async () => {
    const hub = new FakeHub({ held: true });
    const cluster = await start(hub);
    const abort = new AbortController();
    const iterator = cluster.map(fakeTask, [1, 2, 3], { signal: abort.signal })[Symbol.asyncIterator]();
    const next = iterator.next();
    hub.onArrival = (message) => {
      if (message.type === "watch") abort.abort(new Error("enough"));
    };
    await expect(next).rejects.toThrow("enough");
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await cluster.call("hasBlobs", { cids: [] });
    expect([...hub.jobs.values()].map(({ state }) => state)).toEqual(["cancelled"]);
    const late = cluster.map(fakeTask, [1], { signal: abort.signal }).toArray();
    await expect(late).rejects.toThrow("enough");
  });

  test("an iterable that throws ends the map with that error, and so does one that is none", async () => {
    const cluster = await start(new FakeHub());
    function* broken() {
      yield 1;
      throw new Error("no more");
    }
    await expect(cluster.map(fakeTask, broken()).toArray()).rejects.toThrow("no more");
    expect(() => cluster.map(fakeTask, "text" as never)).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT" }),
    );
    expect(() => cluster.map(fakeTask, 5 as never)).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT" }),
    );
  });

  test("a job that others end says so behind its results", async () => {
    const hub = new FakeHub({ held: true });
    const cluster = await start(hub);
    hub.onArrival = (message) => {
      if (message.type === "watch") setImmediate(() => hub.end(message.job, "broken", "nearly all failed"));
    };
    await expect(cluster.map(fakeTask, [1]).toArray()).rejects.toMatchObject({
      code: "JOB_BROKEN",
      message: expect.stringContaining("nearly all failed"),
    });
  });

  test("large values travel as blobs, both ways", async () => {
    const hub = new FakeHub();
    const cluster = await start(hub);
    const large = "z".repeat(100_000);
    const { cidOf, encodeBlobRef } = await import("../data/index.ts");
    const { encodeValue } = await import("../protocol/index.ts");
    const record = encodeValue(["back", large]);
    hub.blobs.set(cidOf(record), record);
    const compute = () => encodeBlobRef(cidOf(record), record.length);
    const other = new FakeHub({ compute: (input) => (input === 1 ? compute() : input) });
    other.blobs.set(cidOf(record), record);
    const back = await (await start(other)).map(fakeTask, [0, 1, 2], { ordered: true }).toArray();
    expect(back.map(({ value }) => value)).toEqual([0, ["back", large], 2]);
    await cluster.submit(fakeTask, [1, large, 2]);
    const [job] = [...hub.jobs.values()];
    expect(job!.inputs.map((input) => input.length < 100)).toEqual([true, true, true]);
    expect([...hub.blobs.values()].some((bytes) => bytes.length > 100_000)).toBe(true);
  });

  test("loses nothing and doubles nothing over breaks of the connection", async () => {
    const plan = fc.record({
      count: fc.integer({ min: 0, max: 400 }),
      ordered: fc.boolean(),
      /** The connection breaks at these arrivals. */
      breaks: fc.uniqueArray(fc.integer({ min: 2, max: 40 }), { maxLength: 6 }),
      window: fc.integer({ min: 1, max: 500 }),
      seed: fc.integer({ min: 1, max: 2 ** 30 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ count, ordered, breaks, window, seed }) => {
        let state = seed;
        const random = () => {
          state = (state * 48_271) % 2_147_483_647;
          return state / 2_147_483_647;
        };
        const hub = new FakeHub({ compute: double, random });
        const cluster = await start(hub, {
          inputBlockRecordsMax: 16,
          resultCreditBytes: 200,
          blockBytesTarget: 64,
        });
        let arrivals = 0;
        hub.onArrival = () => {
          if (!breaks.includes(++arrivals)) return;
          hub.cut(away);
          setImmediate(() => hub.connect());
        };
        const seen: number[] = [];
        for await (const { input, value } of cluster.map(fakeTask, numbers(count), { window, ordered })) {
          expect(value).toBe((input as number) * 2);
          seen.push(input as number);
        }
        if (!ordered) seen.sort((a, b) => a - b);
        expect(seen).toEqual(numbers(count));
        await cluster.close();
      }),
      { numRuns: 150 },
    );
  });
});

describe("run", () => {
  test("gives the value, and runs at once share one job", async () => {
    const hub = new FakeHub({ compute: double });
    const cluster = await start(hub);
    expect(await cluster.run(fakeTask, 21)).toBe(42);
    const values = await Promise.all(numbers(1000).map((n) => cluster.run(fakeTask, n)));
    expect(values).toEqual(numbers(1000).map((n) => n * 2));
    expect(hub.jobs.size).toBe(1);
    const frames = hub.received.filter(
      ({ message }) => message.type === "inputs" || message.type === "submit",
    );
    expect(frames.length).toBeLessThan(10);
  });

  test("other options are another job", async () => {
    const hub = new FakeHub({ compute: double });
    const cluster = await start(hub);
    await Promise.all([
      cluster.run(fakeTask, 1),
      cluster.run(fakeTask, 2, { retries: 3 }),
      cluster.run(fakeTask, 3),
    ]);
    expect([...hub.jobs.values()].map(({ spec }) => spec.options.retries)).toEqual([0, 3]);
  });

  test("throws what the task threw", async () => {
    const compute = () => {
      throw new TypeError("not that");
    };
    const cluster = await start(new FakeHub({ compute }));
    await expect(cluster.run(fakeTask, 1)).rejects.toMatchObject({
      name: "TypeError",
      message: "not that",
      kind: "error",
    });
  });

  test("an abort cancels just that input", async () => {
    const hub = new FakeHub({ compute: double, held: true });
    const cluster = await start(hub);
    const abort = new AbortController();
    const aborted = cluster.run(fakeTask, 1, { signal: abort.signal });
    const other = cluster.run(fakeTask, 2);
    hub.onArrival = (message) => {
      if (message.type === "watch") abort.abort(new Error("changed my mind"));
      if (message.type === "cancel") hub.release();
    };
    await expect(aborted).rejects.toThrow("changed my mind");
    expect(await other).toBe(4);
    const cancel = hub.received.find(({ message }) => message.type === "cancel")?.message;
    expect(cancel).toMatchObject({ ranges: [[0, 1]] });
  });

  test("runBatchInputsMax and runBatchIdleMs: a batch is sealed at its size and when nothing runs", async () => {
    const hub = new FakeHub({ compute: double });
    const cluster = await start(hub, { runBatchInputsMax: 10, runBatchIdleMs: 20 });
    await Promise.all(numbers(25).map((n) => cluster.run(fakeTask, n)));
    expect([...hub.jobs.values()].map(({ inputs }) => inputs.length)).toEqual([10, 10, 5]);
    const ended = cluster.job([...hub.jobs.keys()].at(-1)!).wait();
    await ended;
    expect([...hub.jobs.values()].map(({ state }) => state)).toEqual(["done", "done", "done"]);
  });

  test("closing the cluster rejects what runs", async () => {
    const cluster = await start(new FakeHub({ held: true }));
    const running = cluster.run(fakeTask, 1);
    const mapping = cluster.map(fakeTask, [1]).toArray();
    await cluster.call("hasBlobs", { cids: [] });
    await cluster.close();
    await expect(running).rejects.toBeInstanceOf(MusketeersError);
    await expect(mapping).rejects.toBeInstanceOf(MusketeersError);
    await expect(cluster.status()).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
  });
});

describe("submit", () => {
  test("resolves when the hub has all inputs, and leaves the job to itself", async () => {
    const hub = new FakeHub({ compute: double, held: true });
    const cluster = await start(hub);
    const job = await cluster.submit(fakeTask, numbers(5000));
    expect(hub.jobs.get(job.id)).toMatchObject({ sealed: true, spec: { options: { attached: false } } });
    expect(hub.jobs.get(job.id)!.inputs.length).toBe(5000);
    hub.release();
    const indices: number[] = [];
    for await (const { index, value } of job.results({ ordered: true })) {
      expect(value).toBe(index * 2);
      indices.push(index);
    }
    expect(indices).toEqual(numbers(5000));
    expect(await job.wait()).toMatchObject({ state: "done" });
    expect(await cluster.submit(fakeTask, [])).toBeDefined();
  });

  test("wait sees the end beside a loop, and without one", async () => {
    const hub = new FakeHub({ compute: double, held: true });
    const cluster = await start(hub);
    const job = await cluster.submit(fakeTask, numbers(10));
    const alone = job.wait();
    const loop = job.results();
    expect(() => job.results()).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    const beside = job.wait();
    hub.release();
    await loop.next();
    await loop.return!();
    expect(await alone).toMatchObject({ state: "done" });
    expect(await beside).toMatchObject({ state: "done" });
  });

  test("a job that is not there says so", async () => {
    const hub = new FakeHub();
    hub.refuse = (message) =>
      message.type === "watch" ? { code: "NOT_FOUND", message: "no such job" } : undefined;
    const cluster = await start(hub);
    await expect(cluster.job("none").results().next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(cluster.job("none").wait()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("inputs survive breaks of the connection", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300 }),
        fc.uniqueArray(fc.integer({ min: 2, max: 15 }), { maxLength: 4 }),
        async (count, breaks) => {
          const hub = new FakeHub({ held: true });
          const cluster = await start(hub, {
            inputBlockRecordsMax: 8,
            blockBytesTarget: 32,
            inputBytesUnstoredMax: 100,
          });
          let arrivals = 0;
          hub.onArrival = () => {
            if (!breaks.includes(++arrivals)) return;
            hub.cut(away);
            setImmediate(() => hub.connect());
          };
          const job = await cluster.submit(fakeTask, numbers(count));
          const { decodeValue } = await import("../protocol/index.ts");
          expect(hub.jobs.get(job.id)!.inputs.map(decodeValue)).toEqual(numbers(count));
          expect(hub.jobs.get(job.id)!.sealed).toBe(true);
          await cluster.close();
        },
      ),
      { numRuns: 80 },
    );
  });
});

describe("code", () => {
  test("is put onto the hub once, and again where the hub has lost it", async () => {
    const hub = new FakeHub({ compute: double });
    const cluster = await start(hub);
    await cluster.map(fakeTask, [1]).toArray();
    await cluster.map(fakeTask, [2]).toArray();
    expect(hub.received.filter(({ message }) => message.type === "call").length).toBe(1);
    expect(hub.blobs.has(fakeTask.bundle.cid)).toBe(true);
    hub.blobs.clear();
    hub.refuse = (message) =>
      message.type !== "call" && !hub.blobs.has(fakeTask.bundle.cid)
        ? { code: "NOT_FOUND", message: "no such bundle" }
        : undefined;
    const results = await cluster.map(fakeTask, [3]).toArray();
    expect(results.map(({ value }) => value)).toEqual([6]);
  });

  test("a refusal of the hub ends the map with it", async () => {
    const hub = new FakeHub();
    hub.refuse = (message) =>
      message.type === "submit" ? { code: "FORBIDDEN", message: "not you" } : undefined;
    const cluster = await start(hub);
    await expect(cluster.map(fakeTask, [1]).toArray()).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: "not you",
    });
  });
});

describe("put", () => {
  test("a name that is none is refused before anything is read for it", async () => {
    const cluster = await start(new FakeHub());
    let isRead = false;
    async function* content() {
      isRead = true;
      yield new Uint8Array(1);
    }
    const refused = { code: "BAD_ARGUMENT", message: expect.stringContaining("No name of a dataset") };
    await expect(cluster.put(content(), { name: "My books" })).rejects.toMatchObject(refused);
    await expect(cluster.importCar(content(), { name: "My books" })).rejects.toMatchObject(refused);
    expect(isRead).toBe(false);
  });
});
