import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { connect } from "../src/client/index.ts";
import { defaultLimits } from "../src/protocol/index.ts";
import { double, failOnThree, nap, resize, same } from "./support/tasks.ts";
import { testClient, testCluster, testHub } from "./support/whole-cluster.ts";

/* What a program may do with the SDK, through real sandboxes. */

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("values", () => {
  test("of any structure come back as they went", async () => {
    const { cluster } = await testCluster();
    const { value } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.double(),
        fc.integer(),
        fc.bigInt(),
        fc.string({ unit: "binary" }),
        fc.boolean(),
        fc.constantFrom(null, undefined, -0, Number.NaN),
        fc.date(),
        fc.uint8Array(),
        fc.float64Array(),
        fc.int16Array(),
      ),
      value: fc.oneof(
        { maxDepth: 3 },
        tie("leaf"),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
        fc.array(fc.tuple(tie("leaf"), tie("value")), { maxLength: 4 }).map((pairs) => new Map(pairs)),
        fc.array(tie("leaf"), { maxLength: 4 }).map((items) => new Set(items)),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 20, maxLength: 60 }), async (values) => {
        const back = await cluster.map(same, values, { ordered: true }).values().toArray();
        expect(back).toStrictEqual(values);
      }),
      { numRuns: 15 },
    );
  });

  test("inlineValueBytesMax: around the size at which they become blobs, both ways", async () => {
    const { cluster } = await testCluster();
    const edge = defaultLimits.inlineValueBytesMax;
    const sizes = [edge - 40, edge - 4, edge - 3, edge - 2, edge - 1, edge, edge + 1, 3 * edge, 700_000];
    const inputs = sizes.flatMap((given) => [
      { text: "t".repeat(given), bytes: 3 },
      { text: "t", bytes: given },
      { text: "t".repeat(given), bytes: given },
    ]);
    for await (const { input, value } of cluster.map(resize, inputs)) {
      expect([value?.given, value?.text.length]).toEqual([input.text.length, input.bytes]);
    }
  });
});

describe("run", () => {
  test("thousands at once, of several tasks, get each their own answer", async () => {
    const { cluster } = await testCluster([{ slots: 2 }]);
    const answers = await Promise.allSettled(
      upTo(4_000).map((n) => (n % 2 === 0 ? cluster.run(double, n) : cluster.run(failOnThree, n))),
    );
    for (const [n, answer] of answers.entries()) {
      if (n % 2 === 0) expect(answer).toMatchObject({ value: n * 2 });
      else if (n % 10 === 3) expect(answer).toMatchObject({ reason: { message: `no ${n} left` } });
      else expect(answer).toMatchObject({ value: n });
    }
    // They travelled together.
    expect((await cluster.jobs()).length).toBeLessThan(5);
  });

  test("goes on after the shared job has ended", async () => {
    const { cluster } = await testCluster();
    expect(await cluster.run(double, 1)).toBe(2);
    const ended = async () => (await cluster.jobs()).every(({ state }) => state === "done");
    await expect.poll(ended).toBe(true);
    expect(await cluster.run(double, 2)).toBe(4);
    expect((await cluster.jobs()).length).toBe(2);
  });
});

