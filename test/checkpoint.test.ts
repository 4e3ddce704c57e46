import { expect, onTestFinished, test } from "vitest";
import { checkpoint, connect, restored } from "../src/client/index.ts";
import { type Hub, startHub } from "../src/hub/index.ts";
import { hangsOnce, longWay } from "./support/tasks.ts";
import {
  temporaryDirectory,
  testClient,
  testCluster,
  testHub,
  testSite,
  testWorker,
} from "./support/whole-cluster.ts";

/* Tasks that keep how far they are, on machines that vanish. */

const savedStates = (hub: Hub): number =>
  [...hub.coordinator.jobs].reduce((sum, entry) => sum + entry.saved.size, 0);

/** What the site was told: at which steps attempts began. */
const stepsOf = (asked: readonly string[]): number[] => asked.map((path) => Number(path.split("/").at(-1)));

test.each([10, 200_000])(
  "another worker goes on where the one before was, with a state of %i bytes",
  async (ballast) => {
    const site = await testSite();
    const hub = await testHub();
    const cluster = await testClient(hub);
    const first = await testWorker(hub, { allowNet: [site.host] });
    const running = cluster.run(longWay, { url: site.url, steps: 40, ballast }, { net: [site.host] });
    await expect.poll(() => savedStates(hub)).toBe(1);
    await first.stop();
    await testWorker(hub, { allowNet: [site.host] });
    const from = await running;
    expect(from).toBeGreaterThan(0);
    expect(stepsOf(site.asked)).toEqual([0, from]);
    expect(savedStates(hub)).toBe(0);
  },
);

test("a hub that starts again still has the states", async () => {
  const site = await testSite();
  const data = await temporaryDirectory();
  const limits = { checkpointRecordsMin: 1, adoptionWindowMs: 1 };
  const hub = await startHub({ data, listen: "127.0.0.1:0", limits });
  const worker = await testWorker(hub, { allowNet: [site.host] });
  const cluster = await connect({ hub: hub.invite({ role: "submitter" }) });
  onTestFinished(() => cluster.close());
  const job = await cluster.submit(longWay, [{ url: site.url, steps: 100_000, ballast: 1 }], {
    net: [site.host],
  });
  await expect.poll(() => savedStates(hub)).toBe(1);
  await hub.coordinator.retention.idle();
  await hub.close();
  await worker.stop();
  const again = await testHub({ data, limits });
  expect(savedStates(again)).toBe(1);
  await testWorker(again, { allowNet: [site.host] });
  await site.reached(2);
  const [, from] = stepsOf(site.asked);
  expect(from).toBeGreaterThan(0);
  await (await testClient(again)).job(job.id).cancel();
  await expect.poll(() => savedStates(again)).toBe(0);
});

test("savedStatesPerJobMax: of more inputs none is kept, and they are computed all the same", async () => {
  const site = await testSite();
  const hub = await testHub({ limits: { savedStatesPerJobMax: 1 } });
  const cluster = await testClient(hub);
  await testWorker(hub, { slots: 2, allowNet: [site.host] });
  const inputs = [1, 2].map((ballast) => ({ url: site.url, steps: 400, ballast }));
  const job = await cluster.submit(longWay, inputs, { net: [site.host] });
  await site.reached(2);
  await expect.poll(() => savedStates(hub)).toBe(1);
  let most = 0;
  while ((await job.status()).state === "running") most = Math.max(most, savedStates(hub));
  expect(most).toBe(1);
  expect(await job.status()).toMatchObject({ state: "done", done: 2, failed: 0 });
});

test("a retry has the state, too", async () => {
  const { cluster } = await testCluster();
  expect(await cluster.run(hangsOnce, 5)).toEqual([5, 6, 5]);
});

test("outside a cluster a task is an ordinary function", () => {
  expect(restored()).toBeUndefined();
  expect(checkpoint({ step: 1 })).toBeUndefined();
});
