import { afterEach, expect, test } from "vitest";
import type { Cluster } from "./cluster.ts";
import { fakeCluster, fakeTask } from "./testing/cluster.ts";
import { FakeHub } from "./testing/fake-hub.ts";

/* What a client keeps to by itself. */

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
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

test("mapWindowInputs: is the window where none is named", async () => {
  const hub = new FakeHub({ compute: double, held: true });
  const cluster = await start(hub, { mapWindowInputs: 50, inputBlockRecordsMax: 10 });
  let given = 0;
  function* inputs() {
    for (; given < 1000; ) yield given++;
  }
  const results = cluster.map(fakeTask, inputs())[Symbol.asyncIterator]();
  const first = results.next();
  await expect.poll(() => [...hub.jobs.values()][0]?.inputs.length).toBe(50);
  await cluster.call("hasBlobs", { cids: [] });
  expect(given).toBeLessThanOrEqual(51);
  hub.release();
  expect((await first).value).toMatchObject({ index: 0, value: 0 });
  await results.return?.();
});

test("inputBlockRecordsMax and blockBytesTarget: blocks of inputs are closed there", async () => {
  const hub = new FakeHub({ held: true });
  const counts: number[] = [];
  hub.onArrival = (message) => {
    if (message.type === "submit" || message.type === "inputs") counts.push(message.count);
  };
  const byCount = await start(hub, { inputBlockRecordsMax: 16 });
  await byCount.submit(fakeTask, numbers(100));
  expect(Math.max(...counts)).toBe(16);
  counts.length = 0;
  const byBytes = await start(hub, { blockBytesTarget: 1000 });
  await byBytes.submit(
    fakeTask,
    numbers(100).map(() => "x".repeat(97)),
  );
  expect(Math.max(...counts)).toBe(10);
});

test("callsPerClientMax: no more calls than that are with the hub, and all are answered in time", async () => {
  const hub = new FakeHub();
  const cluster = await start(hub, { callsPerClientMax: 5 });
  let asked = 0;
  let most = 0;
  hub.onArrival = ({ type }) => {
    if (type === "call") most = Math.max(most, ++asked);
  };
  const answers = numbers(200).map((n) =>
    cluster.call("hasBlobs", { cids: [String(n)] }).then(() => void asked--),
  );
  await Promise.all(answers);
  expect(most).toBe(5);
});

test("partitionsDefault: a map-reduce has as many where none are named", async () => {
  const hub = new FakeHub({ held: true });
  const cluster = await start(hub, { partitionsDefault: 3 });
  const submitted = new Promise<number | undefined>((resolve) => {
    hub.onArrival = (message) => {
      if (message.type === "submit") resolve(message.spec.shuffle?.partitions);
    };
  });
  const stop = new AbortController();
  const counts = cluster.mapReduce(fakeTask as never, { input: ["a"], signal: stop.signal });
  counts.catch(() => {});
  expect(await Promise.race([submitted, counts])).toBe(3);
  stop.abort(new Error("enough"));
  await expect(counts).rejects.toThrow();
});
