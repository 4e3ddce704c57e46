import { createHash } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { BlobClient, blockHeader, cidOf, cidOfDigest, decodeBlobRef } from "../../data/index.ts";
import {
  decodeFailure,
  decodeOutputs,
  encodeFailure,
  encodeOutputs,
  type FailureMark,
  type JobDetails,
  type JobSpec,
  type JobSummary,
  OUTPUT_BYTES,
  type Output,
  packRecords,
  RecordReader,
} from "../../protocol/index.ts";
import type { LeaseDescriptor } from "../../scheduler/index.ts";
import type { Hub } from "../hub.ts";
import { jobSpec, numbered, type Received, ScriptedPeer, testDirectory, testHub } from "../testing/peer.ts";

const PARTITIONS = 2;
const shuffleSpec = (options = {}, partitions = PARTITIONS): JobSpec => ({
  ...jobSpec(options),
  shuffle: { partitions },
});

const textOf = (segment: number, partition: number) => `segment ${segment}, partition ${partition}`;

/** What a map of a segment leaves behind; partitions above the segment's number get nothing. */
const outputsOf = (segment: number, partitions = PARTITIONS): (Output | undefined)[] =>
  Array.from({ length: partitions }, (_, partition) => {
    const bytes = Buffer.from(textOf(segment, partition));
    if (partition > segment) return undefined;
    return { digest: createHash("sha256").update(bytes).digest(), codec: "raw", bytes: bytes.length };
  });

const cidOfOutput = (segment: number, partition: number): string =>
  cidOfDigest(outputsOf(segment)[partition]!.digest);

/** Records of a lease: the segments of a map, or the columns of a reduce. */
function recordsOf({ message, body }: Received<"lease">): Uint8Array[] {
  const reader = new RecordReader(body);
  return Array.from({ length: message.part }, () => reader.read()!);
}

const segmentsOf = (lease: Received<"lease">): number[] =>
  recordsOf(lease).map((record) => Buffer.from(record).readUInt32BE());

/** Does what a lease asks for: maps segments to rows, or reduces columns to what they name. */
function run(worker: ScriptedPeer, lease: Received<"lease">): void {
  const { stage } = lease.message.task;
  expect(stage?.partitions).toBe(PARTITIONS);
  const results =
    stage?.kind === "map"
      ? segmentsOf(lease).map((segment) => encodeOutputs(outputsOf(segment)))
      : recordsOf(lease);
  worker.report(lease, {}, packRecords(results));
}

/** Does so with every lease, now and later. */
function serve(worker: ScriptedPeer): void {
  void worker.next("lease").then((lease) => {
    run(worker, lease);
    serve(worker);
  });
}

/** Takes the next lease of a stage. */
const next = (worker: ScriptedPeer, kind: "map" | "reduce") =>
  worker.next("lease", ({ task }) => task.stage?.kind === kind);

/** Which segments a partition's record names. */
const namedBy = (record: Uint8Array) =>
  decodeOutputs(record).flatMap((output, segment) => (output === undefined ? [] : [segment]));

async function begin(hub: Hub, segments: number, spec = shuffleSpec(), slots = 1) {
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub, { slots });
  client.submit(spec, segments);
  client.watch(spec.job);
  return { client, worker, spec };
}

const oneByOne = { unitInputsMax: 1, prefetchUnitsMax: 0 };

test("segments are mapped to rows, whose columns are what partitions are reduced from", async () => {
  const hub = await testHub({ limits: oneByOne });
  const { client, worker, spec } = await begin(hub, 3);
  for (let segment = 0; segment < 3; segment++) {
    const lease = await next(worker, "map");
    expect(segmentsOf(lease)).toEqual([segment]);
    run(worker, lease);
  }
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const lease = await next(worker, "reduce");
    expect(namedBy(recordsOf(lease)[0]!)).toEqual(partition === 0 ? [0, 1, 2] : [1, 2]);
    run(worker, lease);
  }
  expect((await client.next("ended")).message).toMatchObject({ job: spec.job, state: "done", size: 2 });
  const results = client.pending("results").map(({ message }) => message.ranges);
  expect(results).toEqual([[[0, 1]], [[1, 2]]]);
});

