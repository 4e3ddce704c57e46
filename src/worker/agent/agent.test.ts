import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeValue, defaultLimits, eachRecord, type Limits } from "../../protocol/index.ts";
import { SandboxPool } from "../slots/sandbox-pool.ts";
import { FakeExecutor, FakeHub, fakeCode, fakeDescription, fakeMachine } from "../testing/fake-hub.ts";
import { Agent } from "./agent.ts";
import type { WorkerNotice } from "./agent-options.ts";

const values = (body: Uint8Array) => [...eachRecord(body)].map((record) => decodeValue(record));

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("Agent", () => {
  let hub: FakeHub;
  let executor: FakeExecutor;
  let agent: Agent;
  let notices: WorkerNotice[];
  let limits: { -readonly [Name in keyof Limits]: Limits[Name] };
  const fetchBefore = globalThis.fetch;

  beforeEach(async () => {
    globalThis.fetch = async () => new Response(fakeCode);
    hub = new FakeHub();
    executor = new FakeExecutor();
    notices = [];
    limits = { ...defaultLimits, reconnectDelayMinMs: 1, reconnectDelayMaxMs: 1, drainGraceMs: 50 };
    agent = new Agent({
      invite: hub.invite,
      openSocket: hub.open,
      executor,
      machine: fakeMachine,
      pool: new SandboxPool(executor, defaultLimits),
      limits,
      onNotice: (notice) => notices.push(notice),
      description: fakeDescription,
    });
    await agent.start();
  });

  afterEach(async () => {
    await agent.stop();
    globalThis.fetch = fetchBefore;
  });

  it("runs a lease and reports its results", async () => {
    hub.lease("a", [1, 2, 3]);
    const last = await hub.until("progress", ({ done }) => done);
    const all = hub.received.filter(({ message }) => message.type === "progress");
    expect(all.flatMap(({ body }) => values(body))).toEqual([2, 4, 6]);
    expect(last.message.lease).toBe("a");
  });

  it("keeps a sandbox for the next lease of the same task", async () => {
    hub.lease("a", [1]);
    await hub.until("progress", ({ lease }) => lease === "a");
    hub.lease("b", [2]);
    await hub.until("progress", ({ lease }) => lease === "b");
    expect(executor.started).toHaveLength(1);
  });

  it("keeps the sandbox of a lease that was revoked, once that is done, and says nothing of it", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    await running;
    // All is handed in.
    await turn();
    hub.send({ type: "revoke", lease: "a", reason: "others were faster" });
    const sandbox = executor.started[0]!;
    sandbox.go();
    executor.holds = false;
    await turn();
    hub.lease("b", [2]);
    const { message } = await hub.until("progress");
    expect(message.lease).toBe("b");
    expect(executor.started).toEqual([sandbox]);
  });

  it("ends a sandbox that has had nothing to do for a while, and starts another for what comes", async () => {
    limits.sandboxIdleTtlMs = 5;
    hub.lease("a", [1]);
    await hub.until("progress", ({ lease }) => lease === "a");
    await expect.poll(() => executor.started[0]!.alive).toBe(false);
    hub.lease("b", [2]);
    const { body } = await hub.until("progress", ({ lease }) => lease === "b");
    expect(values(body)).toEqual([4]);
    expect(executor.started).toHaveLength(2);
  });

  it("hands back what it does not allow, with the reason", async () => {
    hub.lease("a", [1], { net: ["example.org"] });
    const { message } = await hub.until("return");
    expect(message).toMatchObject({
      lease: "a",
      reason: "refused",
      message: expect.stringContaining("example.org"),
    });
    expect(notices.at(-1)).toMatchObject({ type: "refused", task: "f" });
  });

  it("sends again after a reconnect what was not acknowledged", async () => {
    hub.lease("a", [1]);
    await hub.until("progress");
    hub.received.length = 0;
    hub.drop();
    const { message } = await hub.until("hello");
    expect(message.leases).toEqual([{ lease: "a", from: 0 }]);
    expect(values((await hub.until("progress")).body)).toEqual([2]);
  });

  it("forgets leases that are not adopted, and kills what runs", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    await running;
    hub.adopts = false;
    hub.received.length = 0;
    hub.drop();
    await hub.until("hello");
    expect(executor.started[0]?.alive).toBe(false);
  });

  it("drainGraceMs: hands back what has not begun and what is not done in time, then leaves", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    hub.lease("b", [1]);
    await running;
    await agent.drain();
    const said = hub.received.map(({ message }) => message).filter(({ type }) => type !== "hello");
    expect(said).toEqual([
      { type: "return", lease: "b", reason: "drain", message: expect.any(String) },
      { type: "return", lease: "a", reason: "drain", message: expect.any(String) },
      { type: "leave" },
    ]);
    expect(executor.closed).toBe(true);
  });

  it("makes a failure of the record that killed its sandbox", async () => {
    executor.holds = true;
    const running = new Promise<void>((resolve) => {
      executor.onStart = resolve;
    });
    hub.lease("a", [1]);
    await running;
    executor.started[0]?.die();
    const { message } = await hub.until("progress");
    expect(message).toMatchObject({ count: 1, done: true, failures: [{ at: 0, kind: "crash" }] });
  });
});
