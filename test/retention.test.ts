import { expect, onTestFinished, test } from "vitest";
import { connect } from "../src/client/index.ts";
import { startHub } from "../src/hub/index.ts";
import { resize } from "./support/tasks.ts";
import { temporaryDirectory, testClient, testHub, testWorker } from "./support/whole-cluster.ts";

/* A hub that runs for a month: what is over goes, what is not stays, and a restart finds the same. */

test("jobsEndedKept, compactionBytesMin: ended jobs are forgotten with their part of the journal and their blobs; others stay", async () => {
  const data = await temporaryDirectory();
  const limits = { jobsEndedKept: 3, jobsKeptMs: Number.MAX_SAFE_INTEGER, blobsUnusedMs: 0 };
  const first = await startHub({
    data,
    listen: "127.0.0.1:0",
    limits: { ...limits, compactionBytesMin: 200_000, segmentBytesTarget: 64 * 1024 },
  });
  const worker = await testWorker(first);
  const cluster = await connect({ hub: first.invite({ role: "submitter" }) });
  onTestFinished(() => cluster.close());
  // Needs what no worker has: it waits, and what it needs of the journal must not be dropped.
  const inputs = ["a", "b", "c"].map((text) => ({ text: text.repeat(100_000), bytes: 5 }));
  const waiting = await cluster.submit(resize, inputs, { needs: { labels: ["rare"] } });
  let largestBytes = 0;
  for (let n = 0; n < 40; n++) {
    const job = await cluster.submit(resize, [{ text: "x".repeat(40_000), bytes: 80_000 + n }]);
    await job.wait();
    await first.coordinator.ledger.settled();
    await first.coordinator.retention.idle();
    largestBytes = Math.max(largestBytes, first.coordinator.engine.journal.stats().bytes);
  }
  // Forty jobs have about 50 kB each in the journal.
  expect(largestBytes).toBeLessThan(900_000);
  await first.coordinator.retention.sweep();
  const blobs: number[] = [];
  for await (const { bytes } of first.coordinator.engine.blobs.list()) blobs.push(bytes);
  // The results of the three kept jobs, the inputs of the waiting one, and the bundle.
  expect(blobs.filter((bytes) => bytes > 80_000 && bytes < 80_200)).toHaveLength(3);
  expect(blobs.filter((bytes) => bytes > 100_000)).toHaveLength(3);
  await worker.stop();
  await first.close();

  const second = await testHub({ data, limits });
  const again = await testClient(second);
  expect((await again.jobs()).map(({ state }) => state)).toEqual(["done", "done", "done", "running"]);
  const [latest] = await again.jobs();
  const results = [];
  for await (const { value } of again.job(latest!.job).results()) results.push(value);
  expect(results).toEqual([{ given: 40_000, text: "r".repeat(80_039) }]);
  await testWorker(second, { labels: ["rare"] });
  const late = [];
  for await (const { value } of again.job(waiting.id).results({ ordered: true })) late.push(value);
  expect(late).toEqual(inputs.map(() => ({ given: 100_000, text: "rrrrr" })));
});
