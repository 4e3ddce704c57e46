import { expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { asFileValue, defaultLimits, eachRecord, encodeValue, packRecords } from "../../protocol/index.ts";
import { checkBlobPass } from "../../security/index.ts";
import { jobSpec, ScriptedPeer, testHub, until } from "../testing/peer.ts";

const cids = [1, 2, 3].map((number) => cidOf(new Uint8Array([number])));
const key = (number: number) => new Uint8Array(32).fill(number);

/** Its connection comes from loopback, which is one of its places: no translator stands between. */
const placesOf = (host: number) => [
  { network: "lan", address: `10.0.0.${host}` },
  { network: `loopback ${host}`, address: "127.0.0.1" },
];

/** A worker of one network with this host number, which serves where it has a port. */
async function neighbour(hub: Awaited<ReturnType<typeof testHub>>, host: number, port: number) {
  const worker = await ScriptedPeer.worker(hub, { name: `w${host}`, slots: 0 });
  const places = placesOf(host);
  const keyed = port === 0 ? new Uint8Array(0) : key(host);
  worker.send({ type: "whereabouts", places, port, key: keyed, nowMs: 1_000_000 * host });
  return worker;
}

test("who asks for a blob is sent to a neighbour who keeps it, with a token for this blob and this asker", async () => {
  const hub = await testHub();
  const server = await neighbour(hub, 1, 7078);
  const asker = await neighbour(hub, 2, 0);
  expect((await asker.next("near")).message.anyone).toBe(true);
  expect((await server.next("near")).message.anyone).toBe(true);
  server.send({ type: "holds", add: [cids[0]], drop: [] });
  await until(() => hub.coordinator.peers.tracker.count === 1);
  asker.send({ type: "locate", call: 7, cids: [cids[0], cids[1]], faults: [] });
  const { message } = await asker.next("located");
  expect(message).toMatchObject({ call: 7, sources: [[{ address: "10.0.0.1", port: 7078 }], []] });
  const { token } = message.sources[0]![0]!;
  const use = { cid: cids[0]!, address: "10.0.0.2", nowMs: 1_000_000 };
  expect(checkBlobPass(token, use, key(1))).toBe(true);
  expect(checkBlobPass(token, { ...use, cid: cids[1]! }, key(1))).toBe(false);
  expect(checkBlobPass(token, { ...use, address: "10.0.0.3" }, key(1))).toBe(false);
  expect(checkBlobPass(token, { ...use, nowMs: 2_000_000 }, key(1))).toBe(false);
});

test("tokens end by the clock of who serves, as it was told last: clocks drift apart", async () => {
  const hub = await testHub();
  const server = await neighbour(hub, 1, 7078);
  const asker = await neighbour(hub, 2, 0);
  await asker.next("near");
  server.send({ type: "holds", add: [cids[0]], drop: [] });
  await until(() => hub.coordinator.peers.tracker.count === 1);
  const driftMs = 10 * defaultLimits.neighbourTokenMs;
  const places = placesOf(1);
  for (const nowMs of [1_000_000 + driftMs, 1_000_000 - driftMs]) {
    server.send({ type: "whereabouts", places, port: 7078, key: key(1), nowMs });
    // It keeps what it kept, and is asked for it.
    server.send({ type: "locate", call: 1, cids: [], faults: [] });
    await server.next("located");
    asker.send({ type: "locate", call: nowMs, cids: [cids[0]], faults: [] });
    const { message } = await asker.next("located");
    const use = { cid: cids[0]!, address: "10.0.0.2" };
    const { token } = message.sources[0]![0]!;
    expect(checkBlobPass(token, { ...use, nowMs }, key(1))).toBe(true);
    expect(checkBlobPass(token, { ...use, nowMs: nowMs + driftMs }, key(1))).toBe(false);
  }
  // Nothing has changed but the clock, of which nobody else has to know.
  expect([...server.pending("near"), ...asker.pending("near")]).toHaveLength(1);
});

test("who keeps what nobody needs any more is told to forget it, and nobody else", async () => {
  const hub = await testHub({ limits: { locateBlobsMax: 2 } });
  const [keeper, other] = [await neighbour(hub, 1, 7078), await neighbour(hub, 2, 7078)];
  const { peers } = hub.coordinator;
  keeper.send({ type: "holds", add: cids, drop: [] });
  other.send({ type: "holds", add: cids.slice(1, 2), drop: [] });
  await until(() => peers.tracker.count === 4);
  peers.forget([cids[0]!, cids[2]!, cids[1]!]);
  const told = [await keeper.next("forget"), await keeper.next("forget"), await other.next("forget")];
  expect(told.map(({ message }) => message.cids)).toEqual([[cids[0], cids[2]], [cids[1]], [cids[1]]]);
  peers.forget([cidOf(new Uint8Array([9]))]);
  for (const worker of [keeper, other]) {
    worker.send({ type: "locate", call: 1, cids: [], faults: [] });
    await worker.next("located");
  }
  expect([...keeper.pending("forget"), ...other.pending("forget")]).toEqual([]);
});

test("who is gone keeps nothing, and who is left alone is told so", async () => {
  const hub = await testHub();
  const server = await neighbour(hub, 1, 7078);
  const asker = await neighbour(hub, 2, 0);
  server.send({ type: "holds", add: [cids[1], cids[2]], drop: [] });
  server.send({ type: "holds", add: [cids[0]], drop: [cids[1], cids[2]] });
  const { tracker } = hub.coordinator.peers;
  await until(() => tracker.keeps([...hub.coordinator.workers.keys()][0]!, cids[0]!));
  expect(cids.map((cid) => tracker.holdersOf(cid).length)).toEqual([1, 0, 0]);
  await asker.next("near");
  server.link.close();
  expect((await asker.next("near")).message.anyone).toBe(false);
  expect(tracker.count).toBe(0);
});

test("a worker that fell silent keeps nothing, although its connection was not closed by itself", async () => {
  const hub = await testHub({ limits: { heartbeatIntervalMs: 60_000, leaseTtlMs: 1_000 } });
  const silent = await neighbour(hub, 1, 7078);
  silent.send({ type: "holds", add: cids, drop: [] });
  const { peers } = hub.coordinator;
  // On a machine that is slow enough it may be gone by then.
  await until(() => peers.tracker.count === cids.length || hub.coordinator.workers.size === 0);
  await until(() => hub.coordinator.workers.size === 0);
  expect([peers.tracker.count, peers.size]).toEqual([0, 0]);
});

test("inputs go to those who have their data, from the first one on", async () => {
  const hub = await testHub();
  const files = cids.map((cid) => encodeValue(asFileValue({ cid, bytes: 1 })));
  const workers: ScriptedPeer[] = [];
  for (const cid of [cids[2], cids[0], cids[1]]) {
    const worker = await ScriptedPeer.worker(hub, { slots: 1 });
    worker.send({ type: "holds", add: [cid], drop: [] });
    workers.push(worker);
  }
  const { peers } = hub.coordinator;
  await until(() => peers.tracker.count === 3);
  const client = await ScriptedPeer.client(hub);
  client.submit(jobSpec(), 3, true, packRecords(files));
  const leases = await Promise.all(workers.map((worker) => worker.next("lease")));
  const got = leases.map(({ body }) => [...eachRecord(body)].map((record) => Buffer.from(record)));
  expect(got).toEqual(
    [[files[2]], [files[0]], [files[1]]].map((list) => list.map((file) => Buffer.from(file!))),
  );
  expect(peers.locality.count).toBe(3);
  for (const [at, worker] of workers.entries()) worker.report(leases[at]!);
  await until(() => peers.locality.count === 0);
});

test("whom several complain of is shown to the operator", async () => {
  const hub = await testHub({ limits: { neighbourAccusersMax: 2 } });
  const liar = await neighbour(hub, 1, 7078);
  liar.send({ type: "holds", add: cids, drop: [] });
  await until(() => hub.coordinator.peers.tracker.count === cids.length);
  const admin = await ScriptedPeer.client(hub, "admin");
  const warnings = async () => (await admin.call<{ warnings: string[] }>("status")).warnings;
  for (const host of [2, 3]) {
    expect(await warnings()).toEqual([]);
    const asker = await neighbour(hub, host, 0);
    asker.send({ type: "locate", call: 1, cids, faults: [] });
    const { message } = await asker.next("located");
    const { worker } = message.sources[0]![0]!;
    asker.send({ type: "locate", call: 2, cids, faults: [{ worker, fault: "wrong" }] });
    expect((await asker.next("located")).message.sources).toEqual([[], [], []]);
  }
  expect(await warnings()).toEqual([expect.stringContaining("w1")]);
});

test.each([
  ["keeps what has no name", { type: "holds", add: ["x"], drop: [] }],
  ["serves without a key", { type: "whereabouts", places: [], port: 1, key: new Uint8Array(0), nowMs: 0 }],
])("a worker that %s is sent away", async (_what, message) => {
  const hub = await testHub();
  const worker = await ScriptedPeer.worker(hub);
  const ended = worker.nextDownOr(() => worker.next("ack"));
  worker.send(message);
  expect(await ended).toMatchObject({ code: "PROTOCOL" });
});

test("a client has no neighbours", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const ended = client.nextDownOr(() => client.next("located"));
  client.send({ type: "locate", call: 1, cids, faults: [] });
  expect(await ended).toMatchObject({ code: "FORBIDDEN" });
});
