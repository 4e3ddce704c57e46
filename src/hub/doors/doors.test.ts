import { describe, expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { type LogLine, packRecords } from "../../protocol/index.ts";
import { Bystander, needsNobody } from "../testing/bystander.ts";
import { jobSpec, ScriptedPeer, testHub, until } from "../testing/peer.ts";
import { rawConnection, rawExchange, rawUpload } from "../testing/raw.ts";

/* The doors of a real hub, each limit reached on purpose, while somebody else's work goes on. */

const heartbeat = { type: "heartbeat", memoryBytes: 0, load: 0, slots: 1 };
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("who comes in", () => {
  test("connectionsPerAddressMax: a further socket is told so and closed, and a free place is taken", async () => {
    const hub = await testHub({ limits: { connectionsPerAddressMax: 4 } });
    const bystander = await Bystander.at(hub);
    const idle = [await rawConnection(hub), await rawConnection(hub)];
    const late = new ScriptedPeer(hub.invite({ role: "submitter" }));
    const answer = await bystander.during(async () => {
      const joining = late.link.start();
      await until(() => late.downs.length > 0);
      const answered = await rawExchange(hub, "");
      idle[0]!.destroy();
      await joining;
      return answered;
    });
    expect(answer).toMatch(/^HTTP\/1\.1 429 .*"code":"TOO_MANY".*connectionsPerAddressMax/s);
    expect(late.downs[0]).toMatchObject({ retryable: true });
    expect(idle[1]!.closed).toBe(false);
  });

  test("connectionsPerKeyMax: one connection too many is told so, comes again and gets a free place", async () => {
    const hub = await testHub({ limits: { connectionsPerKeyMax: 2 } });
    const bystander = await Bystander.at(hub);
    const invite = hub.invite({ role: "worker" });
    const first = await ScriptedPeer.worker(hub, { name: "first" }, [], { invite });
    await ScriptedPeer.worker(hub, { name: "second" }, [], { invite });
    const third = await ScriptedPeer.worker(hub, { name: "third" }, [], { invite, wait: false });
    await bystander.during(() => until(() => third.downs.length > 0));
    expect(third.downs[0]).toMatchObject({ code: "TOO_MANY", retryable: true });
    first.link.close();
    await third.link.start();
    expect(third.welcomes).toHaveLength(1);
  });
});

describe("what they send", () => {
  test("framesPerSecondMax: what is more is read later, and nothing of it is lost", async () => {
    const hub = await testHub({ limits: { framesPerSecondMax: 100 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec(needsNobody);
    client.submit(spec, 0, false);
    const blocks = 300;
    for (let from = 0; from < blocks; from++) {
      const body = packRecords([Uint8Array.of(0)]);
      client.send({ type: "inputs", job: spec.job, from, count: 1, sealed: from === blocks - 1 }, body);
    }
    await bystander.works();
    await client.next("stored", ({ size }) => size === blocks);
    expect(client.downs).toEqual([]);
  });

  test("floodMs: who goes on sending more than it is read is told so and closed", async () => {
    const hub = await testHub({ limits: { framesPerSecondMax: 100, floodMs: 200 } });
    const bystander = await Bystander.at(hub);
    const flooder = await ScriptedPeer.worker(hub, { name: "flooder", labels: ["flood"] });
    for (let sent = 0; sent < 50_000; sent++) flooder.send(heartbeat);
    await bystander.works();
    await until(() => flooder.downs.length > 0);
    expect(flooder.downs[0]).toMatchObject({ code: "TOO_MANY", retryable: true });
    await bystander.works();
  });

  test("refusalsPerMinuteMax: who does again and again what it may not is told so each time, and then closed", async () => {
    const hub = await testHub({ limits: { refusalsPerMinuteMax: 20 } });
    const bystander = await Bystander.at(hub);
    const viewer = await ScriptedPeer.client(hub, "viewer");
    await bystander.during(async () => {
      for (let call = 0; call < 20; call++) {
        await expect(viewer.call("cancel", { job: "one" })).rejects.toMatchObject({ code: "FORBIDDEN" });
      }
      viewer.call("cancel", { job: "one" }).catch(() => {});
      await until(() => viewer.downs.length > 0);
    });
    expect(viewer.downs[0]).toMatchObject({ code: "TOO_MANY" });
  });

  test("resultBytesMax: a larger result that is no blob is told so and closed, and another worker does it", async () => {
    const hub = await testHub({ limits: { resultBytesMax: 1000 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const greedy = await ScriptedPeer.worker(hub, { name: "greedy", labels: ["large"] });
    const spec = jobSpec({ needs: { labels: ["large"] } });
    client.submit(spec, 1);
    client.watch(spec.job);
    const lease = await greedy.next("lease");
    const refusal = await bystander.during(() =>
      greedy.nextDownOr(() => {
        greedy.report(lease, {}, packRecords([new Uint8Array(1001)]));
        return new Promise(() => {});
      }),
    );
    expect(refusal).toMatchObject({ code: "LIMIT_EXCEEDED" });
    const modest = await ScriptedPeer.worker(hub, { name: "modest", labels: ["large"] });
    modest.report(await modest.next("lease"), {}, packRecords([new Uint8Array(1000)]));
    expect((await client.next("ended")).message).toMatchObject({ state: "done", failed: 0 });
  });

  test("logBytesPerSecondMax: of a worker that sends far more the rest is dropped and counted, and it has to go", async () => {
    const hub = await testHub({ limits: { logBytesPerSecondMax: 1000, refusalsPerMinuteMax: 500 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const worker = await ScriptedPeer.worker(hub, { name: "loud", labels: ["loud"] });
    const spec = jobSpec({ needs: { labels: ["loud"] } });
    client.submit(spec, 1);
    const { message } = await worker.next("lease");
    const line = packRecords([bytesOf("x".repeat(99))]);
    await bystander.during(async () => {
      while (worker.downs.length === 0) {
        worker.link.send({ type: "log", lease: message.lease, dropped: 0 }, line);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect(worker.downs[0]).toMatchObject({ code: "TOO_MANY" });
    const lines = await client.call<LogLine[]>("logs", { job: spec.job });
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.some((kept) => kept.line.includes("dropped"))).toBe(true);
  });

  test("uploadBytesPerHourMax: workers that store without end are told so, those of another invite store on", async () => {
    const hub = await testHub({ limits: { uploadBytesPerHourMax: 50_000 } });
    const bystander = await Bystander.at(hub);
    const filler = await ScriptedPeer.worker(hub, { name: "filler", labels: ["fill"] });
    const other = await ScriptedPeer.worker(hub, { name: "other", labels: ["fill"] });
    const store = (peer: ScriptedPeer, fill: number) => {
      const bytes = new Uint8Array(20_000).fill(fill);
      const upload = rawUpload(hub, `/blobs/${cidOf(bytes)}`, peer.welcomes[0]!.session);
      upload.write(bytes);
      upload.end();
      return upload.answer;
    };
    await bystander.during(async () => {
      for (const fill of [1, 2, 3]) expect((await store(filler, fill)).status).toBe(201);
      const refused = await store(filler, 4);
      expect(refused).toMatchObject({ status: 429, body: { code: "TOO_MANY" } });
      expect((await store(other, 5)).status).toBe(201);
    });
  });
});
