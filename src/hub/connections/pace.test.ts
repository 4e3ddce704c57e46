import { expect, test, vi } from "vitest";
import { packRecords } from "../../protocol/index.ts";
import { jobSpec, numbered, ScriptedPeer, testHub, until } from "../testing/peer.ts";
import { rawConnection } from "../testing/raw.ts";

/* Limits of the hub's by which nothing is refused: things go out later, in parts, or are read again. */

/** A unit of several inputs: the first one of a job is of one. */
async function laterLease(hub: Awaited<ReturnType<typeof testHub>>, body = numbered(20)) {
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub);
  const spec = jobSpec();
  client.submit(spec, 20, true, body);
  const first = await worker.next("lease");
  worker.report(first, { elapsedMs: 0.01 });
  await worker.next("ack");
  const lease = await worker.next("lease");
  return { client, worker, spec, lease };
}

test("receiptDelayMs: receipts go out together", async () => {
  const hub = await testHub({ limits: { receiptDelayMs: 200 } });
  const { worker, lease } = await laterLease(hub);
  for (let from = 0; from < 5; from++) worker.report(lease, { from, count: 1, done: false });
  expect((await worker.next("ack")).message.upTo).toBe(5);
});

test("jobNoticeIntervalMs: who watches hears of progress no more often, but of the end", async () => {
  const hub = await testHub({ limits: { jobNoticeIntervalMs: 1_000_000 } });
  const client = await ScriptedPeer.client(hub);
  const spec = jobSpec();
  client.submit(spec, 50);
  client.watch(spec.job, { results: false });
  (await ScriptedPeer.worker(hub)).serve();
  await client.next("ended");
  expect(client.pending("job").map(({ message }) => message.done)).toEqual([0, 50]);
});

test("blockCacheBytesMax: what is not at hand any more is read from the journal", async () => {
  const reads: number[] = [];
  for (const blockCacheBytesMax of [1_000_000, 0]) {
    const hub = await testHub({ limits: { blockCacheBytesMax } });
    const get = vi.spyOn(hub.coordinator.engine.journal, "get");
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    (await ScriptedPeer.worker(hub)).serve();
    client.submit(spec, 50);
    client.watch(spec.job, { results: false });
    await client.next("ended");
    client.watch(spec.job);
    await client.next("ended");
    const ranges = client.pending("results").flatMap(({ message }) => message.ranges);
    expect(ranges.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(50);
    reads.push(get.mock.calls.length);
  }
  expect(reads[0]).toBe(0);
  expect(reads[1]).toBeGreaterThan(0);
});

test("unitPartBytesTarget: a larger unit's inputs travel in parts", async () => {
  const hub = await testHub({ limits: { unitPartBytesTarget: 2_000 } });
  const inputs = packRecords(Array.from({ length: 20 }, () => new Uint8Array(1_000)));
  const { worker, lease } = await laterLease(hub, inputs);
  const { count } = lease.message;
  let from = lease.message.part;
  expect(from).toBeLessThan(count);
  while (from < count) {
    const { message } = await worker.next("lease", (part) => part.lease === lease.message.lease);
    expect(message.from).toBe(from);
    from += message.part;
  }
  expect(from).toBe(count);
});

test("hubCloseGraceMs: a connection that does not end is cut when the hub stops", async () => {
  const hub = await testHub({ limits: { hubCloseGraceMs: 50 } });
  const open = await rawConnection(hub);
  open.resume();
  open.write("PUT /blobs/x HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\n\r\nx");
  await hub.close();
  await until(() => open.closed);
});

test("jobsKeptMs and retentionIntervalMs: an ended job is forgotten by itself", async () => {
  const hub = await testHub({ limits: { jobsKeptMs: 1, retentionIntervalMs: 20 } });
  const client = await ScriptedPeer.client(hub);
  const [spec, open] = [jobSpec(), jobSpec()];
  client.submit(open, 1, false);
  client.submit(spec, 0);
  await client.next("accepted", ({ job }) => job === spec.job);
  await until(() => hub.coordinator.jobs.get(spec.job) === undefined);
  expect(hub.coordinator.jobs.get(open.job)).toBeDefined();
});
