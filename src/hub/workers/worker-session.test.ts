import { describe, expect, test } from "vitest";
import type { WorkerSummary } from "../../protocol/index.ts";
import { jobSpec, numbered, ScriptedPeer, secondLease, testHub, until } from "../testing/peer.ts";

const bytesOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("workers", () => {
  test("that come back while their old connection still seems alive keep their leases and their name", async () => {
    const hub = await testHub({ limits: { workersMax: 1 } });
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec();
    client.submit(spec, 5);
    client.watch(spec.job);
    const invite = hub.invite({ role: "worker" });
    const worker = await ScriptedPeer.worker(hub, {}, [], { invite });
    const lease = await worker.next("lease");
    const again = await ScriptedPeer.worker(hub, {}, [{ lease: lease.message.lease, from: 0 }], { invite });
    expect(again.welcomes[0]!.adopted).toEqual([lease.message.lease]);
    const [summary, ...others] = await client.call<WorkerSummary[]>("workers");
    expect(others).toEqual([]);
    expect(summary).toMatchObject({ name: "pi", busySlots: 1 });
    again.report(lease);
    expect((await client.next("results")).message.worker).toBe("pi");
  });

  test("do not get leases that were forged, nor say results for them", async () => {
    const hub = await testHub();
    const other = await testHub();
    const client = await ScriptedPeer.client(other);
    client.submit(jobSpec(), 5);
    const elsewhere = await ScriptedPeer.worker(other);
    const foreign = await elsewhere.next("lease");
    const leases = ["", "x", "A".repeat(200), foreign.message.lease].map((lease) => ({ lease, from: 0 }));
    const worker = await ScriptedPeer.worker(hub, {}, leases);
    expect(worker.welcomes[0]!.adopted).toEqual([]);
    worker.report(foreign);
    await until(async () => worker.downs.length > 0);
    expect(worker.downs[0]!.code).toBe("PROTOCOL");
  });

  test("that come back over a half-open connection lose nothing to those who wait for work", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const invite = hub.invite({ role: "worker" });
    const worker = await ScriptedPeer.worker(hub, { slots: 2 }, [], { invite });
    client.submit(jobSpec(), 1);
    const lease = await worker.next("lease");
    const idle = await ScriptedPeer.worker(hub, { name: "idle" });
    const again = await ScriptedPeer.worker(hub, {}, [{ lease: lease.message.lease, from: 0 }], { invite });
    expect(again.welcomes[0]!.adopted).toEqual([lease.message.lease]);
    await client.call("status");
    expect(idle.pending("lease")).toEqual([]);
  });

  test("get no lease twice, none of another's, and none of a job that is forgotten", async () => {
    const hub = await testHub({ limits: { jobsEndedKept: 0, retentionIntervalMs: 10 } });
    const client = await ScriptedPeer.client(hub);
    const invite = hub.invite({ role: "worker" });
    const worker = await ScriptedPeer.worker(hub, {}, [], { invite });
    const spec = jobSpec();
    client.submit(spec, 1);
    const lease = await worker.next("lease");
    const presented = { lease: lease.message.lease, from: 0 };
    const thief = await ScriptedPeer.worker(hub, { name: "thief" }, [presented]);
    expect(thief.welcomes[0]!.adopted).toEqual([]);
    thief.report(lease);
    await until(() => thief.downs.length > 0);
    expect(thief.downs[0]!.code).toBe("PROTOCOL");

    const again = await ScriptedPeer.worker(hub, {}, [presented, presented], { invite });
    expect(again.welcomes[0]!.adopted).toEqual([lease.message.lease]);
    again.report(lease);
    await until(async () => (await client.call<unknown[]>("jobs")).length === 0);

    // Another job of the same id, whose first input is another one.
    client.submit(spec, 2, true, numbered(2, 7));
    client.watch(spec.job);
    const fresh = await again.next("lease");
    again.report(lease);
    await again.next("ack", ({ lease: id, upTo }) => id === lease.message.lease && upTo === 1);
    again.report(fresh, { elapsedMs: 0.01 }, fresh.body);
    again.serve();
    await client.next("ended", ({ size }) => size === 2);
    // They come in any order, in one block or two; a record is four bytes behind the byte of its length.
    const results = client.pending("results").map(({ body }) => bytesOf(body));
    expect(results.join("").match(/.{10}/g)!.toSorted().join("")).toBe(bytesOf(numbered(2, 7)));
    const late = await ScriptedPeer.worker(hub, {}, [presented], { invite });
    expect(late.welcomes[0]!.adopted).toEqual([]);
  });

  test("may not leave out results, nor report more than was leased", async () => {
    for (const wrong of ["gap", "excess"]) {
      const hub = await testHub();
      const client = await ScriptedPeer.client(hub);
      client.submit(jobSpec(), 100);
      const worker = await ScriptedPeer.worker(hub);
      const lease = await secondLease(worker);
      const { count } = lease.message;
      worker.report(lease, wrong === "gap" ? { from: 1, count: count - 1 } : { count: count + 1 });
      await until(() => worker.downs.length > 0);
      expect(worker.downs[0]!.code).toBe("PROTOCOL");
      expect(worker.pending("ack").filter(({ message }) => message.lease === lease.message.lease)).toEqual(
        [],
      );
    }
  });
});
