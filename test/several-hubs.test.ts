import { expect, onTestFinished, test, vi } from "vitest";
import { type Cluster, connect } from "../src/client/index.ts";
import type { Hub } from "../src/hub/index.ts";
import { defaultLimits, MusketeersError } from "../src/protocol/index.ts";
import { joinHubs, type SharedWorkerHandle, type SharedWorkerOptions } from "../src/worker/node.ts";
import { MortalHub } from "./support/mortal-hub.ts";
import { large, nap } from "./support/tasks.ts";
import { testClient, testHub } from "./support/whole-cluster.ts";

/* One machine that works for several hubs at once. */

// Whole programs, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });
const patient = { timeout: 120_000 };

async function testMember(
  hubs: SharedWorkerOptions["hubs"],
  options: Partial<SharedWorkerOptions> = {},
): Promise<SharedWorkerHandle> {
  const worker = await joinHubs({ hubs, slots: 2, ...options });
  onTestFinished(() => worker.stop().catch(() => {}));
  return worker;
}

const inviteOf = (hub: Hub): string => hub.invite({ role: "worker" });

const done = async (clusters: readonly Cluster[]): Promise<number[]> =>
  Promise.all(
    clusters.map(async (cluster) => (await cluster.jobs()).reduce((sum, job) => sum + job.done, 0)),
  );

/** All values in the order of their inputs; throws where one is missing or comes twice. */
async function inOrder(results: AsyncIterable<{ index: number; value?: unknown }>): Promise<unknown[]> {
  const values: unknown[] = [];
  let count = 0;
  for await (const { index, value } of results) {
    values[index] = value;
    count++;
  }
  expect(count).toBe(values.length);
  return values;
}

test("shares hold while both hubs have work, and whoever is alone has all slots", async () => {
  const hubs = await Promise.all([testHub(), testHub()]);
  const clusters = await Promise.all(hubs.map((hub) => testClient(hub)));
  // A slot may be kept for as long as a unit takes, so that a slow machine does not change who gets it.
  const limits = { ...defaultLimits, shareWaitMs: 5_000 };
  const shares = [80, 20];
  await testMember(
    hubs.map((hub, at) => ({ invite: inviteOf(hub), share: shares[at]! })),
    { limits },
  );
  const endless = Array.from({ length: 100_000 }, () => 20);
  const jobs = await Promise.all(clusters.map((cluster) => cluster.submit(nap, endless)));
  // What they take is known, and units have their size.
  await expect.poll(async () => Math.min(...(await done(clusters))), patient).toBeGreaterThan(60);
  const [firstBefore, secondBefore] = (await done(clusters)) as [number, number];
  const both = async () => (await done(clusters)).reduce((sum, count) => sum + count);
  await expect.poll(both, patient).toBeGreaterThan(firstBefore + secondBefore + 500);
  const [first, second] = (await done(clusters)) as [number, number];
  const part = (first - firstBefore) / (first - firstBefore + second - secondBefore);
  expect(part).toBeGreaterThan(0.63);
  expect(part).toBeLessThan(0.95);

  await jobs[0]!.cancel();
  const busy = async () => (await clusters[1]!.workers()).map(({ slots, busySlots }) => [slots, busySlots]);
  await expect.poll(busy, patient).toEqual([[2, 2]]);
  await jobs[1]!.cancel();
});

test("a hub that dies costs the other nothing, and goes on when it is back", async () => {
  const [steady, mortal] = await Promise.all([testHub(), MortalHub.start()]);
  const worker = await testMember([{ invite: inviteOf(steady) }, { invite: mortal.place.worker }]);
  await Promise.all(worker.hubs.map(({ joined }) => joined));
  const [ours, theirs] = await Promise.all([testClient(steady), mortal.client()]);
  const inputs = Array.from({ length: 120 }, (_, n) => n % 20);
  const broken = await theirs.submit(nap, inputs);
  await expect.poll(async () => (await broken.status()).done, patient).toBeGreaterThan(5);
  await mortal.kill();
  expect(await inOrder(ours.map(nap, inputs))).toEqual(inputs);
  await mortal.revive();
  expect(await inOrder(broken.results())).toEqual(inputs);
});

test("what a hub runs is stopped after leaseTtlMs of its absence, where another one has work", async () => {
  const [steady, mortal] = await Promise.all([testHub(), MortalHub.start()]);
  const limits = { ...defaultLimits, leaseTtlMs: 200 };
  const worker = await testMember([{ invite: inviteOf(steady) }, { invite: mortal.place.worker }], {
    limits,
  });
  await Promise.all(worker.hubs.map(({ joined }) => joined));
  const theirs = await mortal.client();
  // Both slots are taken for an hour.
  const hours = await theirs.submit(nap, [3_600_000, 3_600_000], { timeout: "2h" });
  await expect.poll(async () => (await hours.status()).running, patient).toBe(2);
  await mortal.kill();
  const ours = await testClient(steady);
  expect(await ours.run(nap, 3)).toBe(3);
  await mortal.revive();
  await expect.poll(async () => (await hours.status()).running, patient).toBe(2);
  await hours.cancel();
});

