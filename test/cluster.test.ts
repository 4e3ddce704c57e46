import { describe, expect, test } from "vitest";
import { MusketeersError, TaskError } from "../src/client/index.ts";
import {
  double,
  eatMemory,
  failOnThree,
  nap,
  noData,
  readSecret,
  same,
  spin,
  talk,
  thirdTime,
  visit,
} from "./support/tasks.ts";
import { testClient, testCluster, testHub, testSite, testWorker } from "./support/whole-cluster.ts";

/* The promises of the SDK, with a real hub, real workers and real sandboxes. */

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("values", () => {
  test("a task is an ordinary function here, and runs there", async () => {
    const { cluster } = await testCluster();
    expect(double(21)).toBe(42);
    expect(await cluster.run(double, 21)).toBe(42);
    const results = await cluster.map(double, upTo(5_000)).toArray();
    expect(results.map((result) => result.ok && result.value)).toEqual(upTo(5_000).map((n) => n * 2));
  });

  test("structured and large values survive the trip, both ways", async () => {
    const { cluster } = await testCluster();
    const values: unknown[] = [
      undefined,
      null,
      -0,
      Number.NaN,
      2n ** 70n,
      new Date(5),
      new Map<unknown, unknown>([[{ a: 1 }, new Set([1, "x"])]]),
      new Float64Array([1.5, -0]),
      { deep: [{ b: 1, a: undefined }] },
      "é".repeat(700_000),
      new Uint8Array(300_000).fill(7),
    ];
    const results = await cluster.map(same, values, { ordered: true }).values().toArray();
    expect(results).toStrictEqual(values);
  });

  test("inputs come from any iterable, and are pulled no faster than results are consumed", async () => {
    const { cluster } = await testCluster();
    let pulled = 0;
    async function* endless() {
      for (;;) yield pulled++;
    }
    let consumed = 0;
    for await (const result of cluster.map(double, endless(), { window: 500 })) {
      expect(result.ok).toBe(true);
      expect(pulled - consumed).toBeLessThanOrEqual(501);
      if (++consumed === 3_000) break;
    }
    await expect.poll(async () => (await cluster.jobs())[0]?.state).toBe("cancelled");
  });

  test("an input iterator that throws is heard of", async () => {
    const { cluster } = await testCluster();
    function* broken() {
      yield 1;
      throw new Error("the file ended early");
    }
    await expect(cluster.map(double, broken()).toArray()).rejects.toThrow("the file ended early");
  });
});

