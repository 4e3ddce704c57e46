import { describe, expect, test } from "vitest";
import type { Cluster, Task } from "../src/client/index.ts";
import { defaultLimits } from "../src/protocol/index.ts";
import * as rude from "./support/rude-tasks.ts";
import { double } from "./support/tasks.ts";
import { testCluster } from "./support/whole-cluster.ts";

/* Code that behaves badly costs its own input; everything else goes on as if nothing had been. */

/** Maps 0, 1, 2; gives what came of input 1, after 0 and 2 were seen to be well. */
async function outcomeOf(cluster: Cluster, task: Task<(n: number) => unknown>) {
  const results = await cluster.map(task, [0, 1, 2], { ordered: true }).toArray();
  expect(results.map(({ ok }) => ok)).toEqual([true, results[1]!.ok, true]);
  return results[1]!;
}

type Rude = Task<(n: number) => unknown>;

describe("what ends the sandbox", () => {
  test("is quarantined after its attempts, or timed out", async () => {
    const { cluster } = await testCluster();
    expect((await outcomeOf(cluster, rude.leave as Rude)).error).toMatchObject({ kind: "quarantined" });
    expect((await outcomeOf(cluster, rude.neverSettle as Rude)).error).toMatchObject({ kind: "timeout" });
    expect(await cluster.run(double, 1)).toBe(2);
  });
});

describe("what is thrown", () => {
  test("is told, whatever it is", async () => {
    const { cluster } = await testCluster();
    const errorOf = async (task: unknown) => (await outcomeOf(cluster, task as Rude)).error;
    expect(await errorOf(rude.recurse)).toMatchObject({ name: "RangeError", kind: "error" });
    expect(await errorOf(rude.throwText)).toMatchObject({ message: expect.stringContaining("just text") });
    expect(await errorOf(rude.throwNothing)).toMatchObject({ message: expect.stringContaining("undefined") });
    expect(await errorOf(rude.rejectElsewhere)).toMatchObject({ message: "nobody caught this" });
    expect(await errorOf(rude.strangeError)).toMatchObject({ kind: "error" });
    expect(await errorOf(rude.thenable)).toMatchObject({ message: "no then" });
    const huge = await errorOf(rude.hugeError);
    expect(huge!.message.length).toBeLessThan(100_000);
    expect(huge!.message).toMatch(/^mmm/);
  });
});

describe("what is returned", () => {
  test("and is no data, or too large, fails by itself", async () => {
    const { cluster } = await testCluster();
    const errorOf = async (task: unknown) => (await outcomeOf(cluster, task as Rude)).error;
    expect(await errorOf(rude.trapResult)).toMatchObject({ kind: "unserializable" });
    expect(await errorOf(rude.circle)).toMatchObject({ kind: "unserializable" });
  });

  test("valueBytesMax: and is larger than a value may be, fails by itself; a large one arrives", async () => {
    const limits = { ...defaultLimits, valueBytesMax: 81 * 1024 * 1024 };
    const { cluster } = await testCluster([{ limits }]);
    const [small, large, huge] = await cluster
      .map(rude.textOf, [5, 80 * 1024 * 1024, 82 * 1024 * 1024], { ordered: true })
      .toArray();
    expect(small!.value).toBe("xxxxx");
    expect(large!.value?.length).toBe(80 * 1024 * 1024);
    expect(huge!.error).toMatchObject({ kind: "unserializable", message: expect.stringMatching(/85983237/) });
  });
});

describe("what it leaves behind", () => {
  test("spoils nothing for the tasks of others, nor for its own next inputs", async () => {
    const { cluster } = await testCluster();
    await outcomeOf(cluster, rude.spoil as Rude);
    expect(await cluster.map(double, [1, 2, 3], { ordered: true }).values().toArray()).toEqual([2, 4, 6]);
  });

  test("prints are cut to their budget, and say so", async () => {
    const { cluster } = await testCluster();
    const job = await cluster.submit(rude.flood, [0, 1, 2]);
    expect(await job.wait()).toMatchObject({ state: "done", done: 3, failed: 0 });
    await expect.poll(async () => (await job.logs()).length).toBeGreaterThan(0);
    const logs = await job.logs();
    expect(logs[0]!.line).toMatch(/^line 0 x/);
    expect(logs.length).toBeLessThan(10_001);
    expect(logs.at(-1)!.line).toMatch(/dropped/);
  });
});
