import { expect, onTestFinished, test } from "vitest";
import { connect } from "../src/client/index.ts";
import type { Hub } from "../src/hub/index.ts";
import { defaultLimits } from "../src/protocol/index.ts";
import { type Relay, testRelay } from "./support/relay.ts";
import { double, nap, same, visit } from "./support/tasks.ts";
import { testClient, testHub, testSite, testWorker } from "./support/whole-cluster.ts";

/* Networks that break: everybody comes back by themselves, and nothing is lost, doubled or done again. */

/** Peers count a connection as steady, and break again as a first time, after a heartbeat. */
const quick = { heartbeatIntervalMs: 100 };

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

async function clientThrough(hub: Hub, relay: Relay) {
  const cluster = await connect({ hub: relay.through(hub.invite({ role: "submitter" })) });
  onTestFinished(() => cluster.close());
  return cluster;
}

test("a worker whose connection breaks while it works goes on, and what it did is not done again", async () => {
  const site = await testSite();
  const hub = await testHub();
  const relay = await testRelay(hub.url);
  const worker = await testWorker(hub, {
    invite: relay.through(hub.invite({ role: "worker" })),
    allowNet: [site.host],
  });
  const cluster = await testClient(hub);
  const inputs = upTo(40).map((n) => ({ url: `${site.url}/${n}`, ms: 20 }));
  const results = cluster.map(visit, inputs, { net: [site.host] }).toArray();
  for (const reached of [5, 15, 30]) {
    await site.reached(reached);
    const before = relay.connections;
    relay.cut();
    await expect.poll(() => relay.connections).toBeGreaterThan(before);
  }
  expect((await results).map((result) => result.ok && result.value).toSorted()).toEqual(
    inputs.map(({ url }) => url).toSorted(),
  );
  expect(site.asked.toSorted()).toEqual(inputs.map(({ url }) => new URL(url).pathname).toSorted());
  expect((await cluster.workers()).map(({ name }) => name)).toEqual([worker.description.name]);
});

test("a worker that its network has left is replaced, and what it says later does no harm", async () => {
  const site = await testSite();
  const limits = { leaseTtlMs: 300, heartbeatIntervalMs: 50 };
  const hub = await testHub({ limits });
  const relay = await testRelay(hub.url);
  const cluster = await testClient(hub);
  await testWorker(hub, {
    name: "cut off",
    invite: relay.through(hub.invite({ role: "worker" })),
    allowNet: [site.host],
    limits: { ...defaultLimits, ...limits },
  });
  const inputs = upTo(3).map((n) => ({ url: `${site.url}/${n}`, ms: n === 0 ? 800 : 1 }));
  const job = await cluster.submit(visit, inputs, { net: [site.host] });
  await site.reached(1);
  relay.close();
  await expect.poll(async () => (await cluster.workers()).length).toBe(0);
  await testWorker(hub, { name: "steady", allowNet: [site.host] });
  await site.reached(2);
  relay.open();
  await expect.poll(async () => (await cluster.workers()).length).toBe(2);
  const results = [];
  for await (const result of job.results()) results.push(result.index);
  expect(results.toSorted()).toEqual([0, 1, 2]);
  expect(await job.status()).toMatchObject({ state: "done", done: 3, failed: 0 });
});

test("heartbeatIntervalMs: a connection that carries nothing any more is given up by both ends", async () => {
  const limits = { leaseTtlMs: 400, heartbeatIntervalMs: 50 };
  const hub = await testHub({ limits });
  const relay = await testRelay(hub.url);
  await testWorker(hub, {
    name: "silent",
    invite: relay.through(hub.invite({ role: "worker" })),
    limits: { ...defaultLimits, ...limits },
  });
  const cluster = await clientThrough(hub, relay);
  expect(await cluster.run(double, 1)).toBe(2);
  relay.freeze();
  expect(await cluster.run(double, 2)).toBe(4);
  expect((await cluster.workers()).length).toBe(1);
});

test("a submitter's connection breaks again and again, and every result comes once", async () => {
  const hub = await testHub({ limits: quick });
  const relay = await testRelay(hub.url);
  await testWorker(hub);
  const cluster = await clientThrough(hub, relay);
  const seen = new Uint8Array(20_000);
  let count = 0;
  let pulled = 0;
  function* inputs() {
    for (; pulled < seen.length; pulled++) yield pulled;
  }
  for await (const result of cluster.map(double, inputs(), { window: 3_000 })) {
    expect(result.ok && result.value).toBe(result.input * 2);
    seen[result.index]!++;
    if (++count % 2_500 === 0) relay.cut();
  }
  expect(seen.every((times) => times === 1)).toBe(true);
  expect(relay.connections).toBeGreaterThan(4);
});

test("large values arrive whole although the connection breaks under them", async () => {
  const hub = await testHub({ limits: quick });
  const relay = await testRelay(hub.url);
  await testWorker(hub, { invite: relay.through(hub.invite({ role: "worker" })) });
  const cluster = await clientThrough(hub, relay);
  const inputs = upTo(30).map((n) => new Uint8Array(400_000).fill(n));
  let seen = 0;
  for await (const result of cluster.map(same, inputs, { window: 6 })) {
    if (!result.ok) throw result.error;
    expect(Buffer.compare(result.value as Uint8Array, inputs[result.index]!)).toBe(0);
    if (++seen % 7 === 0) relay.cut();
  }
  expect(seen).toBe(inputs.length);
});

test("runs, submissions and questions under way outlive a hub that is out of reach for a while", async () => {
  const hub = await testHub();
  const relay = await testRelay(hub.url);
  await testWorker(hub);
  const cluster = await clientThrough(hub, relay);
  const slow = cluster.run(nap, 300);
  await expect.poll(async () => (await cluster.workers())[0]?.busySlots).toBe(1);
  relay.close();
  await expect.poll(() => cluster.connected).toBe(false);
  const asked = cluster.status();
  const quick = cluster.run(double, 4);
  const submitted = cluster.submit(double, upTo(10_000));
  const mapped = cluster.map(double, upTo(100), { ordered: true }).values().toArray();
  relay.open();
  expect(await slow).toBe(300);
  expect((await asked).workers).toBe(1);
  expect(await quick).toBe(8);
  expect((await (await submitted).wait()).done).toBe(10_000);
  expect(await mapped).toEqual(upTo(100).map((n) => n * 2));
});