describe("failures are results", () => {
  test("class, message, properties and the user's own line; the others are unaffected", async () => {
    const { cluster } = await testCluster();
    const results = await cluster.map(failOnThree, upTo(30)).toArray();
    const failed = results.flatMap((result) => (result.ok ? [] : [result]));
    expect(failed.map(({ input }) => input)).toEqual([3, 13, 23]);
    expect(failed[1]!.error).toBeInstanceOf(TaskError);
    expect(failed[1]!.error).toMatchObject({ name: "SoldOut", message: "no 13 left", kind: "error" });
    expect(failed[1]!.error.stack).toMatch(/tasks\.ts:\d+/);
    const [job] = await cluster.jobs();
    expect(job).toMatchObject({ state: "done", done: 30, failed: 3 });
    await expect(cluster.run(failOnThree, 3)).rejects.toMatchObject({ name: "SoldOut" });
  });

  test("retries until it succeeds, with a pause", async () => {
    const site = await testSite();
    const { cluster } = await testCluster([{ allowNet: [site.host] }]);
    expect(await cluster.run(thirdTime, `${site.url}/a`, { net: [site.host] })).toBe(3);
    expect(site.asked).toEqual(["/a", "/a", "/a"]);
    await expect(cluster.run(thirdTime, `${site.url}/b`, { net: [site.host], retries: 1 })).rejects.toThrow(
      "asked 2 times",
    );
  });

  test("an endless loop costs its own input, and only after its time-out", async () => {
    const { cluster } = await testCluster();
    const results = await cluster.map(spin, [0, 1, 2, 3]).toArray();
    expect(results.map((result) => (result.ok ? result.value : result.error.kind))).toEqual([
      0,
      "timeout",
      2,
      3,
    ]);
  });

  test("an input that kills its sandbox again and again is quarantined", async () => {
    const { cluster } = await testCluster();
    const results = await cluster.map(eatMemory, [0, 1, 2]).toArray();
    expect(results.map((result) => (result.ok ? result.value : result.error.kind))).toEqual([
      0,
      "quarantined",
      2,
    ]);
    expect(results[1]).toMatchObject({
      error: { code: "INPUT_QUARANTINED", message: expect.stringMatching(/again and again.*memory/) },
    });
  });

  test("a result that is no data says so", async () => {
    const { cluster } = await testCluster();
    const results = await cluster.map(noData, [0, 1]).toArray();
    expect(results[0]).toMatchObject({ ok: true, value: 0 });
    expect(results[1]).toMatchObject({ ok: false, error: { kind: "unserializable" } });
  });

  test("tasks are sandboxed without anybody asking for it", async () => {
    const { cluster } = await testCluster();
    await expect(cluster.run(readSecret, "/etc/passwd")).rejects.toMatchObject({ kind: "error" });
  });

  test("an input that is no data is a result with an error, and the others are computed", async () => {
    const { cluster } = await testCluster();
    const inputs = [1, () => 2, 3, new Promise(() => {}), 5];
    const results = await cluster.map(same, inputs, { ordered: true }).toArray();
    expect(results.map(({ value }) => value)).toEqual([1, undefined, 3, undefined, 5]);
    for (const index of [1, 3]) {
      expect(results[index]).toMatchObject({
        ok: false,
        input: inputs[index],
        error: {
          kind: "unserializable",
          code: "INPUT_UNSERIALIZABLE",
          message: expect.stringContaining(`Input ${index}`),
        },
      });
    }
    expect((await cluster.jobs())[0]).toMatchObject({ state: "done", done: 5, failed: 2 });
  });

  test("what cannot be sent is refused before it is", async () => {
    const { cluster } = await testCluster();
    await expect(cluster.run(same, () => 1)).rejects.toMatchObject({ code: "UNSERIALIZABLE" });
    expect(await cluster.run(same, 5)).toBe(5);
  });

  test("console.log reaches the job's log", async () => {
    const { cluster } = await testCluster();
    const job = await cluster.submit(talk, upTo(3));
    await job.wait();
    await expect.poll(() => job.logs()).toHaveLength(3);
    expect((await job.logs()).map(({ line }) => line)).toEqual([
      "speaking of 0",
      "speaking of 1",
      "speaking of 2",
    ]);
  });
});

describe("jobs", () => {
  test("a detached job goes on without its client, and is found again", async () => {
    const { hub, cluster } = await testCluster();
    const { id } = await cluster.submit(
      nap,
      upTo(50).map(() => 2),
    );
    await cluster.close();
    const later = await testClient(hub);
    const job = later.job(id);
    const results = [];
    for await (const result of job.results({ ordered: true })) results.push(result.index);
    expect(results).toEqual(upTo(50));
    expect(await job.status()).toMatchObject({ state: "done", done: 50, failed: 0 });
    expect((await job.wait()).state).toBe("done");
  });

  test("cancelling keeps the results so far", async () => {
    const { cluster } = await testCluster();
    const job = await cluster.submit(nap, [1, 1, 60_000, 60_000]);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const result of job.results()) {
        seen.push(result.index);
        if (seen.length === 2) await job.cancel();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    expect(seen).toEqual([0, 1]);
    expect(await job.status()).toMatchObject({ state: "cancelled", done: 2 });
  });

  test("an AbortSignal cancels a map, and one run of many", async () => {
    const { cluster } = await testCluster([{ slots: 2 }]);
    const abort = new AbortController();
    const slow = cluster.run(nap, 60_000, { signal: abort.signal });
    const quick = cluster.run(nap, 1);
    expect(await quick).toBe(1);
    abort.abort();
    await expect(slow).rejects.toMatchObject({ name: "AbortError" });
    expect(await cluster.run(nap, 2)).toBe(2);

    const stop = new AbortController();
    const map = cluster.map(nap, [1, 60_000], { signal: stop.signal });
    await expect(
      (async () => {
        for await (const _ of map) stop.abort();
      })(),
    ).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(async () => (await cluster.workers())[0]?.busySlots).toBe(0);
  });

  test("an attached job is cancelled when its client is gone, not while another holds it", async () => {
    const { hub, cluster } = await testCluster([{}], { limits: { attachedGraceMs: 50 } });
    const watcher = await testClient(hub);
    const map = cluster.map(nap, [1, 60_000])[Symbol.asyncIterator]();
    expect((await map.next()).value).toMatchObject({ ok: true });
    const [job] = await watcher.jobs();
    await cluster.close();
    const ended = await watcher.job(job!.job).status();
    expect(["running", "cancelled"]).toContain(ended.state);
    await expect.poll(async () => (await watcher.job(job!.job).status()).state).toBe("cancelled");
  });
});