test("a client that comes back when the job has ended hears of all the segments that it had sent", async () => {
  const data = await testDirectory();
  const hub = await testHub({ data, limits: oneByOne });
  const { client, worker, spec } = await begin(hub, 5);
  serve(worker);
  await client.next("ended");
  const isKnown = async (peer: ScriptedPeer) => {
    peer.submit(spec, 0, false);
    expect((await peer.next("accepted", ({ size }) => size > 0)).message).toMatchObject({
      size: 5,
      sealed: true,
    });
    peer.send({ type: "inputs", job: spec.job, from: 4, count: 1, sealed: true }, numbered(1));
    expect((await peer.next("stored", ({ size }) => size === 5)).message.job).toBe(spec.job);
    expect(peer.pending("joberror")).toEqual([]);
  };
  await isKnown(await ScriptedPeer.client(hub));
  await hub.close();
  await isKnown(await ScriptedPeer.client(await testHub({ data })));
});

test("each column names the outputs as their rows did", async () => {
  const hub = await testHub({ limits: { unitInputsMax: 100 } });
  const { client, worker } = await begin(hub, 4);
  serve(worker);
  expect((await client.next("ended")).message).toMatchObject({ state: "done", size: 2, failed: 0 });
  const columns = client.pending("results").flatMap(({ message, body }) => {
    const reader = new RecordReader(body);
    return message.ranges.flatMap(([start, end]) =>
      Array.from({ length: end - start }, (_, at) => [start + at, reader.read()!] as const),
    );
  });
  expect(columns.map(([partition]) => partition).toSorted()).toEqual([0, 1]);
  for (const [partition, column] of columns) {
    const expected = encodeOutputs([0, 1, 2, 3].map((segment) => outputsOf(segment)[partition]));
    expect(Buffer.compare(column, expected)).toBe(0);
  }
});

test("inlineValueBytesMax: columns that are too large for a frame travel as blobs", async () => {
  const hub = await testHub({ limits: { ...oneByOne, inlineValueBytesMax: 100 } });
  const { client, worker } = await begin(hub, 4);
  for (let segment = 0; segment < 4; segment++) run(worker, await next(worker, "map"));
  const lease = await next(worker, "reduce");
  const [record] = recordsOf(lease);
  const { cid, bytes } = decodeBlobRef(record!);
  expect(bytes).toBe(2 + 4 * OUTPUT_BYTES);
  const blobs = new BlobClient({ baseUrl: hub.url, token: () => worker.welcomes[0]!.session });
  expect(namedBy(await blobs.get(cid))).toEqual([0, 1, 2, 3]);
  run(worker, lease);
  run(worker, await next(worker, "reduce"));
  expect((await client.next("ended")).message.state).toBe("done");
});

test("what a reduce stored for itself goes when its job ends, and what may be somebody else's stays", async () => {
  const hub = await testHub({ limits: { ...oneByOne, outputsUnusedMs: 0, retentionIntervalMs: 50 } });
  const { client, worker } = await begin(hub, 2);
  const blobsOf = (peer: ScriptedPeer) =>
    new BlobClient({ baseUrl: hub.url, token: () => peer.welcomes[0]!.session });
  const put = (peer: ScriptedPeer, text: string) => blobsOf(peer).put(Buffer.from(text));
  for (let segment = 0; segment < 2; segment++) run(worker, await next(worker, "map"));
  const other = await put(client, "the client's");
  const lease = await next(worker, "reduce");
  const own = [await put(worker, "merged"), cidOf(Buffer.from("merged twice"))];
  const body = Buffer.concat([blockHeader(own[1]!, 12), Buffer.from("merged twice")]);
  const headers = { Authorization: `Bearer ${worker.welcomes[0]!.session}` };
  expect((await fetch(`${hub.url}/blocks`, { method: "POST", headers, body })).status).toBe(201);
  // It was there, so that somebody else may be about to refer to it.
  expect(await put(worker, "the client's")).toBe(other);
  run(worker, lease);
  run(worker, await next(worker, "reduce"));
  expect((await client.next("ended")).message.state).toBe("done");
  const { blobs } = hub.coordinator.engine;
  const isThere = (cid: string) => blobs.stat(cid).then((stat) => stat !== undefined);
  await vi.waitFor(async () => expect(await Promise.all(own.map(isThere))).toEqual([false, false]), 20_000);
  expect(await isThere(other)).toBe(true);
});

