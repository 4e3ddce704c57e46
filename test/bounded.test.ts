import { expect, test } from "vitest";
import { defaultLimits } from "../src/protocol/index.ts";
import { chatter } from "./support/rude-tasks.ts";
import { double, resize } from "./support/tasks.ts";
import { testClient, testCluster } from "./support/whole-cluster.ts";

/* Whatever one job does, the others go on, and nobody's memory pays for it. */

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test("a consumer that reads nothing stops its producer, not the hub", async () => {
  const window = 500;
  const { hub, cluster } = await testCluster([{}, {}], { limits: { resultCreditBytes: 64 * 1024 } });
  let pulled = 0;
  async function* inputs() {
    for (; pulled < 3_000; pulled++) yield { text: "", bytes: 4_000 };
  }
  const results = cluster.map(resize, inputs(), { window })[Symbol.asyncIterator]();
  expect((await results.next()).value?.ok).toBe(true);
  const job = async () => (await cluster.jobs()).find(({ title }) => title === "resize")!;
  // Everything that was pulled is done and stored, and no more is pulled.
  await expect.poll(async () => (await job()).done).toBe(window);
  expect(pulled).toBeLessThanOrEqual(window + 1);
  // Most results are still in the journal: its client has not said that it takes them.
  const other = await testClient(hub);
  for (let round = 0; round < 3; round++) {
    expect(await other.map(double, upTo(5_000), { ordered: true }).values().toArray()).toEqual(
      upTo(5_000).map((n) => n * 2),
    );
    expect(await job()).toMatchObject({ done: window, size: window });
    expect(pulled).toBeLessThanOrEqual(window + 1);
    expect(hub.bufferedBytes).toBeLessThan(defaultLimits.socketBufferBytesMax);
  }
  const seen = new Set<number>();
  for (let next = await results.next(); next.done !== true; next = await results.next()) {
    if (!next.value.ok) throw next.value.error;
    expect(next.value.value.text.length).toBe(4_000);
    seen.add(next.value.index);
  }
  expect(seen.size).toBe(2_999);
  expect(pulled).toBe(3_000);
});

test("a thousand jobs at once get on together, and each gets its own results", async () => {
  // Checkpoints as seldom as users have them: each holds all jobs.
  const { checkpointRecordsMin, compactionBytesMin, segmentBytesTarget } = defaultLimits;
  const limits = { checkpointRecordsMin, compactionBytesMin, segmentBytesTarget };
  const { cluster } = await testCluster([{ slots: 2 }], { limits });
  const jobs = await Promise.all(
    upTo(1_000).map((n) => cluster.submit(double, [n, n + 1, n + 2], { priority: n % 3 })),
  );
  const values = await Promise.all(
    jobs.map(async (job) => {
      const found: number[] = [];
      for await (const result of job.results()) found[result.index] = result.value as number;
      return found;
    }),
  );
  expect(values).toEqual(upTo(1_000).map((n) => [2 * n, 2 * n + 2, 2 * n + 4]));
  expect(await cluster.status()).toMatchObject({ jobsRunning: 0, jobsEnded: 1_000 });
});

test("a task that logs without end costs its own log, nobody else's work", async () => {
  const limits = { logLinesPerJobMax: 500, logBytesPerSecondMax: 16 * 1024 };
  const { cluster } = await testCluster([{ slots: 2, limits: { ...defaultLimits, ...limits } }], { limits });
  const endless = await cluster.submit(chatter, [0]);
  const logs = async () => await endless.logs();
  const wasCut = async () => (await logs()).some(({ line }) => / lines dropped/.test(line));
  await expect.poll(wasCut).toBe(true);
  expect(await cluster.map(double, upTo(20_000)).values().toArray()).toEqual(upTo(20_000).map((n) => n * 2));
  expect((await logs()).length).toBeLessThanOrEqual(limits.logLinesPerJobMax * 1.1);
  expect(await endless.status()).toMatchObject({ state: "running", running: 1 });
  await endless.cancel();
  expect(await cluster.run(double, 1)).toBe(2);
});
