import { expect, test, vi } from "vitest";
import { memoryEngine } from "../../engine/index.ts";
import { type CreditSummary, defaultLimits } from "../../protocol/index.ts";
import type { Hub } from "../hub.ts";
import { startHub } from "../opening/opening.ts";
import { jobSpec, ScriptedPeer, testDirectory, testHub, until } from "../testing/peer.ts";
import { Credit, normalised, REFERENCE_SPEED } from "./credit.ts";

/** One unit of work by one person; says what that person has been credited with. */
async function work(hub: Hub, invite: string, { elapsedMs = 0, speed = REFERENCE_SPEED } = {}) {
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub, { speed }, [], { invite });
  const spec = jobSpec();
  client.submit(spec, 1);
  client.watch(spec.job);
  worker.report(await worker.next("lease"), { elapsedMs });
  await client.next("ended");
  worker.link.close();
  return client.call<CreditSummary[]>("credit");
}

test("accepted results are credited to whoever came with the invite, and to nobody else", async () => {
  const hub = await testHub();
  const invite = hub.invite({ role: "worker", label: "ana" });
  hub.invite({ role: "worker", label: "bob" });
  const rows = await work(hub, invite, { elapsedMs: 1e9 });
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ label: "ana", project: "default", inputs: 1 });
  // It claims days; the hub saw a moment pass.
  expect(rows[0]!.seconds).toBeGreaterThan(0);
  expect(rows[0]!.seconds).toBeLessThan(60);
});

test("failures, copies that come second and what nobody was asked for bring nothing", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub);
  const spec = jobSpec();
  client.submit(spec, 2);
  client.watch(spec.job);
  const first = await worker.next("lease");
  worker.report(first, { failures: [{ at: 0, kind: "error", fingerprint: "no" }] });
  worker.report(first);
  worker.report(await worker.next("lease"));
  await client.next("ended");
  const rows = await client.call<CreditSummary[]>("credit");
  expect(rows.map(({ inputs }) => inputs)).toEqual([1]);
});

test("credit survives a restart", async () => {
  const data = await testDirectory();
  const hub = await startHub({ listen: "127.0.0.1:0", data });
  const before = await work(hub, hub.invite({ role: "worker", label: "ana" }), { elapsedMs: 1e9 });
  await hub.close();
  const again = await testHub({ data });
  const client = await ScriptedPeer.client(again, "viewer");
  expect(await client.call("credit")).toEqual(before);
  expect(await client.call("credit", { project: "another" })).toEqual([]);
});

test("creditIntervalMs: what was credited is stored so much later, also where the registry refused at first", async () => {
  const { registry } = memoryEngine();
  const put = vi.spyOn(registry, "put").mockRejectedValueOnce(new Error("full"));
  const limits = { ...defaultLimits, creditIntervalMs: 10 };
  const credit = await Credit.open({ registry, limits, wallMs: () => 5 });
  const earn = () => credit.accepted({ job: "j", project: "p" }, { person: "ana", label: "", seconds: 2 }, 1);
  earn();
  await until(() => put.mock.calls.length > 0);
  earn();
  await until(() => put.mock.calls.length > 1);
  await credit.close();
  const again = await Credit.open({ registry, limits, wallMs: () => 6 });
  expect(again.list()).toEqual([
    { person: "ana", project: "p", label: "", seconds: 4, inputs: 2, lastAtMs: 5 },
  ]);
});

test("of those who agree nobody gets more than the median of their claims", async () => {
  const { registry } = memoryEngine();
  const credit = await Credit.open({ registry, limits: defaultLimits, wallMs: () => 0 });
  const claims = Object.entries({ ana: 1, bob: 2, eve: 1000 });
  credit.agreed(
    { job: "j", project: "p" },
    claims.map(([person, seconds]) => ({ person, label: "", seconds })),
  );
  const given = Object.fromEntries(credit.list().map(({ person, seconds }) => [person, seconds]));
  expect(given).toEqual({ ana: 1, bob: 2, eve: 2 });
  await credit.close();
});

test("a speed that no core has is taken for the fastest, one of nothing for the slowest", () => {
  expect(normalised(1000, REFERENCE_SPEED)).toBe(1);
  expect(normalised(1000, 1e12)).toBe(5);
  expect(normalised(1000, 0)).toBe(0.01);
});
