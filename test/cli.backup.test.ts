import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { connect } from "../src/client/index.ts";
import { makeHome, musketeers, startUp } from "./support/program.ts";
import { double } from "./support/tasks.ts";

/* A hub whose disk is lost is started again from its backup, as people do it. */

// Whole programs, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

async function invited(home: string, label: string): Promise<string> {
  const made = await musketeers(["invite", "--role", "submitter", "--label", label, "--json"], home).ended;
  return (JSON.parse(made.stdout) as { invite: string }).invite;
}

test("after the loss of its disk a hub goes on with its invites and workers; revoked ones stay out", async () => {
  const home = await makeHome();
  const { up, line } = await startUp(home, ["--workers", "0", "--tls"]);
  const worker = musketeers(
    ["join", "--accept", line.joinInvite, "--slots", "1", "--json"],
    await makeHome(),
  );
  await worker.until(/"joined"/);
  const bad = await invited(home, "bad");
  expect((await musketeers(["revoke", "bad"], home).ended).status).toBe(0);

  const file = join(home, "hub.backup");
  const backup = await musketeers(["backup", file, "--json"], home).ended;
  expect(JSON.parse(backup.stdout)).toMatchObject({
    file,
    invites: 4,
    datasets: 0,
    projects: ["default"],
  });
  // Again, over the one before.
  expect((await musketeers(["backup", file], home).ended).stdout).toContain("4 invites");
  expect((await musketeers(["backup", "-"], home).ended).stdout).toMatch(
    /^\{\n "format": "musketeers backup 1"/,
  );

  await up.stop("SIGKILL");
  // With the settings beside it, where the owner's root key was.
  await rename(join(home, "hub"), join(home, "lost"));
  await rename(join(home, "projects"), join(home, "lost projects"));
  const listen = ["--listen", new URL(line.url).host, "--workers", "0", "--tls"];
  const recovered = await startUp(home, ["--recover", file, ...listen]);
  await worker.until(/"reconnected"/);
  const cluster = await connect({ hub: line.submitInvite });
  expect(await cluster.run(double, 4)).toBe(8);
  await cluster.close();
  const newcomer = await connect({ hub: await invited(home, "ana") });
  expect(await newcomer.run(double, 5)).toBe(10);
  await newcomer.close();
  await expect(connect({ hub: bad })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  expect((await worker.stop()).status).toBe(0);
  expect((await recovered.up.stop()).status).toBe(0);
});

test("backups are not written over other files, nor made of what is no hub, nor read where they are cut", async () => {
  const home = await makeHome();
  const letter = join(home, "letter.txt");
  await writeFile(letter, "dear friend");
  const none = await musketeers(["backup", letter], home).ended;
  expect([none.status, none.stderr]).toEqual([3, expect.stringContaining("There is no key")]);
  const { up } = await startUp(home, ["--workers", "0"]);
  const refused = await musketeers(["backup", letter], home).ended;
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("is no backup of this hub")]);
  expect(await readFile(letter, "utf8")).toBe("dear friend");
  expect((await up.stop()).status).toBe(0);
  const wrong = await musketeers(["up", "--recover", letter, "--listen", "127.0.0.1:0"], home).ended;
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("no backup of a hub")]);
  const missing = await musketeers(["up", "--recover", join(home, "nothing")], home).ended;
  expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining("cannot be read")]);
});
