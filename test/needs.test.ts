import { describe, expect, test } from "vitest";
import type { TaskOptions } from "../src/client/index.ts";
import { double, failOnThree, nap } from "./support/tasks.ts";
import { testClient, testCluster, testHub, testWorker } from "./support/whole-cluster.ts";

/* Which worker gets what, and what is said of it. */

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("needs", () => {
  const otherArch = process.arch === "arm64" ? "x64" : "arm64";
  const unmet: [string, TaskOptions, RegExp][] = [
    ["an architecture", { needs: { arch: otherArch } }, new RegExp(otherArch)],
    ["a platform", { needs: { platform: "aix" } }, /aix/],
    ["memory of the machine", { needs: { memory: "2GB" } }, /memory/],
    ["memory for the task", { memory: "2GB" }, /memory/],
    ["cores", { needs: { cores: 60_000 } }, /core/],
    ["a label", { needs: { labels: ["here", "gpu"] } }, /gpu/],
    ["a capability", { needs: { capabilities: ["webgpu"] } }, /webgpu/],
    ["a host", { net: ["example.org"] }, /example\.org/],
  ];

  test("that no worker meets are named", async () => {
    const { cluster } = await testCluster([{ labels: ["here"], memoryBytes: 1024 ** 3 }]);
    for (const [what, options, why] of unmet) {
      const job = await cluster.submit(double, [1], options);
      await expect.poll(async () => (await job.status()).waiting, { message: what }).toMatch(why);
      expect(await job.cancel()).toMatchObject({ state: "cancelled", waiting: "" });
    }
    expect((await cluster.status()).warnings).toEqual([]);
  });

  test("are met by the one that can, and nobody else is asked", async () => {
    const { cluster } = await testCluster([
      { name: "plain", memoryBytes: 1024 ** 3 },
      { name: "labelled", labels: ["a", "b"], memoryBytes: 1024 ** 3 },
      { name: "large", memoryBytes: 8 * 1024 ** 3 },
    ]);
    const by = async (options: TaskOptions) => {
      const job = await cluster.submit(double, upTo(200), options);
      await job.wait();
      return Object.keys((await job.status()).perWorker);
    };
    expect(await by({ needs: { labels: ["b"] } })).toEqual(["labelled"]);
    expect(await by({ needs: { memory: "4GB" } })).toEqual(["large"]);
    expect(await by({ memory: "4GB" })).toEqual(["large"]);
    expect(await by({ needs: { arch: process.arch, platform: process.platform, cores: 1 } })).not.toEqual([]);
  });

  test("without any worker a job says that there is none, and begins with the first", async () => {
    const { hub, cluster } = await testCluster([]);
    const job = await cluster.submit(double, upTo(3));
    await expect.poll(async () => (await job.status()).waiting).toMatch(/worker/);
    await testWorker(hub, { name: "late" });
    expect(await job.wait()).toMatchObject({ state: "done", perWorker: { late: 3 }, waiting: "" });
  });
});

describe("priorities", () => {
  test("are shares: who has more gets ahead, and who has less goes on", async () => {
    const { cluster } = await testCluster([{}]);
    const naps = upTo(20_000).map(() => 2);
    const low = await cluster.submit(nap, naps, { priority: -1 });
    const high = await cluster.submit(nap, naps, { priority: 1 });
    const done = async () => [(await low.status()).done, (await high.status()).done] as const;
    await expect.poll(async () => (await done())[1]).toBeGreaterThan(1_500);
    const [behind, ahead] = await done();
    expect(behind).toBeLessThan(ahead);
    await expect.poll(async () => (await done())[0]).toBeGreaterThan(behind);
    expect((await high.status()).state).toBe("running");
    await Promise.all([low.cancel(), high.cancel()]);
  });
});

describe("what is told", () => {
  test("of workers, jobs and the hub", async () => {
    const { cluster, hub } = await testCluster([
      { name: "one", slots: 2, labels: ["x"], allowNet: ["example.org"], memoryBytes: 1024 ** 3 },
    ]);
    const job = await cluster.submit(failOnThree, upTo(20), { name: "sale", priority: 1 });
    await job.wait();
    const napping = await cluster.submit(nap, [60_000]);
    await expect.poll(async () => (await cluster.workers())[0]?.busySlots).toBe(1);
    const [worker] = await cluster.workers();
    expect(worker).toMatchObject({
      name: "one",
      platform: process.platform,
      arch: process.arch,
      slots: 2,
      labels: ["x"],
      allowNet: ["example.org"],
      memoryBytes: 1024 ** 3,
      inputsDone: 20,
      inputsFailed: 2,
      draining: false,
      running: ["nap"],
    });
    expect(worker!.cores).toBeGreaterThan(0);
    expect(worker!.speed).toBeGreaterThan(0);
    expect(await cluster.status()).toMatchObject({
      hub: hub.name,
      workers: 1,
      slots: 2,
      busySlots: 1,
      jobsRunning: 1,
      jobsEnded: 1,
      inputsDone: 20,
      warnings: [],
    });
    const [newest, older] = await cluster.jobs();
    expect(newest).toMatchObject({
      job: napping.id,
      title: "nap",
      state: "running",
      running: 1,
      endedAtMs: null,
    });
    expect(older).toMatchObject({
      job: job.id,
      title: "sale",
      state: "done",
      priority: 1,
      attached: false,
      size: 20,
      sealed: true,
      done: 20,
      failed: 2,
      running: 0,
      retrying: 0,
    });
    expect(older!.endedAtMs).toBeGreaterThanOrEqual(older!.submittedAtMs);
    expect(await cluster.jobs({ limit: 1 })).toHaveLength(1);
    const details = await job.status();
    expect(details.perWorker).toEqual({ one: 20 });
    expect(details.errors.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    await napping.cancel();
  });

  test("a job that fails nearly everywhere is stopped instead of burning the cluster", async () => {
    const { hub, cluster } = await testCluster([]);
    const job = await cluster.submit(
      failOnThree,
      upTo(200_000).map(() => 3),
    );
    await testWorker(hub);
    const ended = await job.wait();
    expect(ended).toMatchObject({ state: "broken", reason: expect.stringMatching(/./) });
    expect(ended.done).toBeLessThan(200_000);
    const read = async () => {
      for await (const result of job.results()) expect(result.ok).toBe(false);
    };
    await expect(read()).rejects.toMatchObject({ code: "JOB_BROKEN" });
  });

  test("a job that is not there is said to be so, whatever is asked of it", async () => {
    const hub = await testHub();
    const job = (await testClient(hub)).job("nobody-has-this");
    for (const ask of [
      () => job.status(),
      () => job.cancel(),
      () => job.logs(),
      () => job.wait(),
      () => job.results().next(),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: "NOT_FOUND", hint: expect.stringMatching(/./) });
    }
  });
});
