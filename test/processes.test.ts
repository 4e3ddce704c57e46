import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, musketeers } from "./support/program.ts";
import { nap, readSecret, visit } from "./support/tasks.ts";
import { testClient, testHub, testSite, testWorker } from "./support/whole-cluster.ts";

/* Workers and clients as programs of their own, that die, freeze and come back. */

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const quick = { leaseTtlMs: 600, heartbeatIntervalMs: 100 };

test("work resumes at once when a worker is killed, also what it was in the middle of", async () => {
  const site = await testSite();
  const hub = await testHub();
  const cluster = await testClient(hub);
  const join = ["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1", "--allow-net", site.host];
  const victim = musketeers([...join, "--name", "victim"], await makeHome());
  await victim.until(/hub/i);
  const inputs = upTo(6).map((n) => ({ url: `${site.url}/${n}`, ms: n === 1 ? 60_000 : 1 }));
  const job = await cluster.submit(visit, inputs, { net: [site.host] });
  await site.reached(2);
  await testWorker(hub, { name: "heir", allowNet: [site.host] });
  await victim.stop("SIGKILL");
  await site.reached(7);
  expect(site.asked.filter((path) => path === "/1")).toHaveLength(2);
  expect(site.asked.filter((path) => path === "/0")).toHaveLength(1);
  expect(await job.status()).toMatchObject({ failed: 0, retrying: 0, running: 1 });
  expect((await cluster.workers()).map(({ name }) => name)).toEqual(["heir"]);
  await job.cancel();
});

test("a worker that freezes is replaced; when it thaws it comes back and its late results do no harm", async () => {
  const hub = await testHub({ limits: quick });
  const cluster = await testClient(hub);
  const frozen = musketeers(
    ["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1", "--name", "frozen"],
    await makeHome(),
  );
  await frozen.until(/hub/i);
  const inputs = upTo(600).map((n) => n % 7);
  const job = await cluster.submit(nap, inputs);
  await expect.poll(async () => (await job.status()).done).toBeGreaterThan(50);
  frozen.child.kill("SIGSTOP");
  await expect.poll(async () => (await cluster.workers()).length).toBe(0);
  await testWorker(hub, { name: "steady" });
  await expect.poll(async () => (await job.status()).perWorker.steady ?? 0).toBeGreaterThan(50);
  frozen.child.kill("SIGCONT");
  await expect.poll(async () => (await cluster.workers()).length).toBe(2);
  const values: unknown[] = [];
  let count = 0;
  for await (const { index, value } of job.results()) {
    values[index] = value;
    count++;
  }
  expect(count).toBe(600);
  expect(values).toEqual(inputs);
  expect((await frozen.stop("SIGTERM")).status).toBe(0);
});

test("a program that is killed while it maps takes its job with it", async () => {
  const hub = await testHub({ limits: { attachedGraceMs: 200 } });
  await testWorker(hub);
  const cluster = await testClient(hub);
  const home = await makeHome();
  const file = join(home, "forever.ts");
  await writeFile(file, `export default async () => new Promise((resolve) => setTimeout(resolve, 60_000));`);
  const run = musketeers(
    ["run", file, "--inputs", "-", "--hub", hub.invite({ role: "submitter" })],
    home,
    "1\n2\n",
  );
  await expect.poll(async () => (await cluster.jobs())[0]?.running).toBeGreaterThan(0);
  const { job } = (await cluster.jobs())[0]!;
  await run.stop("SIGKILL");
  await expect.poll(async () => (await cluster.job(job).status()).state).toBe("cancelled");
  await expect.poll(async () => (await cluster.workers())[0]?.busySlots).toBe(0);
});

test("a worker that a hub drains finishes its input, leaves and ends well", async () => {
  const site = await testSite();
  const hub = await testHub();
  const admin = await testClient(hub, "admin");
  const leaving = musketeers(
    ["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1", "--allow-net", site.host],
    await makeHome(),
  );
  await leaving.until(/hub/i);
  const inputs = upTo(3).map((n) => ({ url: `${site.url}/${n}`, ms: 300 }));
  const job = await admin.submit(visit, inputs, { net: [site.host] });
  await site.reached(1);
  const [worker] = await admin.workers();
  await admin.call("drain", { worker: worker!.worker });
  expect((await leaving.ended).status).toBe(0);
  expect(await job.status()).toMatchObject({ state: "running", running: 0, failed: 0 });
  await testWorker(hub, { allowNet: [site.host] });
  expect(await job.wait()).toMatchObject({ state: "done", done: 3 });
  expect(new Set(site.asked)).toEqual(new Set(["/0", "/1", "/2"]));
  expect(site.asked).toHaveLength(3);
});

test("a trusted worker runs tasks without a sandbox, and only it does", async () => {
  const hub = await testHub();
  const cluster = await testClient(hub);
  const home = await makeHome();
  const secret = join(home, "secret");
  await writeFile(secret, "for my own machines");
  const line = ["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1"];
  const trusted = musketeers([...line, "--trust"], home);
  await trusted.until(/hub/i);
  expect(await cluster.run(readSecret, secret)).toBe("for my own machines");
  expect((await cluster.workers())[0]).toMatchObject({ sandbox: "trusted" });
  expect((await trusted.stop()).status).toBe(0);
  await testWorker(hub);
  await expect(cluster.run(readSecret, secret)).rejects.toMatchObject({ kind: "error" });
});
