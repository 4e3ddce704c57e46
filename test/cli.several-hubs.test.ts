import { expect, test, vi } from "vitest";
import { connect } from "../src/client/index.ts";
import { makeHome, musketeers, startUp } from "./support/program.ts";
import { double } from "./support/tasks.ts";
import { testClient, testHub } from "./support/whole-cluster.ts";

/* Machines that work for several hubs, and hubs that work for others, as programs. */

// Whole programs, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const events = (stdout: string): { event: string; hub?: string; url?: string }[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string });

test("join with two invites works for both hubs, outlives one of them, and leaves both", async () => {
  const [first, second] = await Promise.all([testHub({ name: "lab" }), testHub({ name: "lab" })]);
  const invites = [first, second].map((hub) => hub.invite({ role: "worker" }));
  const worker = musketeers(
    ["join", "--accept", ...invites, "--share", "70/30", "--slots", "1", "--json"],
    await makeHome(),
  );
  await worker.until(/"joined".*\n(.*\n)*.*"joined"/);
  for (const hub of [first, second]) {
    const cluster = await testClient(hub);
    expect(await cluster.run(double, 4)).toBe(8);
  }
  await first.close();
  await worker.until(/"disconnected"/);
  const cluster = await testClient(second);
  expect(await cluster.run(double, 5)).toBe(10);
  const { status, stdout } = await worker.stop();
  expect(status).toBe(0);
  const joined = events(stdout).filter(({ event }) => event === "joined");
  expect(joined.map(({ hub, url }) => `${hub} ${url}`).sort()).toEqual(
    [first, second].map(({ url }) => `lab ${url}`).sort(),
  );
  expect(events(stdout).at(-2)).toMatchObject({ event: "disconnected", hub: "lab", url: first.url });
  expect(events(stdout).at(-1)).toEqual({ event: "left", inputsDone: 3, inputsFailed: 0 });
});

test("one hub that turns the worker away does not keep it from the other; people are told which", async () => {
  const [first, second] = await Promise.all([testHub({ name: "lab" }), testHub({ name: "home" })]);
  const invites = [first.invite({ role: "worker", label: "of old" }), second.invite({ role: "worker" })];
  await (await testClient(first, "admin")).call("revoke", { invite: "of old" });
  const worker = musketeers(["join", "--accept", "-", "--slots", "1"], await makeHome(), invites.join("\n"));
  await worker.until(/Turned away by http.*: .*[Ii]nvite/);
  await worker.until(/Joined home at http.* as /);
  const { status, stdout } = await worker.stop();
  expect(status).toBe(0);
  expect(stdout).toContain("Left. 0 inputs done");
});

test("shares that do not fit the invites are refused before anything is joined", async () => {
  const hub = await testHub();
  const invite = hub.invite({ role: "worker" });
  const ended = await musketeers(["join", "--accept", invite, "--share", "70/30"], await makeHome()).ended;
  expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining("2 shares for 1 hub")]);
  const wrong = await musketeers(["join", "--accept", invite, "--share", "70/none"], await makeHome()).ended;
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("numbers above 0")]);
  const nobody = await musketeers(["up", "--workers", "0", "--join", invite], await makeHome()).ended;
  expect([nobody.status, nobody.stderr]).toEqual([2, expect.stringContaining("--workers 0")]);
});

test("a machine is a hub and a worker of another hub at once, and its own hub does not mind the other's end", async () => {
  const other = await testHub({ name: "school" });
  const invite = other.invite({ role: "worker" });
  const { up, line } = await startUp(await makeHome(), ["--join", invite, "--share", "1/1", "--slots", "1"]);
  await up.until(/Joined school at/, "stderr");
  const theirs = await testClient(other);
  expect(await theirs.run(double, 21)).toBe(42);
  const ours = await connect({ hub: line.submitInvite });
  try {
    expect(await ours.run(double, 2)).toBe(4);
    const [[here], [there]] = await Promise.all([ours.workers(), theirs.workers()]);
    expect(here?.name).toBe(there?.name);
    await other.close();
    await up.until(/Connection to school at .* lost/, "stderr");
    expect(await ours.run(double, 3)).toBe(6);
  } finally {
    await ours.close();
  }
  expect((await up.stop()).status).toBe(0);
});