describe("map", () => {
  test("of nothing is nothing", async () => {
    const { cluster } = await testCluster();
    expect(await cluster.map(double, []).toArray()).toEqual([]);
    const job = await cluster.submit(double, new Set<number>());
    expect(await job.wait()).toMatchObject({ state: "done", size: 0, done: 0 });
    for await (const result of job.results()) expect(result).toBe("never");
  });

  test("many at once do not mix", async () => {
    const { cluster } = await testCluster([{ slots: 2 }]);
    const sums = await Promise.all(
      upTo(20).map(async (m) => {
        let sum = 0;
        for await (const { value } of cluster.map(double, upTo(100 + m))) sum += value ?? Number.NaN;
        return sum;
      }),
    );
    expect(sums).toEqual(upTo(20).map((m) => (100 + m) * (99 + m)));
  });

  test("gives what is finished first, or with `ordered` what came first", async () => {
    const { cluster } = await testCluster([{ slots: 2 }]);
    // One slot is kept busy by the first; what is behind it in its unit is not kept waiting with it.
    const naps = [700, ...upTo(30).map(() => 1)];
    const first: number[] = [];
    for await (const { index } of cluster.map(nap, naps)) first.push(index);
    expect(first[0]).not.toBe(0);
    const ordered: number[] = [];
    for await (const { index } of cluster.map(nap, naps, { ordered: true })) ordered.push(index);
    expect(ordered).toEqual(upTo(31));
  });

  test("a loop that throws or is left stops the job and closes the inputs", async () => {
    const { cluster } = await testCluster();
    let closed = 0;
    function* inputs() {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        closed++;
      }
    }
    const thrown = async () => {
      for await (const _ of cluster.map(double, inputs(), { window: 100 })) throw new Error("enough");
    };
    await expect(thrown()).rejects.toThrow("enough");
    for await (const _ of cluster.map(double, inputs(), { window: 100 })) break;
    const states = async () => (await cluster.jobs()).map(({ state }) => state);
    await expect.poll(states).toEqual(["cancelled", "cancelled"]);
    await expect.poll(() => closed).toBe(2);
  });

  test("an abort before it begins, with a reason of one's own, begins nothing", async () => {
    const { cluster } = await testCluster();
    const reason = new Error("I changed my mind");
    const signal = AbortSignal.abort(reason);
    await expect(cluster.map(double, [1], { signal }).toArray()).rejects.toBe(reason);
    await expect(cluster.run(double, 1, { signal })).rejects.toBe(reason);
    await expect(cluster.submit(double, [1], { signal })).rejects.toBe(reason);
    expect(await cluster.jobs()).toEqual([]);
  });

  test("tells how far it is", async () => {
    const { cluster } = await testCluster();
    const seen: number[] = [];
    const map = cluster.map(
      nap,
      upTo(200).map(() => 3),
      { onProgress: ({ done }) => seen.push(done) },
    );
    expect(await map.toArray()).toHaveLength(200);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test("options that nobody knows, or that cannot be, are refused before anything is sent", async () => {
    const { cluster } = await testCluster();
    const refused = { code: "BAD_ARGUMENT", hint: expect.stringMatching(/./) };
    const wrong = { timeouts: 3 } as object;
    await expect(cluster.map(double, [1], wrong).toArray()).rejects.toMatchObject(refused);
    for (const options of [{ timeout: "soon" }, { retries: -1 }, { memory: "lots" }, { priority: 99 }]) {
      const submitted = cluster.submit(double, [1], options as object);
      await expect(submitted).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    }
    expect(() => cluster.map(double, 5 as never)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    expect(await cluster.jobs()).toEqual([]);
  });
});

describe("submit", () => {
  test("a job is read by several at once, and again from the beginning", async () => {
    const { hub, cluster } = await testCluster();
    const job = await cluster.submit(
      nap,
      upTo(400).map(() => 1),
    );
    const others = await Promise.all([testClient(hub), testClient(hub)]);
    const read = async (ordered: boolean, client = cluster) => {
      const indices: number[] = [];
      for await (const { index } of client.job(job.id).results({ ordered })) indices.push(index);
      return indices;
    };
    const first = job.results();
    await first.next();
    await expect(read(false)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await first.return?.();
    const all = await Promise.all([read(true), read(false, others[0]), read(true, others[1])]);
    for (const indices of all) expect(indices.toSorted((a, b) => a - b)).toEqual(upTo(400));
    expect(all[0]).toEqual(upTo(400));
    expect(await read(true)).toEqual(upTo(400));
  });

  test("one that is aborted before its inputs are in is no job any more", async () => {
    const { cluster } = await testCluster();
    const abort = new AbortController();
    async function* slow() {
      yield 1;
      await expect.poll(async () => (await cluster.jobs()).length).toBe(1);
      abort.abort(new Error("no more"));
      await new Promise(() => {});
    }
    await expect(cluster.submit(double, slow(), { signal: abort.signal })).rejects.toThrow("no more");
    await expect.poll(async () => (await cluster.jobs()).map(({ state }) => state)).toEqual(["cancelled"]);
  });
});

describe("connect", () => {
  test("closing gives up what runs, and says so; a detached job goes on", async () => {
    const { hub, cluster } = await testCluster([{ slots: 2 }]);
    const job = await cluster.submit(nap, [300]);
    const run = cluster.run(nap, 60_000);
    const map = cluster.map(nap, [60_000]).toArray();
    const refused = { code: "JOB_CANCELLED", hint: expect.stringContaining("submit") };
    const runs = expect(run).rejects.toMatchObject(refused);
    const maps = expect(map).rejects.toMatchObject({
      code: expect.stringMatching(/JOB_CANCELLED|HUB_UNREACHABLE/),
    });
    await expect.poll(async () => (await cluster.workers())[0]?.busySlots).toBe(2);
    await cluster.close();
    await Promise.all([runs, maps]);
    await expect(cluster.status()).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
    const other = await testClient(hub);
    expect((await other.job(job.id).wait()).state).toBe("done");
  });

  test("a hub that is not there is waited for as long as is said, then named", async () => {
    const hub = await testHub();
    const invite = hub.invite({ role: "submitter" });
    await hub.close();
    const tries: number[] = [];
    await expect(
      connect({ hub: invite, timeout: "300ms", onRetry: (_error, retryInMs) => tries.push(retryInMs) }),
    ).rejects.toMatchObject({ code: "HUB_UNREACHABLE", message: expect.stringContaining(hub.url) });
    expect(tries.length).toBeGreaterThan(0);
    const abort = new AbortController();
    const never = connect({ hub: invite, timeout: "forever", signal: abort.signal });
    abort.abort();
    await expect(never).rejects.toMatchObject({ name: "AbortError" });
    await expect(connect({ hub: "http://127.0.0.1:1/#nonsense" })).rejects.toMatchObject({
      code: "INVITE_MALFORMED",
    });
  });
});
