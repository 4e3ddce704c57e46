import { describe, expect, test } from "vitest";
import { type BlockSink, buildFile, TreeBuilder } from "../../data/index.ts";
import { memoryEngine } from "../../engine/index.ts";
import type { InviteSummary, JobSummary, ProjectSummary } from "../../protocol/index.ts";
import { newSecretKey, publicKeyOf, signRevocations } from "../../security/index.ts";
import type { Hub } from "../hub.ts";
import { startHub } from "../opening/opening.ts";
import { describedWorker, jobSpec, ScriptedPeer, testDirectory, testHub, until } from "../testing/peer.ts";
import { Projects } from "./projects.ts";

const rootKey = "ab".repeat(32);

const create = (admin: ScriptedPeer, project: string, limits = {}) =>
  admin.call<ProjectSummary>("createProject", { project, rootKey, limits });

async function member(
  hub: Hub,
  project: string,
  role: "submitter" | "viewer" | "worker" = "submitter",
): Promise<ScriptedPeer> {
  const invite = hub.invite({ role, project });
  const peer = new ScriptedPeer(invite, role === "worker" ? describedWorker({ slots: 4 }) : undefined);
  await peer.link.start();
  return peer;
}

/** A hub with two projects beside the default one, and its admin. */
async function twoProjects(limits = {}) {
  const hub = await testHub();
  const admin = await ScriptedPeer.client(hub, "admin");
  await create(admin, "stars", limits);
  await create(admin, "genes");
  return { hub, admin };
}

const errorOf = async (peer: ScriptedPeer, job: string) => {
  const { message } = await peer.next("joberror", (each) => each.job === job);
  return message;
};