test("what a worker stored that had work of others, too, stays for the sweep", async () => {
  const hub = await testHub({ limits: { ...oneByOne, outputsUnusedMs: 0 } });
  const { worker, spec } = await begin(hub, 1, shuffleSpec(), 2);
  run(worker, await next(worker, "map"));
  await next(worker, "reduce");
  const { shuffles, jobs } = hub.coordinator;
  const [descriptor, other] = [spec.job, "another"].map((job) => ({
    descriptor: { job } as LeaseDescriptor,
  }));
  const entry = jobs.get(spec.job)!;
  shuffles.blobComes("of both", [descriptor!, other!]);
  shuffles.blobComes("of nobody", []);
  expect([...shuffles.leftBy(entry)!.cids]).toEqual([]);
  shuffles.blobComes("its own", [descriptor!, descriptor!]);
  expect([...shuffles.leftBy(entry)!.cids]).toEqual(["its own"]);
});

test("columnBytesMax: what does not fit into one pass over the rows is made in more", async () => {
  const hub = await testHub({ limits: { ...oneByOne, columnBytesMax: 2 * 5 * OUTPUT_BYTES } });
  const { client, worker } = await begin(hub, 5);
  serve(worker);
  expect((await client.next("ended")).message.state).toBe("done");
  for (const { message, body } of client.pending("results")) {
    const [[partition] = [-1]] = message.ranges;
    const expected = [0, 1, 2, 3, 4].filter((segment) => segment >= partition);
    expect(namedBy(new RecordReader(body).read()!)).toEqual(expected);
  }
});

test("how far it is, is told by stage", async () => {
  const hub = await testHub({ limits: oneByOne });
  const { client, worker, spec } = await begin(hub, 2);
  run(worker, await next(worker, "map"));
  await next(worker, "map");
  const { stages, size } = await client.call<JobSummary>("job", { job: spec.job });
  expect([size, stages]).toEqual([
    PARTITIONS,
    [
      { kind: "map", size: 2, sealed: true, done: 1, failed: 0, running: 1, lost: 0 },
      { kind: "reduce", size: PARTITIONS, sealed: true, done: 0, failed: 0, running: 0, lost: 0 },
    ],
  ]);
  const { message } = await client.next("job", (told) => told.stages?.[0]?.done === 1);
  expect(message.stages).toHaveLength(2);
  expect(await client.call<JobSummary[]>("jobs")).toHaveLength(1);
});

test("a mapper and a reducer that come back to a restarted hub go on with what they have", async () => {
  const data = await testDirectory();
  const limits = { ...oneByOne, adoptionWindowMs: 100 };
  let hub = await testHub({ data, limits });
  const first = await begin(hub, 2);
  let { worker } = first;
  const invite = hub.invite({ role: "worker" });
  worker = await ScriptedPeer.worker(hub, {}, [], { invite });
  first.worker.link.close();
  const restart = async (lease: Received<"lease">) => {
    await hub.close();
    worker.link.close();
    const port = new URL(hub.url).port;
    hub = await testHub({ data, limits, listen: `127.0.0.1:${port}` });
    const presented = [{ lease: lease.message.lease, from: 0 }];
    worker = await ScriptedPeer.worker(hub, {}, presented, { invite });
    expect(worker.welcomes.at(-1)!.adopted).toEqual([lease.message.lease]);
    run(worker, lease);
  };
  await restart(await next(worker, "map"));
  run(worker, await next(worker, "map"));
  await restart(await next(worker, "reduce"));
  run(worker, await next(worker, "reduce"));
  const client = await ScriptedPeer.client(hub);
  client.watch(first.spec.job);
  expect((await client.next("ended")).message).toMatchObject({ state: "done", size: PARTITIONS });
});

describe("a segment that fails for good", () => {
  const failure = encodeFailure({ kind: "error", name: "TypeError", message: "no such word", stack: "" });
  const mark: FailureMark = { at: 0, kind: "error", fingerprint: "TypeError: no such word" };

  test("ends the job with its number and its error, also for who comes later and after a restart", async () => {
    const data = await testDirectory();
    const hub = await testHub({ data, limits: oneByOne });
    const { client, worker, spec } = await begin(hub, 3);
    run(worker, await next(worker, "map"));
    worker.report(await next(worker, "map"), { failures: [mark] }, packRecords([failure]));
    const expected = { state: "broken", culprit: 1, reason: "input 1 of its map stage failed" };
    const check = ({ message, body }: Received<"ended">) => {
      expect(message).toMatchObject(expected);
      expect(decodeFailure(new RecordReader(body).read()!)).toMatchObject({ message: "no such word" });
    };
    check(await client.next("ended"));
    const details = await client.call<JobDetails>("job", { job: spec.job });
    expect(details.errors).toMatchObject([{ fingerprint: mark.fingerprint, count: 1 }]);
    client.watch(spec.job);
    check(await client.next("ended"));
    await hub.close();
    const again = await ScriptedPeer.client(await testHub({ data }));
    again.watch(spec.job);
    check(await again.next("ended"));
  });

  test("of several in one block it is the first", async () => {
    const hub = await testHub();
    const { client, worker } = await begin(hub, 40);
    run(worker, await next(worker, "map"));
    const lease = await next(worker, "map");
    const segments = segmentsOf(lease);
    expect(segments.length).toBeGreaterThan(3);
    const records = segments.map((segment, at) => (at < 2 ? encodeOutputs(outputsOf(segment)) : failure));
    const failures = [{ ...mark, at: 2 }, ...(segments.length > 3 ? [{ ...mark, at: 3 }] : [])];
    worker.report(lease, { failures, count: 4, done: false }, packRecords(records.slice(0, 4)));
    expect((await client.next("ended")).message.culprit).toBe(segments[2]);
  });
});

