import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  decodeFailure,
  type JobDetails,
  type LogLine,
  packRecords,
  RecordReader,
  type Role,
} from "../protocol/index.ts";
import {
  describedWorker,
  jobSpec,
  numbered,
  type Received,
  ScriptedPeer,
  secondLease,
  testDirectory,
  testHub,
  until,
} from "./testing/peer.ts";

const bytesOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("a job", () => {
  test("goes from inputs to results over real sockets", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub);
    const spec = jobSpec();
    client.submit(spec, 2, false);
    expect((await client.next("accepted")).message).toMatchObject({ size: 2, sealed: false });
    client.watch(spec.job);
    const first = await worker.next("lease");
    expect(bytesOf(first.body)).toBe(bytesOf(numbered(1)));
    worker.report(first, { elapsedMs: 0.01 });
    const { message: results } = await client.next("results");
    expect(results).toMatchObject({ ranges: [[0, 1]], cursor: 1, worker: "pi" });
    client.send({ type: "inputs", job: spec.job, from: 2, count: 6, sealed: true }, numbered(6, 2));
    expect((await client.next("stored", ({ size }) => size === 8)).message.size).toBe(8);
    worker.serve();
    expect((await client.next("ended")).message).toMatchObject({ state: "done", size: 8, failed: 0 });
    const rest = client.pending("results").map(({ message }) => message.ranges);
    expect(rest.flat(2)[0]).toBe(1);
    expect(rest.flat(2).at(-1)).toBe(8);
    const bodies = client.pending("results").map(({ body }) => bytesOf(body));
    expect(bodies.join("")).toBe(bytesOf(numbered(7, 1)));
    await worker.next("ack", ({ lease }) => lease === first.message.lease);
    expect((await client.call<JobDetails>("job", { job: spec.job })).perWorker).toEqual({ pi: 8 });
  });

  test("is read in the order of its inputs, as far as credit goes", async () => {
    const hub = await testHub({ limits: { unitInputsMax: 1 } });
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub, { slots: 2 });
    const spec = jobSpec();
    client.submit(spec, 2);
    const leases = [await worker.next("lease"), await worker.next("lease")];
    leases.sort((a, b) => Buffer.compare(a.body, b.body));
    worker.report(leases[1]!);
    worker.report(leases[0]!);
    await worker.next("ack", ({ lease }) => lease === leases[0]!.message.lease);
    client.watch(spec.job, { order: "input", creditBytes: 1 });
    expect((await client.next("results")).message).toMatchObject({ ranges: [[0, 1]], cursor: 1 });
    await client.call("status");
    expect(client.pending("results")).toEqual([]);
    client.send({ type: "credit", job: spec.job, bytes: 100 });
    expect((await client.next("results")).message).toMatchObject({ ranges: [[1, 2]], cursor: 2 });
    expect((await client.next("ended")).message.state).toBe("done");
  });

  test("is the same job when it is submitted again", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    client.submit(spec, 2, false);
    await client.next("accepted");
    client.submit(spec, 0, false);
    expect((await client.next("accepted")).message).toMatchObject({ size: 2, sealed: false });
    client.submit({ ...spec, task: { ...spec.task, entry: "export:other" } }, 0, false);
    expect((await client.next("joberror")).message.code).toBe("JOB_EXISTS");
  });

  test("takes inputs that it has already only once, also where they bring the seal", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    client.submit(spec, 3, false);
    await client.next("accepted");
    client.send({ type: "inputs", job: spec.job, from: 0, count: 3, sealed: true }, numbered(3));
    expect((await client.next("stored", ({ size }) => size === 3)).message.size).toBe(3);
    await expect(client.call("job", { job: spec.job })).resolves.toMatchObject({ size: 3, sealed: true });
    expect(client.pending("joberror")).toEqual([]);
  });

  test("does not exist where its submission was malformed", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    client.submit(spec, 3, true, numbered(2));
    expect((await client.next("joberror")).message.code).toBe("PROTOCOL");
    await expect(client.call("job", { job: spec.job })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("keeps what its tasks print, also behind the last result, and no more of a line than is allowed", async () => {
    const hub = await testHub({ limits: { logLineBytesMax: 16 } });
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub);
    const spec = jobSpec();
    client.submit(spec, 1);
    const lease = await worker.next("lease");
    worker.report(lease);
    const line = (text: string) => packRecords([new TextEncoder().encode(text)]);
    worker.send({ type: "log", lease: lease.message.lease, dropped: 0 }, line("late"));
    worker.send({ type: "log", lease: lease.message.lease, dropped: 0 }, line("x".repeat(1000)));
    worker.send({ type: "heartbeat", memoryBytes: 7, load: 0, slots: 1 });
    await worker.next("ack");
    const logs = await client.call<LogLine[]>("logs", { job: spec.job });
    expect(logs.map(({ line }) => line)).toEqual(["late", "x".repeat(16)]);
  });

  test("attachedGraceMs: is cancelled when its client is gone for good, unless it is detached", async () => {
    const hub = await testHub({ limits: { attachedGraceMs: 20 } });
    const client = await ScriptedPeer.client(hub);
    const attached = jobSpec({ attached: true });
    const detached = jobSpec({ attached: false });
    client.submit(attached, 1);
    client.submit(detached, 1);
    await client.next("accepted", ({ job }) => job === detached.job);
    client.link.close();
    const other = await ScriptedPeer.client(hub, "viewer");
    other.watch(attached.job, { results: false });
    expect((await other.next("ended")).message).toMatchObject({ state: "cancelled", size: 1 });
    expect(await other.call("job", { job: detached.job })).toMatchObject({ state: "running" });
  });

  test("unsealedGraceMs: is cancelled when its client is gone before its inputs are all in, though it is detached", async () => {
    const hub = await testHub({ limits: { attachedGraceMs: 20, unsealedGraceMs: 60 } });
    const client = await ScriptedPeer.client(hub);
    const [whole, begun] = [jobSpec({ attached: false }), jobSpec({ attached: false })];
    client.submit(whole, 1);
    client.submit(begun, 1, false);
    await client.next("accepted", ({ job }) => job === begun.job);
    client.link.close();
    const other = await ScriptedPeer.client(hub, "viewer");
    other.watch(begun.job, { results: false });
    expect((await other.next("ended")).message).toMatchObject({ state: "cancelled", size: 1 });
    expect(await other.call("job", { job: whole.job })).toMatchObject({ state: "running" });
  });

  test("lets go of its clients when it ends, and its clients of it", async () => {
    const hub = await testHub({ limits: { jobsEndedKept: 1 } });
    const client = await ScriptedPeer.client(hub);
    const [first, second] = [jobSpec({ attached: true }), jobSpec({ attached: true })];
    for (const spec of [first, second]) {
      client.submit(spec, 0);
      client.watch(spec.job);
      await client.next("ended", ({ job }) => job === spec.job);
      const entry = hub.coordinator.jobs.require(spec.job);
      expect([entry.holders.size, entry.watches.size]).toEqual([0, 0]);
      // To look at what has ended holds nothing either.
      client.watch(spec.job);
      await client.next("ended", ({ job }) => job === spec.job);
      expect([entry.holders.size, entry.watches.size]).toEqual([0, 0]);
    }
    expect(hub.coordinator.jobs.get(first.job)).toBeUndefined();
  });

  test("outlives a client that never held it but tried to", async () => {
    const hub = await testHub({ limits: { attachedGraceMs: 3_000 } });
    const spec = jobSpec({ attached: true });
    const first = await ScriptedPeer.client(hub);
    first.submit(spec, 1);
    await first.next("accepted");
    const stranger = await ScriptedPeer.client(hub);
    stranger.submit({ ...spec, task: { ...spec.task, entry: "export:other" } }, 0, false);
    await stranger.next("joberror");
    const viewer = await ScriptedPeer.client(hub, "viewer");
    viewer.watch(spec.job, { results: false });
    // Two clients leave; the one that comes back must stop whatever would cancel the job.
    first.link.close();
    stranger.link.close();
    await Promise.all([first.link.closed, stranger.link.closed]);
    await until(async () => hub.coordinator.jobs.require(spec.job).holders.size === 0);
    const again = await ScriptedPeer.client(hub);
    again.submit(spec, 0, false);
    await again.next("accepted");
    const worker = await ScriptedPeer.worker(hub);
    const lease = await worker.next("lease");
    const later = jobSpec({ attached: true });
    viewer.watch(later.job, { results: false });
    await viewer.next("joberror");
    const doomed = await ScriptedPeer.client(hub);
    doomed.submit(later, 1);
    await doomed.next("accepted");
    viewer.watch(later.job, { results: false });
    doomed.link.close();
    // When a job that was left later is given up, the first one's time would be over, too.
    await viewer.next("ended", ({ job }) => job === later.job);
    worker.report(lease);
    expect((await viewer.next("ended", ({ job }) => job === spec.job)).message.state).toBe("done");
  });
});