describe("the projects of a hub", () => {
  test("projectsMax: are created once, up to so many, with names that can be written, and outlive it", async () => {
    const { registry } = memoryEngine();
    const limits = { projectsMax: 3 };
    const projects = await Projects.open(registry, limits, () => 5);
    expect(projects.list().map(({ name }) => name)).toEqual(["default"]);
    const made = await projects.create({ name: "stars", rootKey, owner: "ana" }, { leasesMax: 7 });
    expect(made).toMatchObject({ createdAtMs: 5, limits: { leasesMax: 7, inputsMax: null } });
    for (const [name, code] of [
      ["stars", "PROJECT_EXISTS"],
      ["default", "PROJECT_EXISTS"],
      ["a:b", "BAD_ARGUMENT"],
      ["", "BAD_ARGUMENT"],
      ["*", "BAD_ARGUMENT"],
    ] as const) {
      await expect(projects.create({ name, rootKey, owner: "" }, {})).rejects.toMatchObject({ code });
    }
    await projects.limit("default", { inputsMax: 4 });
    const again = await Projects.open(registry, limits, () => 6);
    expect(again.list()).toMatchObject([
      { name: "default", limits: { inputsMax: 4 } },
      { ...made, name: "stars" },
    ]);
    await again.create({ name: "genes", rootKey, owner: "" }, {});
    await expect(again.create({ name: "more", rootKey, owner: "" }, {})).rejects.toMatchObject({
      code: "TOO_MANY",
      message: expect.stringContaining("projectsMax"),
    });
    await again.remove("stars");
    await expect(again.remove("default")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    expect((await Projects.open(registry, limits, () => 7)).has("stars")).toBe(false);
  });

  test("are an admin's to change, and invites are for those that there are", async () => {
    const { hub, admin } = await twoProjects();
    const peer = await member(hub, "stars");
    for (const [method, params] of [
      ["createProject", { project: "x", rootKey }],
      ["limitProject", { project: "stars", limits: {} }],
      ["members", { project: "stars" }],
      ["removeProject", { project: "stars" }],
    ] as const) {
      await expect(peer.call(method, params)).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
    await expect(admin.call("createProject", { project: "x", rootKey: "secret" })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
    const params = { role: "worker", expiresInMs: 1_000, project: "nowhere" };
    await expect(admin.call("invite", params)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const members = await admin.call<InviteSummary[]>("members", { project: "stars" });
    expect(members).toMatchObject([{ role: "submitter", project: "stars", connections: 1 }]);
  });

  test("that are removed let nobody in any more, and end what they had", async () => {
    const { hub, admin } = await twoProjects();
    const invite = hub.invite({ role: "submitter", project: "stars" });
    const ana = new ScriptedPeer(invite);
    await ana.link.start();
    const other = await member(hub, "genes");
    const jobs = [jobSpec(), jobSpec()] as const;
    ana.submit(jobs[0], 2);
    await ana.next("accepted");
    other.submit(jobs[1], 2);
    await other.next("accepted");
    const gone = ana.link.closed.catch((error: unknown) => error);
    const removed = await admin.call<ProjectSummary>("removeProject", { project: "stars" });
    expect(removed.usage).toMatchObject({ jobsRunning: 1, inputs: 2 });
    expect(await gone).toMatchObject({ code: "UNAUTHORIZED" });
    await expect(new ScriptedPeer(invite).link.start()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    const stateOf = async (job: string) => (await admin.call<JobSummary>("job", { job })).state;
    await until(async () => (await stateOf(jobs[0].job)) === "cancelled");
    expect(await stateOf(jobs[1].job)).toBe("running");
    await expect(admin.call("project", { project: "stars" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("members of one project", () => {
  test("see nothing of another's jobs; the hub's admin sees all", async () => {
    const { hub, admin } = await twoProjects();
    const [ana, bob] = await Promise.all([member(hub, "stars"), member(hub, "genes")]);
    const watcher = await member(hub, "genes", "viewer");
    const spec = { ...jobSpec({ attached: false }), project: "genes" };
    ana.submit(spec, 3, false);
    await ana.next("accepted");
    for (const peer of [bob, watcher]) {
      for (const method of ["job", "logs"]) {
        await expect(peer.call(method, { job: spec.job })).rejects.toMatchObject({ code: "NOT_FOUND" });
      }
      expect(await peer.call("jobs")).toEqual([]);
      expect(await peer.call("status")).toMatchObject({ jobsRunning: 0, warnings: [] });
      peer.watch(spec.job, { results: false });
      expect(await errorOf(peer, spec.job)).toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(bob.call("cancel", { job: spec.job })).rejects.toMatchObject({ code: "NOT_FOUND" });
    bob.send({ type: "cancel", job: spec.job, reason: "mine" });
    expect(await errorOf(bob, spec.job)).toMatchObject({ code: "NOT_FOUND" });
    bob.send({ type: "inputs", job: spec.job, from: 3, count: 0, sealed: true });
    expect(await errorOf(bob, spec.job)).toMatchObject({ code: "NOT_FOUND" });
    bob.submit({ ...spec, project: "stars" }, 3);
    expect(await errorOf(bob, spec.job)).toMatchObject({ code: "JOB_EXISTS" });
    for (const peer of [ana, admin]) {
      expect(await peer.call("job", { job: spec.job })).toMatchObject({ state: "running", size: 3 });
      expect(await peer.call("status")).toMatchObject({ jobsRunning: 1 });
    }
    const shownTo = async (peer: ScriptedPeer, topic: string, of = "") => {
      peer.send({ type: "follow", id: 1, topic, of });
      const { message, body } = await peer.next("live", ({ first }) => first);
      peer.send({ type: "unfollow", id: 1 });
      return message.error?.code ?? new TextDecoder().decode(body);
    };
    expect(await shownTo(bob, "job", spec.job)).toBe("NOT_FOUND");
    expect(await shownTo(ana, "job", spec.job)).toContain(spec.job);
    for (const topic of ["jobs", "overview"]) {
      expect(await shownTo(bob, topic)).not.toContain(spec.job);
      expect(await shownTo(admin, topic)).toContain(spec.job);
    }
    const names = async (peer: ScriptedPeer) =>
      (await peer.call<ProjectSummary[]>("projects")).map(({ name }) => name);
    expect(await names(admin)).toEqual(["default", "genes", "stars"]);
    expect(await names(bob)).toEqual(["genes"]);
    await expect(bob.call("project", { project: "stars" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("get workers who joined for it, and see no others", async () => {
    const { hub } = await twoProjects();
    const ana = await member(hub, "stars");
    const bob = await member(hub, "genes");
    const worker = await member(hub, "genes", "worker");
    const [hers, his] = [jobSpec(), jobSpec()];
    ana.submit(hers, 1);
    await ana.next("accepted");
    bob.submit(his, 1);
    bob.watch(his.job);
    worker.report(await worker.next("lease"));
    await bob.next("ended");
    expect(worker.pending("lease")).toEqual([]);
    expect(await ana.call("workers")).toEqual([]);
    expect(await bob.call("workers")).toMatchObject([{ projects: ["genes"], inputsDone: 1 }]);
    expect(await ana.call("job", { job: hers.job })).toMatchObject({
      waiting: "no connected worker serves the project stars",
    });
  });

  test("have datasets of their own, whose names are nobody else's", async () => {
    const { hub, admin } = await twoProjects();
    const [ana, bob] = await Promise.all([member(hub, "stars"), member(hub, "genes")]);
    const cid = await folderIn(hub);
    await ana.call("putDataset", { name: "sky", cid });
    expect(await ana.call("datasets")).toMatchObject([{ name: "sky", cid }]);
    expect(await bob.call("datasets")).toEqual([]);
    await expect(bob.call("dataset", { name: "sky" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(bob.call("dataset", { name: "stars:sky" })).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await expect(bob.call("removeDataset", { name: "sky" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await bob.call("putDataset", { name: "sky", cid });
    expect(await admin.call("datasets")).toMatchObject([{ name: "genes:sky" }, { name: "stars:sky" }]);
    expect(await bob.call("removeDataset", { name: "sky" })).toMatchObject({ name: "sky" });
    expect(await admin.call("datasets")).toMatchObject([{ name: "stars:sky" }]);
    const { usage } = await admin.call<ProjectSummary>("project", { project: "stars" });
    expect(usage.bytes).toBeGreaterThan(0);
  });
});

describe("what a project may use", () => {
  test("inputsMax: no more inputs without a result, until there are results; others go on", async () => {
    const { hub, admin } = await twoProjects({ inputsMax: 5 });
    const [ana, bob] = await Promise.all([member(hub, "stars"), member(hub, "genes")]);
    const large = jobSpec();
    ana.submit(large, 6);
    expect(await errorOf(ana, large.job)).toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: expect.stringContaining("inputsMax"),
      hint: expect.stringContaining("project limits"),
    });
    const spec = jobSpec();
    ana.submit(spec, 4, false);
    await ana.next("accepted");
    ana.send({ type: "inputs", job: spec.job, from: 4, count: 2, sealed: false }, new Uint8Array(2));
    expect(await errorOf(ana, spec.job)).toMatchObject({ code: "LIMIT_EXCEEDED" });
    bob.submit(jobSpec(), 6);
    await bob.next("accepted");
    const worker = await member(hub, "stars", "worker");
    worker.serve();
    await until(async () => (await admin.call<JobSummary>("job", { job: spec.job })).done === 4);
    ana.submit(large, 5);
    await ana.next("accepted", ({ job }) => job === large.job);
  });

  test("bytesMax: what its jobs and datasets take of the disk", async () => {
    const { hub, admin } = await twoProjects({ bytesMax: 100 });
    const ana = await member(hub, "stars");
    const spec = jobSpec();
    ana.submit(spec, 30);
    expect(await errorOf(ana, spec.job)).toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: expect.stringContaining("bytesMax"),
    });
    ana.submit(jobSpec(), 5);
    await ana.next("accepted");
    await admin.call("limitProject", { project: "stars", limits: { bytesMax: null } });
    ana.submit(spec, 30);
    await ana.next("accepted", ({ job }) => job === spec.job);
    const cid = await folderIn(hub);
    await admin.call("limitProject", { project: "stars", limits: { bytesMax: 1 } });
    await expect(ana.call("putDataset", { name: "sky", cid })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
  });

  test("jobsPerMinuteMax: a minute's submissions, counted by the hub's clock", async () => {
    let nowMs = 1_000_000;
    const projects = await Projects.open(memoryEngine().registry, { projectsMax: 9 }, () => nowMs);
    await projects.limit("default", { jobsPerMinuteMax: 2 });
    projects.submit("default");
    nowMs += 30_000;
    projects.submit("default");
    expect(() => projects.submit("default")).toThrow(expect.objectContaining({ code: "TOO_MANY" }));
    nowMs += 30_000;
    projects.submit("default");
    expect(() => projects.submit("default")).toThrow(expect.objectContaining({ code: "TOO_MANY" }));
    await projects.limit("default", { jobsPerMinuteMax: null });
    projects.submit("default");
  });

  test("leasesMax: units at once, also after a restart and a change of the limit", async () => {
    const data = await testDirectory();
    const first = await startHub({ listen: "127.0.0.1:0", data });
    const admin = await ScriptedPeer.client(first, "admin");
    await create(admin, "stars", { leasesMax: 2 });
    admin.link.close();
    await first.close();
    const hub = await testHub({ data, limits: { unitInputsMax: 1, prefetchUnitsMax: 0 } });
    const worker = await member(hub, "stars", "worker");
    const ana = await member(hub, "stars");
    ana.submit(jobSpec(), 10);
    await worker.next("lease");
    await worker.next("lease");
    const second = await ScriptedPeer.client(hub, "admin");
    const usage = async () =>
      (await second.call<ProjectSummary>("project", { project: "stars" })).usage.leases;
    expect([await usage(), worker.pending("lease").length]).toEqual([2, 0]);
    await second.call("limitProject", { project: "stars", limits: { leasesMax: 3 } });
    await worker.next("lease");
    expect(await usage()).toBe(3);
  });
});

/** A folder of one file in a hub's store; says its CID. */
async function folderIn(hub: Hub): Promise<string> {
  const blocks = new Map<string, Uint8Array>();
  const sink: BlockSink = { put: (cid, bytes) => void blocks.set(cid, bytes) };
  const tree = new TreeBuilder(sink);
  tree.add("stars.txt", await buildFile([new TextEncoder().encode("Vega")], sink));
  const { cid } = await tree.end();
  for (const [name, bytes] of blocks) await hub.coordinator.engine.blobs.put(bytes, { expect: name });
  return cid;
}

describe("certificates that an owner takes back", () => {
  const root = newSecretKey();
  const listOf = (serial: string, issuedAtMs: number, key = root) =>
    signRevocations({ project: "stars", issuedAtMs, serials: [serial] }, key);

  test("revocationBytesMax: the hub keeps the latest list, however it ends, and tells workers; no other is taken", async () => {
    const data = await testDirectory();
    const hub = await testHub({ data, limits: { revocationBytesMax: 200 } });
    const admin = await ScriptedPeer.client(hub, "admin");
    const rootKey = Buffer.from(publicKeyOf(root)).toString("hex");
    await admin.call("createProject", { project: "stars", rootKey });
    const worker = await member(hub, "stars", "worker");
    const elsewhere = await member(hub, "default", "worker");
    const put = (list: Uint8Array) => admin.call("putRevocations", { project: "stars", list });
    const first = listOf("one", 5);
    expect(await put(first)).not.toHaveProperty("revocations");
    expect(Buffer.from((await worker.next("revocations")).message.list)).toEqual(Buffer.from(first));
    for (const [list, code] of [
      [listOf("one", 9, newSecretKey()), "BAD_ARGUMENT"],
      [listOf("two", 4), "BAD_ARGUMENT"],
      [listOf("x".repeat(200), 9), "LIMIT_EXCEEDED"],
    ] as const)
      await expect(put(list)).rejects.toMatchObject({ code });
    // A bystander notices nothing of it.
    const bystander = await member(hub, "stars");
    bystander.submit(jobSpec(), 1);
    await bystander.next("stored");
    expect(elsewhere.pending("revocations")).toEqual([]);
    await expect(bystander.call("revocations", { project: "stars" })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await hub.close();
    const again = await testHub({ data });
    const joined = await member(again, "stars", "worker");
    expect(Buffer.from((await joined.next("revocations")).message.list)).toEqual(Buffer.from(first));
    const asking = await ScriptedPeer.client(again, "admin");
    expect(await asking.call("revocations", { project: "stars" })).toBeInstanceOf(Uint8Array);
    expect(await asking.call("revocations", { project: "default" })).toBeNull();
  });
});
