import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { cidOf } from "../src/data/index.ts";
import type { Hub } from "../src/hub/index.ts";
import { ScriptedPeer } from "../src/hub/testing/peer.ts";
import { defaultLimits, encodeValue } from "../src/protocol/index.ts";
import { placesOf } from "../src/worker/neighbours/places.ts";
import { sizeOf } from "./support/tasks.ts";
import { testClient, testCluster, testHub, testWorker } from "./support/whole-cluster.ts";

/* What workers fetch from each other, with a real hub, real workers and real sandboxes. */

// A machine that is busy for a while is no broken neighbour.
const patient = { ...defaultLimits, neighbourStallMs: 300_000, blobStallMs: 300_000 };
const large = new Uint8Array(1_000_000).fill(7);

/** Resolves when so many workers have said where they are. */
const whenKnown = (hub: Hub, count: number) =>
  vi.waitFor(() => expect(hub.coordinator.peers.size).toBe(count), { timeout: 60_000, interval: 5 });

test("what all workers need leaves the hub once", { timeout: 120_000 }, async () => {
  const trusted = { trust: true, limits: patient };
  const { hub, cluster } = await testCluster([trusted, trusted, trusted, trusted]);
  await whenKnown(hub, 4);
  const sizes = await cluster.map(sizeOf, new Array<Uint8Array>(20).fill(large)).values().toArray();
  expect(sizes).toEqual(new Array(20).fill(large.length));
  const workers = await cluster.call("workers", {});
  expect(workers.filter(({ inputsDone }) => inputsDone > 0).length).toBeGreaterThan(1);
  const { blobBytesSent } = await cluster.call("status", {});
  expect(blobBytesSent).toBeGreaterThan(large.length);
  expect(blobBytesSent).toBeLessThan(1.5 * large.length);
});

test("a worker that is asked for nothing of the kind opens no port", { timeout: 120_000 }, async () => {
  const { hub } = await testCluster([{}, { serve: false, trust: true }]);
  await whenKnown(hub, 2);
  const { peers, workers } = hub.coordinator;
  expect([...workers.keys()].map((worker) => peers.serves(worker))).toEqual([false, false]);
});

/** A worker that says that it keeps a value, at a port of this machine. */
async function pretender(hub: Hub, port: number): Promise<void> {
  const peer = await ScriptedPeer.worker(hub, { slots: 0 });
  const key = new Uint8Array(32);
  peer.send({ type: "whereabouts", places: placesOf().places, port, key, nowMs: 0 });
  peer.send({ type: "holds", add: [cidOf(encodeValue(large))], drop: [] });
}

test.each([
  ["gives other bytes", true],
  ["nobody can reach", false],
])("a neighbour that %s costs nothing but its blame", { timeout: 120_000 }, async (_what, answers) => {
  const server = createServer((_request, response) => response.end("other bytes"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve));
  if (!answers) await close();
  else onTestFinished(() => void close());
  const hub = await testHub();
  await pretender(hub, port);
  await whenKnown(hub, 1);
  await testWorker(hub, { limits: patient });
  const cluster = await testClient(hub);
  await whenKnown(hub, 2);
  expect(await cluster.map(sizeOf, [large, large]).values().toArray()).toEqual([large.length, large.length]);
  // It tells with its next question.
  await cluster.run(
    sizeOf,
    large.map((byte) => byte + 1),
  );
  const [liar] = [...hub.coordinator.workers.values()];
  expect(hub.coordinator.peers.complaintsOf(liar!.worker)).toBe(1);
});
