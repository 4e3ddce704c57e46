import { once } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { cidOf } from "../../data/index.ts";
import {
  type CallMethod,
  FrameSender,
  type HubStatus,
  type JobDetails,
  type JobSummary,
  type LogLine,
  packRecords,
  type WorkerSummary,
} from "../../protocol/index.ts";
import { Bystander, needsNobody } from "../testing/bystander.ts";
import { jobSpec, numbered, ScriptedPeer, testHub, testProxy, until } from "../testing/peer.ts";
import { rawConnection, rawExchange, rawLink, rawUpload } from "../testing/raw.ts";

/* What protects a hub from its peers, each limit reached on purpose, while somebody else's work goes on. */

const tokenOf = (peer: ScriptedPeer) => peer.welcomes[0]!.session;
const codeOf = async (peer: ScriptedPeer, job: string) =>
  (await peer.next("joberror", (message) => message.job === job)).message.code;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Keeps the hub from storing what is larger than a bystander's records, until it is told to. */
function holdLargeAppends(hub: Awaited<ReturnType<typeof testHub>>): () => void {
  const { journal } = hub.coordinator.engine;
  const append = journal.append.bind(journal);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  journal.append = async (records) => {
    if (records.some((record) => record.length > 4096)) await released;
    return append(records);
  };
  return release;
}

describe("who comes in", () => {
  test("workersMax: one worker too many is told so, comes again and gets the place of who left", async () => {
    const hub = await testHub({ limits: { workersMax: 2 } });
    const bystander = await Bystander.at(hub);
    const second = await ScriptedPeer.worker(hub);
    const third = await ScriptedPeer.worker(hub, { name: "third" }, [], { wait: false });
    await bystander.during(() => until(() => third.downs.length > 0));
    expect(third.downs[0]).toMatchObject({ code: "TOO_MANY", retryable: true });
    second.link.close();
    await third.link.start();
    expect(third.welcomes).toHaveLength(1);
  });

  test("clientsMax: the same for clients; workers come in all the same", async () => {
    const hub = await testHub({ limits: { clientsMax: 2 } });
    const bystander = await Bystander.at(hub);
    const second = await ScriptedPeer.client(hub);
    const third = new ScriptedPeer(hub.invite({ role: "viewer" }));
    const joining = third.link.start();
    await bystander.during(() => until(() => third.downs.length > 0));
    expect(third.downs[0]).toMatchObject({ code: "TOO_MANY", retryable: true });
    await ScriptedPeer.worker(hub);
    second.link.close();
    await joining;
    expect((await third.call<HubStatus>("status")).workers).toBe(2);
  });

  test("slotsPerWorkerMax: more slots in a hello or a heartbeat are no protocol", async () => {
    const hub = await testHub();
    const bystander = await Bystander.at(hub);
    const greedy = await ScriptedPeer.worker(hub, { slots: 1025 }, [], { wait: false });
    const liar = await ScriptedPeer.worker(hub);
    await bystander.during(async () => {
      await until(() => greedy.downs.length > 0);
      liar.send({ type: "heartbeat", memoryBytes: 0, load: 0, slots: 1025 });
      await until(() => liar.downs.length > 0);
    });
    expect([greedy.downs[0]!.code, liar.downs[0]!.code]).toEqual(["PROTOCOL", "PROTOCOL"]);
  });

  test("connectionsMax: a further socket is closed as it comes, and a free place is taken", async () => {
    const hub = await testHub({ limits: { connectionsMax: 4 } });
    const bystander = await Bystander.at(hub);
    const idle = [await rawConnection(hub), await rawConnection(hub)];
    await bystander.during(async () => {
      const further = await rawConnection(hub);
      await once(further, "close");
    });
    expect(idle.map(({ closed }) => closed)).toEqual([false, false]);
    const late = new ScriptedPeer(hub.invite({ role: "submitter" }));
    const joining = late.link.start();
    await until(() => late.downs.length > 0);
    expect(late.downs[0]!.code).toBe("HUB_UNREACHABLE");
    idle[0]!.destroy();
    await joining;
  });

  test("handshakesMax: who has been at it for longest has to go, so that idle strangers keep nobody out", async () => {
    const hub = await testHub({ limits: { handshakesMax: 2 } });
    const bystander = await Bystander.at(hub);
    const strangers = [await rawLink(hub), await rawLink(hub)];
    await bystander.during(async () => {
      await ScriptedPeer.client(hub);
      expect((await strangers[0]!.goodbye)?.code).toBe("TOO_MANY");
    });
    expect(strangers[1]!.socket.readyState).toBe(strangers[1]!.socket.OPEN);
  });

  test("handshakeTimeoutMs: who says nothing, or half an HTTP request, is told so and closed", async () => {
    const hub = await testHub({ limits: { handshakeTimeoutMs: 500 } });
    const bystander = await Bystander.at(hub);
    const [goodbye, answer] = await bystander.during(async () => {
      const silent = await rawLink(hub);
      return Promise.all([silent.goodbye, rawExchange(hub, "GET / HTTP/1.1\r\nHost: hub\r\n")]);
    });
    expect(goodbye).toMatchObject({ code: "PROTOCOL", message: "No handshake in time" });
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":"PROTOCOL"/s);
  });
});