describe("cancelled inputs", () => {
  test("end as failures, and the others go on", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    client.submit(spec, 10);
    client.watch(spec.job);
    await client.next("accepted");
    client.send({ type: "cancel", job: spec.job, reason: "not wanted", ranges: [0, 4, 6, 100] });
    const { message, body } = await client.next("results");
    expect(message).toMatchObject({
      ranges: [
        [0, 4],
        [6, 10],
      ],
      worker: "",
    });
    expect(message.failures.map(({ at, kind }) => [at, kind])).toEqual(
      Array.from({ length: 8 }, (_, at) => [at, "cancelled"]),
    );
    expect(decodeFailure(new RecordReader(body).read()!)).toMatchObject({
      kind: "cancelled",
      message: "not wanted",
    });
    (await ScriptedPeer.worker(hub)).serve();
    expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: 8 });
  });

  test("cost the journal next to nothing, however many they are, and survive a restart", async () => {
    const data = await testDirectory();
    let hub = await testHub({ data });
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    const count = 60_000;
    const blocks = 10;
    client.submit(spec, 0, false);
    for (let at = 0; at < blocks; at++) {
      const from = at * count;
      client.send({ type: "inputs", job: spec.job, from, count, sealed: at === blocks - 1 }, numbered(count));
    }
    await client.next("stored", ({ size }) => size === count * blocks);
    const before = hub.coordinator.engine.journal.stats().bytes;
    client.send({ type: "cancel", job: spec.job, reason: "r".repeat(1000), ranges: [0, count * blocks] });
    client.watch(spec.job, { results: false });
    expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: count * blocks });
    expect(hub.coordinator.engine.journal.stats().bytes - before).toBeLessThan(count * blocks);
    await hub.close();

    hub = await testHub({ data });
    const reader = await ScriptedPeer.client(hub);
    reader.watch(spec.job, { order: "input" });
    let seen = 0;
    while (seen < count * blocks) {
      const { message } = await reader.next("results");
      expect(message.ranges).toHaveLength(1);
      expect(message.ranges[0]![0]).toBe(seen);
      expect(message.failures).toHaveLength(message.ranges[0]![1] - seen);
      seen = message.cursor;
    }
    expect((await reader.next("ended")).message).toMatchObject({ failed: count * blocks });
    expect(await reader.call("job", { job: spec.job })).toMatchObject({
      done: count * blocks,
      errors: [{ kind: "cancelled", count: count * blocks }],
    });
  });
});