test("results that a hub does not store keep slots from another one for leaseTtlMs only", async () => {
  const quick = { limits: { heartbeatIntervalMs: 100 } };
  const [steady, full] = await Promise.all([testHub(quick), testHub(quick)]);
  const limits = { ...defaultLimits, leaseTtlMs: 200 };
  await testMember([{ invite: inviteOf(steady) }, { invite: inviteOf(full) }], { limits, slots: 1 });
  const { blobs } = full.coordinator.engine;
  const put = blobs.put.bind(blobs);
  let refused = 0;
  // The bundle is there; its results find a full disk.
  const theirs = await testClient(full);
  expect(await theirs.run(large, 1)).toHaveLength(1);
  blobs.put = async () => {
    refused++;
    throw new MusketeersError("STORAGE", "no space left on device");
  };
  const job = await theirs.submit(large, [100_000, 100_000]);
  await expect.poll(() => refused, patient).toBeGreaterThan(1);
  const ours = await testClient(steady);
  expect(await ours.run(nap, 3)).toBe(3);
  blobs.put = put;
  const lengths = (await inOrder(job.results())).map((text) => (text as string).length);
  expect(lengths).toEqual([100_000, 100_000]);
});

test("a hub that refuses the worker leaves it to the others; when all do, it ends with the first reason", async () => {
  const [hub, stranger] = await Promise.all([testHub(), testHub()]);
  const submitter = stranger.invite({ role: "submitter" });
  const worker = await testMember([{ invite: submitter }, { invite: inviteOf(hub) }]);
  await expect(worker.hubs[0]!.closed).rejects.toMatchObject({ code: "FORBIDDEN" });
  await worker.hubs[1]!.joined;
  const cluster = await testClient(hub);
  expect(await cluster.run(nap, 1)).toBe(1);
  await worker.drain();
  await worker.closed;

  const unwelcome = await testMember([{ invite: submitter }, { invite: hub.invite({ role: "viewer" }) }]);
  await expect(unwelcome.closed).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("one machine works for two projects of one hub: each gets what is its, from one person", async () => {
  const hub = await testHub();
  const admin = await connect({ hub: hub.invite({ role: "admin" }) });
  onTestFinished(() => admin.close());
  const projects = ["stars", "genes"];
  for (const project of projects) await admin.call("createProject", { project, rootKey: "ab".repeat(32) });
  await testMember(
    projects.map((project) => ({ invite: hub.invite({ role: "worker", project }) })),
    { machineKey: new Uint8Array(32).fill(7) },
  );
  const values = await Promise.all(
    projects.map(async (project, at) => {
      const cluster = await connect({ hub: hub.invite({ role: "submitter", project }) });
      onTestFinished(() => cluster.close());
      return cluster.run(nap, at + 1);
    }),
  );
  expect(values).toEqual([1, 2]);
  const workers = await admin.workers();
  expect(workers.flatMap((worker) => worker.projects).sort()).toEqual(["genes", "stars"]);
  expect(new Set(workers.map(({ person }) => person)).size).toBe(1);
});

test("hubsPerWorkerMax: so many hubs, each once, with shares above nothing", async () => {
  const hub = await testHub();
  const invite = inviteOf(hub);
  const wrong = (hubs: SharedWorkerOptions["hubs"], message: RegExp) =>
    expect(joinHubs({ hubs })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringMatching(message),
    });
  await wrong([], /1 to 16 hubs/);
  await wrong(
    Array.from({ length: 17 }, () => ({ invite })),
    /1 to 16 hubs/,
  );
  await wrong([{ invite }, { invite }], /1 and 2 are the same/);
  await wrong([{ invite, share: 0 }], /above 0/);
});

test("two people's jobs run side by side on one machine for two hubs, each owned by its client", async () => {
  const hubs = await Promise.all([testHub(), testHub()]);
  await testMember(hubs.map((hub) => ({ invite: inviteOf(hub) })));
  const people = await Promise.all(hubs.map((hub) => connect({ hub: hub.invite({ role: "submitter" }) })));
  for (const person of people) onTestFinished(() => person.close());
  const inputs = Array.from({ length: 30 }, (_, n) => n);
  const sums = await Promise.all(
    people.map(async (person) => {
      let sum = 0;
      for await (const { value } of person.map(nap, inputs)) sum += value ?? Number.NaN;
      return sum;
    }),
  );
  expect(sums).toEqual([435, 435]);
  expect((await Promise.all(people.map((person) => person.jobs()))).map((jobs) => jobs.length)).toEqual([
    1, 1,
  ]);
});
