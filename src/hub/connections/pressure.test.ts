import { expect, test, vi } from "vitest";
import { packRecords } from "../../protocol/index.ts";
import { describedWorker, jobSpec, ScriptedPeer, testHub, testProxy, until } from "../testing/peer.ts";

const healthy = async (url: string) => expect((await fetch(`${url}/healthz`)).status).toBe(200);

test("while the journal does not keep up, nobody is read, nor who joins meanwhile", async () => {
  const hub = await testHub();
  const { ledger } = hub.coordinator;
  const before = await ScriptedPeer.client(hub);
  ledger.onPressure(true);
  const meanwhile = await ScriptedPeer.client(hub);
  let answered = 0;
  const answers = [before, meanwhile].map((client) => client.call("status").then(() => answered++));
  await healthy(hub.url);
  await healthy(hub.url);
  expect(answered).toBe(0);
  ledger.onPressure(false);
  await Promise.all(answers);
});

test("the end of one reason to wait does not end another", async () => {
  const hub = await testHub({ limits: { inputBytesUnstoredMax: 100 } });
  const { ledger, engine } = hub.coordinator;
  const client = await ScriptedPeer.client(hub);
  // The journal keeps the client's block to itself until it is told.
  const append = engine.journal.append.bind(engine.journal);
  let store = () => {};
  const stored = new Promise<void>((resolve) => {
    store = resolve;
  });
  let asked = () => {};
  const held = new Promise<void>((resolve) => {
    asked = resolve;
  });
  engine.journal.append = async (records) => {
    asked();
    await stored;
    return append(records);
  };
  client.submit(jobSpec(), 1000);
  await held;
  ledger.onPressure(true);
  store();
  await client.next("accepted");
  let answered = false;
  const answer = client.call("status").then(() => {
    answered = true;
  });
  await healthy(hub.url);
  await healthy(hub.url);
  expect(answered).toBe(false);
  ledger.onPressure(false);
  await answer;
});

test("while nobody is read, nobody is given up for being silent, on either side", async () => {
  const hub = await testHub({ limits: { heartbeatIntervalMs: 20, leaseTtlMs: 100 } });
  const { ledger, scheduler, workers } = hub.coordinator;
  const worker = await ScriptedPeer.worker(hub);
  const pressed = vi.spyOn(ledger, "pressed", "get").mockReturnValue(true);
  ledger.onPressure(true);
  const beganMs = scheduler.nowMs;
  await until(() => scheduler.nowMs - beganMs > 500);
  expect([workers.size, worker.downs.length]).toEqual([1, 0]);
  pressed.mockReturnValue(false);
  ledger.onPressure(false);
  // This worker sends no heartbeats, so it would have been given up otherwise.
  await until(() => workers.size === 0);
});

/** Larger than what the system buffers of a connection, in records of 64 KB. */
const RECORDS = 600;
const large = (count: number) => packRecords(Array.from({ length: count }, () => new Uint8Array(64_000)));
const BUFFER_BYTES_MAX = 1024 * 1024;
/** However slow the machine is, nobody is given up because nothing comes through meanwhile. */
const patience = { heartbeatIntervalMs: 200_000, leaseTtlMs: 900_000 };

test("socketBufferBytesMax: a client that does not read does not fill the hub's memory, and misses nothing", async () => {
  const hub = await testHub({ limits: { ...patience, socketBufferBytesMax: 100_000, unitInputsMax: 4 } });
  const proxy = await testProxy(hub);
  const slow = new ScriptedPeer(hub.invite({ role: "submitter" }).replace(hub.url, proxy.url));
  await slow.link.start();
  const spec = jobSpec();
  slow.submit(spec, RECORDS);
  await slow.next("accepted");
  proxy.hold();
  slow.watch(spec.job);
  const viewer = await ScriptedPeer.client(hub, "viewer");
  viewer.watch(spec.job, { results: false });
  const worker = await ScriptedPeer.worker(hub);
  for (let done = 0; done < RECORDS; ) {
    const lease = await worker.next("lease");
    done += lease.message.count;
    worker.report(lease, { elapsedMs: 0.01 }, large(lease.message.count));
  }
  await viewer.next("ended");
  expect(hub.bufferedBytes).toBeLessThan(BUFFER_BYTES_MAX);
  // It is not read either until it has taken what it asked for.
  slow.send({ type: "cancel", job: spec.job, reason: "" });
  proxy.release();
  await slow.next("ended");
  const ranges = slow.pending("results").flatMap(({ message }) => message.ranges);
  expect(ranges.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(RECORDS);
});

test("socketBufferBytesMax: a worker that does not read does not fill the hub's memory, and gets its leases later", async () => {
  const hub = await testHub({ limits: { ...patience, socketBufferBytesMax: 100_000 } });
  const proxy = await testProxy(hub);
  const invite = hub.invite({ role: "worker" }).replace(hub.url, proxy.url);
  const slow = new ScriptedPeer(invite, describedWorker({ slots: RECORDS }));
  await slow.link.start();
  proxy.hold();
  const client = await ScriptedPeer.client(hub);
  const spec = jobSpec();
  client.watch(spec.job, { results: false });
  client.submit(spec, 0, false);
  for (let from = 0; from < RECORDS; from += 10) {
    const sealed = from + 10 === RECORDS;
    client.send({ type: "inputs", job: spec.job, from, count: 10, sealed }, large(10));
  }
  await client.next("stored", ({ size }) => size === RECORDS);
  expect(hub.bufferedBytes).toBeLessThan(BUFFER_BYTES_MAX);
  proxy.release();
  slow.serve();
  client.watch(spec.job, { results: false });
  expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: 0 });
});
