import { appendFile, copyFile, cp, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  environmentOf,
  makeHome,
  musketeers,
  Running,
  root,
  startUp,
  type UpLine,
} from "./support/program.ts";

/* A worker that follows its hub's version: the hub hands out another program, and the worker becomes that one. */

/** This package, with something changed, in a folder of its own. */
async function otherRelease(home: string): Promise<string> {
  const folder = join(home, "other");
  await mkdir(folder);
  for (const name of ["package.json", "package-lock.json", "CHANGELOG.md"]) {
    await copyFile(join(root, name), join(folder, name));
  }
  await cp(join(root, "dist"), join(folder, "dist"), { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await appendFile(join(folder, "CHANGELOG.md"), "\nAnother one.\n");
  return join(folder, "dist", "cli", "main.js");
}

const events = ({ stdout }: Running): readonly string[] =>
  [...stdout.matchAll(/^\{"event":"([a-z-]+)"/gm)].map((match) => match[1]!);

test("becomes the program that its hub hands out, stays it when it is started again, and works as it", async (context) => {
  const home = await makeHome();
  const args = ["up", "--json", "--listen", "127.0.0.1:0", "--workers", "0"];
  const up = new Running(process.execPath, [await otherRelease(home), ...args], environmentOf(home));
  onTestFinished(async () => void (await up.stop()));
  const line = JSON.parse((await up.until(/^\{.*\}$/m))[0]) as UpLine;

  const join1 = ["join", line.joinInvite, "--follow-hub", "--accept", "--json", "--slots", "1"];
  const worker = musketeers(join1, home);
  await worker.until(/"event":"(updated|not-updated)"/);
  if (events(worker).includes("not-updated")) {
    const [said] = /.*"not-updated".*/.exec(worker.stdout)!;
    expect(said).toMatch(/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|npm is not there/);
    context.skip("npm cannot reach its registry here");
  }
  await worker.until(/"event":"updated"[\s\S]*"event":"joined"/);
  // It may join while the other one is fetched, or before.
  const before = ["joined", "updating", "left"].filter((event) => events(worker).includes(event));
  expect(new Set(events(worker).slice(0, before.length))).toEqual(new Set(before));
  expect(events(worker).slice(before.length)).toEqual(["updated", "joined"]);
  const releases = (await readdir(join(home, "releases"))).filter((name) => /^[0-9a-f]{64}$/.test(name));
  expect(releases).toHaveLength(1);

  const file = join(home, "square.ts");
  await writeFile(
    file,
    'import { task } from "musketeers";\nexport const square = task((n: number) => n * n);\n',
  );
  const ran = await musketeers(["run", file, "--values", "--hub", line.submitInvite], home, "7\n").ended;
  expect([ran.status, ran.stdout.trim()]).toEqual([0, "49"]);
  expect((await worker.stop()).status).toBe(0);

  const again = musketeers(join1, home);
  await again.until(/"event":"joined"/);
  expect(events(again)).toEqual(["joined"]);
  expect((await again.stop()).status).toBe(0);
});

test("with the hub's own program it stays what it is; several hubs cannot be followed", async () => {
  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0"]);
  const worker = musketeers(["join", line.joinInvite, "--follow-hub", "--accept", "--json"], home);
  await worker.until(/"event":"joined"/);
  expect((await worker.stop()).status).toBe(0);
  expect(events(worker)).toEqual(["joined", "left"]);
  const two = ["join", line.joinInvite, line.joinInvite, "--follow-hub", "--accept", "--json"];
  const refused = await musketeers(two, home).ended;
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("one hub")]);
});