describe("what they send", () => {
  test("frameBytesMax and headerBytesMax: what is larger is told so and closed, far larger is cut off", async () => {
    const limits = { frameBytesMax: 100_000, headerBytesMax: 2000 };
    const hub = await testHub({ limits });
    const bystander = await Bystander.at(hub);
    const encode = (header: object, body?: Uint8Array) => new FrameSender().encode(header, body);
    const header = { type: "submit", text: "x".repeat(2000) };
    const frames = [
      encode({ type: "inputs" }, new Uint8Array(100_000)),
      encode(header),
      new Uint8Array(300_000),
    ];
    const codes = await bystander.during(async () => {
      const found: (string | undefined)[] = [];
      for (const frame of frames) {
        const { socket, goodbye } = await rawLink(hub);
        socket.send(frame);
        found.push((await goodbye)?.code);
      }
      return found;
    });
    expect(codes).toEqual(["LIMIT_EXCEEDED", "LIMIT_EXCEEDED", undefined]);
  });

  test("frameBytesMax: a block that would not fit into another frame is refused, and only it", async () => {
    const hub = await testHub({ limits: { frameBytesMax: 100_000, headerBytesMax: 20_000 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec(needsNobody);
    const code = await bystander.during(() => {
      client.submit(spec, 1, true, packRecords([new Uint8Array(90_000)]));
      return codeOf(client, spec.job);
    });
    expect(code).toBe("LIMIT_EXCEEDED");
    expect(client.downs).toEqual([]);
  });

  test("blockRecordsMax: a block of more records is no protocol", async () => {
    const hub = await testHub();
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    await bystander.during(() => {
      client.submit(jobSpec(needsNobody), 65_537);
      return until(() => client.downs.length > 0);
    });
    expect(client.downs[0]!.code).toBe("PROTOCOL");
  });

  test("jobsActiveMax: one job too many is refused; when another has ended it is taken", async () => {
    const hub = await testHub({ limits: { jobsActiveMax: 2 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const [first, second] = [jobSpec(needsNobody), jobSpec(needsNobody)];
    client.submit(first, 1);
    await bystander.during(async () => {
      client.submit(second, 1);
      expect(await codeOf(client, second.job)).toBe("TOO_MANY");
    });
    client.submit(second, 1);
    expect((await client.next("accepted", ({ job }) => job === second.job)).message.size).toBe(1);
  });

  test("jobInputsMax: what is beyond is refused, what came before is kept and done", async () => {
    const hub = await testHub({ limits: { jobInputsMax: 100 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const [spec, large] = [jobSpec(), jobSpec()];
    await bystander.during(async () => {
      client.submit(large, 101);
      expect(await codeOf(client, large.job)).toBe("LIMIT_EXCEEDED");
      client.submit(spec, 99, false);
      client.send({ type: "inputs", job: spec.job, from: 99, count: 2, sealed: true }, numbered(2, 99));
      expect(await codeOf(client, spec.job)).toBe("LIMIT_EXCEEDED");
      client.send({ type: "inputs", job: spec.job, from: 99, count: 1, sealed: true }, numbered(1, 99));
      client.watch(spec.job);
      expect((await client.next("ended")).message).toMatchObject({ state: "done", size: 100, failed: 0 });
    });
    await expect(client.call("job", { job: large.job })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("inputBytesUnstoredMax: who sends more than is stored is not read, and loses nothing", async () => {
    const hub = await testHub({ limits: { inputBytesUnstoredMax: 100_000 } });
    const bystander = await Bystander.at(hub);
    const release = holdLargeAppends(hub);
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec(needsNobody);
    const blocks = 200;
    client.submit(spec, 0, false);
    for (let from = 0; from < blocks; from++) {
      const body = packRecords([new Uint8Array(50_000)]);
      client.send({ type: "inputs", job: spec.job, from, count: 1, sealed: from === blocks - 1 }, body);
    }
    await until(() => (hub.coordinator.jobs.get(spec.job)?.unstored.size ?? 0) >= 4);
    await bystander.works();
    // Twice the limit, and what the last read from the socket brought.
    expect(hub.coordinator.jobs.get(spec.job)!.unstored.size).toBeLessThan(10);
    release();
    expect((await client.next("stored", ({ size }) => size === blocks)).message.size).toBe(blocks);
  });

  test("appendBytesPendingMax: while the journal does not keep up nobody is read, and then everybody", async () => {
    const hub = await testHub({ limits: { appendBytesPendingMax: 100_000 } });
    const { ledger } = hub.coordinator;
    const bystander = await Bystander.at(hub);
    const release = holdLargeAppends(hub);
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec(needsNobody);
    client.submit(spec, 3, true, packRecords(Array.from({ length: 3 }, () => new Uint8Array(50_000))));
    await until(() => ledger.pressed);
    let worked = false;
    const work = bystander.works().then(() => {
      worked = true;
    });
    expect((await fetch(`${hub.url}/healthz`)).status).toBe(200);
    expect([worked, ledger.pressed]).toEqual([false, true]);
    release();
    await work;
    expect((await client.next("accepted")).message).toMatchObject({ size: 3, sealed: true });
  });

  test("appendBytesPendingMax: who asks for receipts only, while nothing is stored, is held to it too", async () => {
    const hub = await testHub({ limits: { appendBytesPendingMax: 100_000 } });
    const { ledger } = hub.coordinator;
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec(needsNobody);
    client.submit(spec, 1, false);
    await client.next("accepted");
    const release = holdLargeAppends(hub);
    client.send(
      { type: "inputs", job: spec.job, from: 1, count: 1, sealed: false },
      packRecords([new Uint8Array(5000)]),
    );
    for (let asked = 0; asked < 1000; asked++) {
      client.send({ type: "inputs", job: spec.job, from: 0, count: 0, sealed: false });
    }
    await until(() => ledger.pressed);
    release();
    await client.next("stored", ({ size }) => size === 2);
    await until(() => !ledger.pressed);
  });

  test("errorGroupsPerJobMax: further kinds of errors are counted as failed inputs only", async () => {
    const hub = await testHub({ limits: { errorGroupsPerJobMax: 3 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub, { labels: ["bad"] });
    const spec = jobSpec({ needs: { labels: ["bad"] } });
    client.submit(spec, 10);
    client.watch(spec.job, { results: false });
    await bystander.during(async () => {
      for (let failed = 0; failed < 10; ) {
        const lease = await worker.next("lease");
        const { count } = lease.message;
        const failures = Array.from({ length: count }, (_, at) => {
          return { at, kind: "error", fingerprint: `new ${failed + at}` } as const;
        });
        worker.report(lease, { failures });
        failed += count;
      }
      await client.next("ended");
    });
    const details = await client.call<JobDetails>("job", { job: spec.job });
    expect([details.failed, details.errors.length]).toEqual([10, 3]);
  });

  test("logLinesPerJobMax and logLineBytesMax: a task that prints without end keeps its latest lines", async () => {
    const hub = await testHub({ limits: { logLinesPerJobMax: 100, logLineBytesMax: 20 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub, { labels: ["loud"] });
    const spec = jobSpec({ needs: { labels: ["loud"] } });
    client.submit(spec, 1);
    client.watch(spec.job, { results: false });
    const lease = await worker.next("lease");
    await bystander.during(async () => {
      for (let line = 0; line < 1000; line++) {
        const body = packRecords([bytesOf(`${line} ${"x".repeat(100)}`)]);
        worker.send({ type: "log", lease: lease.message.lease, dropped: 0 }, body);
      }
      worker.report(lease);
      await client.next("ended");
    });
    const lines = await client.call<LogLine[]>("logs", { job: spec.job });
    expect(lines.length).toBeLessThanOrEqual(110);
    expect(lines.at(-1)!.line).toBe(`999 ${"x".repeat(16)}`);
  });
});

describe("what they ask for", () => {
  test("watchesPerClientMax: one job too many is not watched; without another it is", async () => {
    const hub = await testHub({ limits: { watchesPerClientMax: 2 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const specs = [0, 1, 2].map(() => jobSpec(needsNobody));
    for (const spec of specs) client.submit(spec, 1);
    await bystander.during(async () => {
      for (const { job } of specs) client.watch(job, { results: false });
      expect(await codeOf(client, specs[2]!.job)).toBe("TOO_MANY");
    });
    client.watch(specs[1]!.job, { results: false });
    client.send({ type: "unwatch", job: specs[0]!.job });
    client.watch(specs[2]!.job, { results: false });
    await client.next("job", ({ job }) => job === specs[2]!.job);
    expect(client.pending("joberror")).toEqual([]);
  });

  test("callsPerClientMax: calls beyond those that wait are refused, those that wait are answered", async () => {
    const hub = await testHub({ limits: { callsPerClientMax: 12 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    let answer = () => {};
    const held = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    const touch = vi.spyOn(hub.coordinator.engine.blobs, "touch").mockReturnValue(held);
    const ask = (method: CallMethod = "hasBlobs") => client.call(method, { cids: ["one"] });
    const waiting = Array.from({ length: 12 }, () => ask());
    await bystander.during(async () => {
      await expect(ask("status")).rejects.toMatchObject({ code: "TOO_MANY" });
      // Not all of them at once, either: each answer may be large.
      expect(touch.mock.calls.length).toBeLessThan(12);
    });
    answer();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => [false]));
    await expect(ask("status")).resolves.toMatchObject({ hub: "hub" });
  });

  test("socketBufferBytesMax: who asks for much and takes nothing gets most of its answers later", async () => {
    const hub = await testHub({ limits: { socketBufferBytesMax: 100_000 } });
    const bystander = await Bystander.at(hub);
    const proxy = await testProxy(hub);
    const slow = new ScriptedPeer(hub.invite({ role: "submitter" }).replace(hub.url, proxy.url));
    await slow.link.start();
    const spec = jobSpec(needsNobody);
    slow.submit(spec, 1);
    await slow.next("accepted");
    const line = packRecords([bytesOf("x".repeat(8000))]);
    for (let at = 0; at < 60; at++) hub.coordinator.logs.add(spec.job, "w", 0, line);
    proxy.hold();
    const asked = vi.spyOn(hub.coordinator.logs, "of");
    const answers = Array.from({ length: 64 }, () => slow.call<LogLine[]>("logs", { job: spec.job }));
    await bystander.during(() => until(() => hub.bufferedBytes > 100_000));
    await bystander.works();
    // Of answers of half a megabyte each, eight at a time.
    expect(hub.bufferedBytes).toBeLessThan(5_000_000);
    expect(asked.mock.calls.length).toBeLessThan(64);
    proxy.release();
    for (const lines of await Promise.all(answers)) expect(lines).toHaveLength(60);
  });

  test("listRowsMax: lists are cut to the newest", async () => {
    const hub = await testHub({ limits: { listRowsMax: 2 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const specs = [0, 1, 2].map(() => jobSpec(needsNobody));
    for (const spec of specs) client.submit(spec, 1);
    await client.next("accepted", ({ job }) => job === specs[2]!.job);
    const jobs = await client.call<JobSummary[]>("jobs");
    expect(jobs.map(({ job }) => job)).toEqual([specs[2]!.job, specs[1]!.job]);
    expect(await client.call("jobs", { limit: 5 })).toHaveLength(2);
    for (const name of ["second", "third"]) await ScriptedPeer.worker(hub, { name });
    const workers = await client.call<WorkerSummary[]>("workers");
    expect(workers.map(({ name }) => name)).toEqual(["second", "third"]);
    await bystander.works();
  });

  test("headerBytesMax: a list that would not fit into an answer's header is cut to the newest that does", async () => {
    const hub = await testHub({ limits: { logBytesPerSecondMax: 2 ** 24 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub, { labels: ["loud"] });
    const spec = jobSpec({ needs: { labels: ["loud"] } });
    client.submit(spec, 1);
    const lease = await worker.next("lease");
    for (let line = 0; line < 400; line++) {
      const body = packRecords([bytesOf(`${line} ${"x".repeat(8000)}`)]);
      worker.send({ type: "log", lease: lease.message.lease, dropped: 0 }, body);
    }
    worker.report(lease);
    await worker.next("ack");
    const lines = await client.call<LogLine[]>("logs", { job: spec.job });
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.at(-1)!.line).toMatch(/^399 x/);
    expect(client.downs).toEqual([]);
    await bystander.works();
  });
});

describe("over HTTP", () => {
  test("blobBytesMax: a larger blob is refused, whatever it says of its size", async () => {
    const hub = await testHub({ limits: { blobBytesMax: 1000 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const bytes = new Uint8Array(1001);
    const answer = await bystander.during(() => {
      const upload = rawUpload(hub, `/blobs/${cidOf(bytes)}`, tokenOf(client));
      upload.write(bytes);
      upload.end();
      return upload.answer;
    });
    expect(answer).toMatchObject({ status: 413, body: { code: "LIMIT_EXCEEDED" } });
    expect(await hub.coordinator.engine.blobs.stat(cidOf(bytes))).toBeUndefined();
  });

  test("uploadsPerPeerMax: a peer's further uploads are refused, another's are not, nor when one is done", async () => {
    const hub = await testHub({ limits: { uploadsPerPeerMax: 2 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const bytes = bytesOf("one for all");
    const path = `/blobs/${cidOf(bytes)}`;
    const begin = vi.spyOn(hub.coordinator.engine.blobs, "put");
    const slow = [rawUpload(hub, path, tokenOf(client)), rawUpload(hub, path, tokenOf(client))];
    await until(() => begin.mock.calls.length === 2);
    const put = (peer: ScriptedPeer) => {
      const upload = rawUpload(hub, path, tokenOf(peer));
      upload.write(bytes);
      upload.end();
      return upload.answer;
    };
    await bystander.during(async () => {
      expect(await put(client)).toMatchObject({ status: 429, body: { code: "TOO_MANY" } });
      expect(await put(bystander.client)).toMatchObject({ status: 201 });
    });
    for (const upload of slow) {
      upload.write(bytes);
      upload.end();
      expect((await upload.answer).status).toBe(201);
    }
    expect((await put(client)).status).toBe(201);
  });

  test("httpIdleMs: an upload that stands still is cut, one that goes on slowly is not", async () => {
    const hub = await testHub({ limits: { httpIdleMs: 500 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const still = rawUpload(hub, `/blobs/${cidOf(bytesOf("x"))}`, tokenOf(client));
    const parts: Uint8Array[] = [];
    // Its name is that of what will have come when the other one is cut.
    const cid = cidOf(new Uint8Array(0));
    const slow = rawUpload(hub, `/blobs/${cid}`, tokenOf(client));
    const drip = setInterval(() => {
      parts.push(bytesOf("drop"));
      slow.write(parts.at(-1)!);
    }, 10);
    await bystander.during(() => expect(still.answer).rejects.toThrow(/hang up|ECONNRESET/));
    clearInterval(drip);
    slow.end();
    expect(parts.length).toBeGreaterThan(1);
    expect(await slow.answer).toMatchObject({ status: 422, body: { code: "BLOB_MISMATCH" } });
  });

  test("httpHeaderBytesMax: a larger header is refused", async () => {
    const hub = await testHub();
    const bystander = await Bystander.at(hub);
    const answer = await bystander.during(() =>
      rawExchange(hub, `GET / HTTP/1.1\r\nHost: hub\r\nX: ${"x".repeat(20_000)}\r\n\r\n`),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 .*"code":"LIMIT_EXCEEDED"/s);
  });
});
