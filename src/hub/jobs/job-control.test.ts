import { expect, test } from "vitest";
import type { HubStatus, JobSummary } from "../../protocol/index.ts";
import { startHub } from "../opening/opening.ts";
import { jobSpec, ScriptedPeer, testDirectory, testHub } from "../testing/peer.ts";

const one = { limits: { unitInputsMax: 1, prefetchUnitsMax: 0 } };

test("a paused job is finished as far as it runs, says so to who watches, and goes on when told", async () => {
  const hub = await testHub(one);
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub);
  const spec = jobSpec();
  client.submit(spec, 3);
  client.watch(spec.job, { results: false });
  const first = await worker.next("lease");
  const paused = await client.call<JobSummary>("adjust", { job: spec.job, paused: true });
  expect(paused).toMatchObject({ paused: true, priority: 0, running: 1, waiting: "" });
  worker.report(first);
  expect((await client.next("job", ({ done }) => done === 1)).message).toMatchObject({
    waiting: "it is paused",
  });
  expect(worker.pending("lease")).toEqual([]);
  expect((await client.call<HubStatus>("status")).warnings).toEqual([]);
  expect(await (await fetch(`${hub.url}/metrics`)).text()).toMatch(/^musketeers_jobs_stuck 0$/m);
  const goes = await client.call<JobSummary>("adjust", { job: spec.job, paused: false, priority: 2 });
  expect(goes).toMatchObject({ paused: false, priority: 2 });
  worker.serve();
  await client.next("ended");
  const ended = await client.call<JobSummary>("adjust", { job: spec.job, paused: true });
  expect(ended).toMatchObject({ state: "done", paused: false });
});

test("pause and priority are still there after a restart", async () => {
  const data = await testDirectory();
  const limits = { ...one.limits, adoptionWindowMs: 1 };
  const before = await startHub({ listen: "127.0.0.1:0", data, limits });
  const client = await ScriptedPeer.client(before);
  const spec = jobSpec({ priority: 1 });
  client.submit(spec, 3);
  await client.next("accepted");
  await client.call("adjust", { job: spec.job, paused: true, priority: -3 });
  client.link.close();
  await before.close();
  const hub = await testHub({ data, limits });
  const again = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub);
  expect(await again.call<JobSummary>("job", { job: spec.job })).toMatchObject({
    paused: true,
    priority: -3,
  });
  expect(worker.pending("lease")).toEqual([]);
  await again.call("adjust", { job: spec.job, paused: false });
  expect((await worker.next("lease")).message.count).toBe(1);
});

test("who may not submit may not pause either, and nobody sets what there is not", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const viewer = await ScriptedPeer.client(hub, "viewer");
  const spec = jobSpec();
  client.submit(spec, 1);
  await client.next("accepted");
  const adjust = (params: object) => client.call("adjust", { job: spec.job, ...params });
  await expect(viewer.call("adjust", { job: spec.job, paused: true })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  await expect(adjust({ priority: 9 })).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  await expect(adjust({ priority: 0.5 })).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  await expect(adjust({ job: "none", paused: true })).rejects.toMatchObject({ code: "NOT_FOUND" });
});