describe("a restart on the same data", () => {
  test("keeps jobs, their seals and results, and goes on with a presented lease", async () => {
    const data = await testDirectory();
    let hub = await testHub({ data, limits: { adoptionWindowMs: 60_000 } });
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    const open = jobSpec();
    client.submit(spec, 10);
    await client.next("accepted");
    const invite = hub.invite({ role: "worker" });
    const worker = await ScriptedPeer.worker(hub, {}, [], { invite });
    const lease = await secondLease(worker);
    client.submit(open, 3, false);
    await client.next("accepted");
    const { count } = lease.message;
    expect(count).toBeGreaterThan(1);
    worker.report(lease, { count: 1, done: false });
    await worker.next("ack", ({ lease: id }) => id === lease.message.lease);
    const { url } = hub;
    await hub.close();

    hub = await testHub({ data, listen: url.replace("http://", ""), limits: { adoptionWindowMs: 60_000 } });
    const leases = [{ lease: lease.message.lease, from: 1 }];
    const again = await ScriptedPeer.worker(hub, {}, leases, { invite });
    expect(again.welcomes[0]!.adopted).toEqual([lease.message.lease]);
    again.report(lease, { from: 1, count: count - 1 }, numbered(count - 1, 2));
    await again.next("ack", ({ upTo }) => upTo === count);
    const reader = await ScriptedPeer.client(hub);
    reader.submit(spec, 0, false);
    expect((await reader.next("accepted")).message).toMatchObject({ size: 10, sealed: true });
    reader.submit(open, 0, false);
    expect((await reader.next("accepted")).message).toMatchObject({ size: 3, sealed: false });
    reader.watch(spec.job);
    const first = await reader.next("results");
    expect(first.message).toMatchObject({ ranges: [[0, 1]], cursor: 1, worker: "pi" });
    expect(bytesOf(first.body)).toBe(bytesOf(numbered(1)));
    expect((await reader.next("results")).message.ranges).toEqual([[1, 2]]);
    const rest = await reader.next("results");
    expect(rest.message.ranges).toEqual([[2, 1 + count]]);
    expect(bytesOf(rest.body)).toBe(bytesOf(numbered(count - 1, 2)));
  });

  test("jobsEndedKept: keeps no more ended jobs than before", async () => {
    const data = await testDirectory();
    const limits = { jobsEndedKept: 2 };
    let hub = await testHub({ data, limits });
    const client = await ScriptedPeer.client(hub);
    const specs = Array.from({ length: 5 }, () => jobSpec());
    for (const spec of specs) {
      client.submit(spec, 0);
      client.watch(spec.job);
      await client.next("ended", ({ job }) => job === spec.job);
    }
    client.watch(specs[0]!.job);
    expect((await client.next("joberror")).message.code).toBe("NOT_FOUND");
    await hub.close();
    hub = await testHub({ data, limits });
    const kept = [...hub.coordinator.jobs].map(({ spec }) => spec.job);
    expect(kept).toEqual(specs.slice(-2).map(({ job }) => job));
  });
});

