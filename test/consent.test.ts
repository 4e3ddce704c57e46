import { expect, test } from "vitest";
import { endorseInvite, newSecretKey, publicKeyOf } from "../src/security/index.ts";
import { makeHome, musketeers } from "./support/program.ts";
import { double, readSecret, visit } from "./support/tasks.ts";
import { testClient, testHub, testSite } from "./support/whole-cluster.ts";

/* A volunteer's machine as a program of its own: nothing runs on it that nobody agreed to. */

test("a worker asks before it runs anything, and again when something asks for more", async () => {
  const site = await testSite();
  const hub = await testHub();
  const cluster = await testClient(hub);
  const home = await makeHome();
  const join = ["join", hub.invite({ role: "worker" }), "--slots", "1"];

  const refused = await musketeers([...join, "--json"], home).ended;
  expect(refused.status).toBe(4);
  expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "CONSENT_NEEDED" } });
  expect(refused.stderr).toMatch(/network +none/);

  const worker = musketeers([...join, "--accept"], home);
  await worker.until(/Joined/);
  expect(worker.stderr).toMatch(/Accepted by --accept for default: to compute, without the network/);
  expect(await cluster.run(double, 21)).toBe(42);

  const job = await cluster.submit(visit, [{ url: site.url, ms: 1 }], { net: [site.host] });
  const [, id] = await worker.until(/worker grant ([0-9a-f]{8})/);
  await expect
    .poll(async () => (await job.status()).waiting)
    .toBe(
      `no connected worker allows net access to ${site.host}; 1 worker waits for the consent of their volunteers`,
    );
  expect(site.asked).toEqual([]);
  expect(await cluster.run(double, 4)).toBe(8);

  const granted = await musketeers(["worker", "grant", id!, "--json"], home).ended;
  expect(JSON.parse(granted.stdout)).toMatchObject({ granted: [{ task: "visit", net: [site.host] }] });
  for await (const { ok } of job.results()) expect(ok).toBe(true);
  await expect(cluster.run(readSecret, "/etc/passwd", { retries: 0 })).rejects.toThrow(/read access/);
  expect((await worker.stop()).status).toBe(0);

  // What ran, and what did not, can be read when it is over.
  const lines = (await musketeers(["worker", "log", "--json"], home).ended).stdout.trim().split("\n");
  const log = lines.map((line) => JSON.parse(line));
  const sumOf = (task: string, field: string) =>
    log.filter((entry) => entry.task === task).reduce((sum, entry) => sum + entry[field], 0);
  expect([sumOf("double", "inputs"), sumOf("visit", "inputs"), sumOf("readSecret", "failed")]).toEqual([
    2, 1, 1,
  ]);
  expect(sumOf("double", "bytesIn")).toBeGreaterThan(0);
  const denials = log.flatMap((entry) => entry.denied);
  expect(denials).toContainEqual({ permission: "read", target: "/etc/passwd", by: "sandbox", count: 1 });
  const text = (await musketeers(["worker", "log"], home).ended).stdout;
  expect(text).toMatch(/denied: read \/etc\/passwd/);

  // What was said holds for the next time, and can be taken back.
  const again = musketeers(join, home);
  await again.until(/Joined/);
  await again.stop();
  expect((await musketeers(["worker", "withdraw", "default"], home).ended).status).toBe(0);
  expect((await musketeers([...join, "--json"], home).ended).status).toBe(4);
});

test("options that name all that a project asks for are an answer", async () => {
  const hub = await testHub();
  const invite = endorseInvite(hub.invite({ role: "worker" }), {
    projectKey: publicKeyOf(newSecretKey()),
    asks: { net: ["api.example.org"], memoryBytes: 0 },
  });
  const home = await makeHome();
  const without = await musketeers(["join", invite, "--memory", "1GB", "--json"], home).ended;
  expect(without.status).toBe(4);
  expect(without.stderr).toContain("api.example.org");
  const worker = musketeers(["join", invite, "--slots", "1", "--allow-net", "*.example.org"], home);
  await worker.until(/Joined/);
  expect(worker.stderr).toContain("Accepted by your options");
  expect((await worker.stop()).status).toBe(0);
});
