import { expect, test } from "vitest";
import { nap, toil } from "./support/tasks.ts";
import { testCluster } from "./support/whole-cluster.ts";

test.skipIf(process.platform !== "linux")(
  "who waits earns next to nothing, who computes what it took",
  async () => {
    const { cluster } = await testCluster();
    let inputs = 0;
    const creditFor = async (task: typeof nap | typeof toil, ...times: readonly number[]) => {
      const before = (await cluster.credit())[0]?.seconds ?? 0;
      await cluster.map(task, times).toArray();
      inputs += times.length;
      await expect.poll(async () => (await cluster.credit())[0]?.inputs).toBe(inputs);
      return (await cluster.credit())[0]!.seconds - before;
    };
    // Its sandbox starts, which is work.
    await creditFor(nap, 400);
    const forWaiting = await creditFor(nap, 400, 400, 400);
    expect(await creditFor(toil, 400, 400, 400)).toBeGreaterThan(forWaiting);
  },
);