describe("workers", () => {
  test("a job that nobody can serve says why, and goes on when somebody can", async () => {
    const { hub, cluster } = await testCluster([{ labels: ["small"] }]);
    const job = await cluster.submit(double, [1, 2], { needs: { labels: ["large"] } });
    await expect.poll(async () => (await job.status()).waiting).toMatch(/large/);
    expect((await cluster.status()).warnings.join()).toContain("large");
    await testWorker(hub, { labels: ["large"], name: "big" });
    expect((await job.wait()).state).toBe("done");
    expect((await cluster.call("job", { job: job.id })).perWorker).toEqual({ big: 2 });
  });

  test("a host is reached only where the task asks and the worker allows", async () => {
    const site = await testSite();
    const { hub, cluster } = await testCluster([{ name: "closed" }]);
    await expect(cluster.run(thirdTime, `${site.url}/x`, { net: [], retries: 0 })).rejects.toMatchObject({
      kind: "error",
    });
    const job = await cluster.submit(thirdTime, [`${site.url}/y`], { net: [site.host] });
    await expect.poll(async () => (await job.status()).waiting).toContain(site.host);
    expect(site.asked).toEqual([]);
    await testWorker(hub, { name: "open", allowNet: [site.host] });
    await job.wait();
    expect(site.asked).toEqual(["/y", "/y", "/y"]);
  });

  test("one that leaves hands back what it has not finished", async () => {
    const site = await testSite();
    const { hub, cluster, workers } = await testCluster([{ name: "first", allowNet: [site.host] }]);
    const inputs = upTo(4).map((n) => ({ url: `${site.url}/${n}`, ms: n === 0 ? 60_000 : 1 }));
    const job = await cluster.submit(visit, inputs, { net: [site.host] });
    await site.reached(1);
    await workers[0]!.drain();
    await expect.poll(async () => (await cluster.workers()).length).toBe(0);
    expect(await job.status()).toMatchObject({ running: 0, state: "running" });
    await testWorker(hub, { name: "second", allowNet: [site.host] });
    await site.reached(2);
    await job.cancel();
  });

  test("two of one name are told apart", async () => {
    const { cluster } = await testCluster([{ name: "pi" }, { name: "pi" }]);
    expect((await cluster.workers()).map(({ name }) => name).toSorted()).toEqual(["pi", "pi-2"]);
  });
});

describe("fairness", () => {
  test("a small job beside a huge one ends soon", async () => {
    const { cluster } = await testCluster([{}, {}]);
    const huge = await cluster.submit(
      nap,
      upTo(100_000).map(() => 1),
    );
    await expect.poll(async () => (await huge.status()).done).toBeGreaterThan(10);
    const small = await cluster.submit(
      nap,
      upTo(20).map(() => 1),
    );
    await small.wait();
    expect(await huge.status()).toMatchObject({ state: "running" });
    await huge.cancel();
  });
});

describe("rights", () => {
  test("a viewer looks and touches nothing", async () => {
    const { hub, cluster } = await testCluster();
    const job = await cluster.submit(nap, [60_000]);
    const viewer = await testClient(hub, "viewer");
    expect((await viewer.status()).jobsRunning).toBe(1);
    expect(await viewer.job(job.id).status()).toMatchObject({ title: "nap" });
    await expect(viewer.job(job.id).cancel()).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(viewer.run(double, 1)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(viewer.job(job.id).results()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await job.cancel();
  });

  test("an invite fits its role and its hub, and only until its date", async () => {
    const hub = await testHub();
    await expect(testWorker(hub, { invite: hub.invite({ role: "submitter" }) })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await expect(testClient(hub, "worker")).rejects.toMatchObject({ code: "FORBIDDEN" });
    const expired = hub.invite({ role: "worker", expiresInMs: -1 });
    await expect(testWorker(hub, { invite: expired })).rejects.toMatchObject({ code: "INVITE_EXPIRED" });
    const stranger = await testHub();
    const foreign = stranger.invite({ role: "worker" }).replace(stranger.url, hub.url);
    await expect(testWorker(hub, { invite: foreign })).rejects.toBeInstanceOf(MusketeersError);
  });
});