test("an ended job with gaps is read in order, over the gaps", async () => {
  const hub = await testHub({ limits: { unitInputsMax: 1 } });
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub, { slots: 4 });
  const spec = jobSpec();
  client.submit(spec, 4);
  const leases: Received<"lease">[] = [];
  for (let at = 0; at < 4; at++) leases.push(await worker.next("lease"));
  leases.sort((a, b) => Buffer.compare(a.body, b.body));
  for (const at of [3, 1]) worker.report(leases[at]!, {}, leases[at]!.body);
  await worker.next("ack", ({ lease }) => lease === leases[1]!.message.lease);
  await client.call("cancel", { job: spec.job });
  client.watch(spec.job, { order: "input" });
  expect((await client.next("ended")).message).toMatchObject({ state: "cancelled", size: 4 });
  const results = client.pending("results");
  expect(results.map(({ message }) => message.ranges)).toEqual([[[1, 2]], [[3, 4]]]);
  expect(results.map(({ body }) => bytesOf(body))).toEqual(
    [1, 3].map((input) => bytesOf(numbered(1, input))),
  );
});

describe("roles", () => {
  test("a viewer looks, but changes nothing and reads no results", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const viewer = await ScriptedPeer.client(hub, "viewer");
    const spec = jobSpec();
    client.submit(spec, 1);
    await client.next("accepted");
    viewer.submit(jobSpec(), 1);
    expect((await viewer.next("joberror")).message.code).toBe("FORBIDDEN");
    viewer.watch(spec.job);
    expect((await viewer.next("joberror")).message.code).toBe("FORBIDDEN");
    viewer.send({ type: "cancel", job: spec.job, reason: "" });
    expect((await viewer.next("joberror")).message.code).toBe("FORBIDDEN");
    await expect(viewer.call("cancel", { job: spec.job })).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(viewer.call("invite", { role: "admin", expiresInMs: 1000 })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    viewer.watch(spec.job, { results: false });
    expect((await viewer.next("job")).message).toMatchObject({ size: 1, state: "running" });
  });

  test("a viewer gets the parts of a picture, and nothing else of that job", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const viewer = await ScriptedPeer.client(hub, "viewer");
    const worker = await ScriptedPeer.worker(hub);
    const spec = jobSpec({ picture: { width: 4, height: 4 } });
    client.submit(spec, 1);
    await client.next("accepted");
    viewer.watch(spec.job);
    worker.report(await worker.next("lease"));
    expect(bytesOf((await viewer.next("results")).body)).toEqual(bytesOf(numbered(1)));
    expect(await viewer.call("job", { job: spec.job })).toMatchObject({ picture: { width: 4, height: 4 } });
    viewer.watch(spec.job, { logs: true });
    expect((await viewer.next("joberror")).message.code).toBe("FORBIDDEN");
  });

  test("a worker's invite is no client's, a client's no worker's", async () => {
    const hub = await testHub();
    const client = new ScriptedPeer(hub.invite({ role: "worker" }));
    await expect(client.link.start()).rejects.toMatchObject({ code: "FORBIDDEN" });
    for (const role of ["viewer", "submitter"] satisfies Role[]) {
      const worker = new ScriptedPeer(hub.invite({ role }), describedWorker());
      await expect(worker.link.start()).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
  });

  test("an invite of another hub, or one that has expired, lets nobody in", async () => {
    const hub = await testHub();
    const other = await testHub();
    const foreign = other.invite({ role: "admin" }).replace(other.url, hub.url);
    await expect(new ScriptedPeer(foreign).link.start()).rejects.toMatchObject({ code: "HUB_IDENTITY" });
    const expired = hub.invite({ role: "admin", expiresInMs: -1000 });
    await expect(new ScriptedPeer(expired).link.start()).rejects.toMatchObject({ code: "INVITE_EXPIRED" });
  });
});

test("a hub that stops says so, and its peers try again", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub);
  await hub.close();
  await hub.closed;
  await until(async () => client.downs.length > 0 && worker.downs.length > 0);
  expect([client.downs[0]!.code, worker.downs[0]!.code]).toEqual(["HUB_STOPPING", "HUB_STOPPING"]);
});

test("an operator is told of a last write that a crash cut", async () => {
  const data = await testDirectory();
  const first = await testHub({ data });
  const client = await ScriptedPeer.client(first);
  client.submit(jobSpec(), 3);
  await client.next("accepted");
  await first.close();
  const journal = join(data, "journal");
  const last = (await readdir(journal))
    .filter((name) => name.endsWith(".log"))
    .toSorted()
    .at(-1)!;
  await appendFile(join(journal, last), new Uint8Array([1, 2, 3]));
  const notices: string[] = [];
  await testHub({ data, onNotice: (notice) => notices.push(notice) });
  expect(notices).toEqual([expect.stringMatching(/^the last write .* 3 bytes/)]);
});