describe("what is no shuffle's", () => {
  test("a map's result that is no row of outputs ends its connection", async () => {
    const hub = await testHub({ limits: oneByOne });
    for (const record of [numbered(1).subarray(1), encodeOutputs(outputsOf(1, 3)), new Uint8Array(0)]) {
      const { worker } = await begin(hub, 1);
      const lease = await next(worker, "map");
      const down = await worker.nextDownOr(async () => {
        worker.report(lease, {}, packRecords([record]));
        await worker.next("ack");
      });
      expect(down).toMatchObject({ code: "PROTOCOL" });
      worker.link.close();
    }
  });

  test("the id of a map stage is nobody's to submit, to watch or to cancel", async () => {
    const hub = await testHub();
    const { client, spec } = await begin(hub, 1);
    const job = `${spec.job}#map`;
    client.submit({ ...spec, job }, 1);
    expect((await client.next("joberror")).message).toMatchObject({ job, code: "BAD_ARGUMENT" });
    client.watch(job);
    expect((await client.next("joberror")).message).toMatchObject({ job, code: "NOT_FOUND" });
    await expect(client.call("cancel", { job })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("single inputs cannot be cancelled; the whole can", async () => {
    const hub = await testHub({ limits: oneByOne });
    const { client, worker, spec } = await begin(hub, 2);
    await next(worker, "map");
    client.send({ type: "cancel", job: spec.job, reason: "", ranges: [0, 1] });
    expect((await client.next("joberror")).message).toMatchObject({ code: "BAD_ARGUMENT" });
    await client.call("cancel", { job: spec.job });
    expect((await client.next("ended")).message).toMatchObject({ state: "cancelled" });
    await worker.next("revoke");
  });

  test("outputsPerJobMax and partitionsMax: more are refused, those before are kept", async () => {
    const hub = await testHub({ limits: { outputsPerJobMax: 5 } });
    const client = await ScriptedPeer.client(hub);
    const spec = shuffleSpec();
    client.submit(spec, 2, false);
    await client.next("accepted");
    client.send({ type: "inputs", job: spec.job, from: 2, count: 1, sealed: false }, numbered(1, 2));
    expect((await client.next("joberror")).message).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect((await client.call<JobSummary>("job", { job: spec.job })).stages![0]!.size).toBe(2);
    const down = await client.nextDownOr(async () => {
      client.submit(shuffleSpec({}, 1025), 1);
      await client.next("accepted");
    });
    expect(down).toMatchObject({ code: "PROTOCOL" });
  });
});

describe("outputs that are lost", () => {
  const complain = (worker: ScriptedPeer, lease: Received<"lease">, missing: readonly unknown[]) => {
    const data = {
      kind: "missing",
      name: "Error",
      message: "not found",
      stack: "",
      props: { missing },
    } as const;
    const failures: FailureMark[] = [{ at: 0, kind: "missing", fingerprint: "missing" }];
    worker.report(lease, { failures }, packRecords([encodeFailure(data)]));
  };
  const store = (hub: Hub, worker: ScriptedPeer, segment: number, partition: number) =>
    new BlobClient({ baseUrl: hub.url, token: () => worker.welcomes[0]!.session }).put(
      Buffer.from(textOf(segment, partition)),
    );

  test("run again when a reducer misses them, and no others", async () => {
    const hub = await testHub({ limits: { ...oneByOne, missingRetryMs: 50 } });
    const { client, worker, spec } = await begin(hub, 3, shuffleSpec(), 2);
    for (let segment = 0; segment < 3; segment++) run(worker, await next(worker, "map"));
    // The hub has one of the two that are said to be missing.
    await store(hub, worker, 0, 0);
    const lease = await next(worker, "reduce");
    complain(worker, lease, [cidOfOutput(0, 0), cidOfOutput(2, 0), "no cid", 7]);
    const again = await next(worker, "map");
    expect(segmentsOf(again)).toEqual([2]);
    expect((await client.call<JobSummary>("job", { job: spec.job })).stages![0]).toMatchObject({
      done: 2,
      lost: 1,
    });
    run(worker, again);
    // One of the two had begun before.
    for (let partition = 0; partition < PARTITIONS; partition++) run(worker, await next(worker, "reduce"));
    expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: 0 });
  });

  test("a reducer that misses what is there is merely tried again", async () => {
    const hub = await testHub({ limits: { ...oneByOne, missingRetryMs: 50 } });
    const { client, worker } = await begin(hub, 1, shuffleSpec({}, 1));
    worker.report(await next(worker, "map"), {}, packRecords([encodeOutputs(outputsOf(0, 1))]));
    await store(hub, worker, 0, 0);
    for (let turn = 0; turn < 3; turn++) complain(worker, await next(worker, "reduce"), [cidOfOutput(0, 0)]);
    const lease = await next(worker, "reduce");
    worker.report(lease, {}, packRecords(recordsOf(lease)));
    expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: 0 });
    expect(worker.pending("lease")).toEqual([]);
  });

  test("outputMissesMax: what a worker is said to keep, but nobody gets, is made again in the end", async () => {
    const hub = await testHub({ limits: { ...oneByOne, missingRetryMs: 20, outputMissesMax: 3 } });
    const { client, worker } = await begin(hub, 1, shuffleSpec({}, 1));
    worker.report(await next(worker, "map"), {}, packRecords([encodeOutputs(outputsOf(0, 1))]));
    worker.send({ type: "holds", add: [cidOfOutput(0, 0)], drop: [] });
    for (let turn = 0; turn < 3; turn++) complain(worker, await next(worker, "reduce"), [cidOfOutput(0, 0)]);
    const again = await next(worker, "map");
    worker.report(again, {}, packRecords([encodeOutputs(outputsOf(0, 1))]));
    const lease = await next(worker, "reduce");
    worker.report(lease, {}, packRecords(recordsOf(lease)));
    expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: 0 });
    expect(worker.pending("lease")).toEqual([]);
  });

  test("are known after a restart, from the records and from a checkpoint", async () => {
    const data = await testDirectory();
    const limits = { ...oneByOne, missingRetryMs: 50, adoptionWindowMs: 50 };
    let hub = await testHub({ data, limits });
    const { worker, spec } = await begin(hub, 3, shuffleSpec(), 2);
    for (let segment = 0; segment < 3; segment++) run(worker, await next(worker, "map"));
    complain(worker, await next(worker, "reduce"), [cidOfOutput(1, 0)]);
    expect(segmentsOf(await next(worker, "map"))).toEqual([1]);
    for (let round = 0; round < 3; round++) {
      // From the records alone, from a checkpoint of the first life, from one of a life that read one.
      if (round > 0) await hub.coordinator.retention.checkpoint();
      await hub.close();
      hub = await testHub({ data, limits });
      const client = await ScriptedPeer.client(hub);
      const { stages } = await client.call<JobSummary>("job", { job: spec.job });
      expect(stages![0]).toMatchObject({ size: 3, sealed: true, done: 2, lost: 1 });
      client.link.close();
    }
    let last = await ScriptedPeer.client(hub);
    last.watch(spec.job);
    const other = await ScriptedPeer.worker(hub);
    const again = await next(other, "map");
    expect(segmentsOf(again)).toEqual([1]);
    run(other, again);
    for (let partition = 0; partition < PARTITIONS; partition++) run(other, await next(other, "reduce"));
    expect((await last.next("ended")).message).toMatchObject({ state: "done" });
    const ended = await last.call<JobSummary>("job", { job: spec.job });
    expect(ended.stages).toMatchObject([{ kind: "map", size: 3, done: 3, lost: 1, running: 0 }, { done: 2 }]);
    await hub.coordinator.retention.checkpoint();
    await hub.close();
    hub = await testHub({ data, limits });
    last = await ScriptedPeer.client(hub);
    expect(await last.call<JobSummary>("job", { job: spec.job })).toMatchObject({ stages: ended.stages });
  });
});
