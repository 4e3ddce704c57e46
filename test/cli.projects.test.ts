import { access, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, musketeers, startUp } from "./support/program.ts";

const TIMEOUT_MS = 300_000;

const answer = async (args: readonly string[], home: string) => {
  const { status, stdout, stderr } = await musketeers([...args, "--json"], home).ended;
  return {
    status,
    stderr,
    value: stdout === "" ? undefined : JSON.parse(stdout.trimEnd().split("\n").at(-1)!),
  };
};

test("a project: its root key stays at home, its members work for each other, and others see nothing of it", {
  timeout: TIMEOUT_MS,
}, async () => {
  const home = await makeHome();
  await startUp(home, ["--workers", "0"]);
  const made = await answer(["project", "create", "stars", "--units", "50"], home);
  expect(made).toMatchObject({ status: 0, value: { name: "stars", limits: { leasesMax: 50 } } });
  const keyFile = /Its root key is in (\S+),/.exec(made.stderr)![1]!;
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect(await readFile(join(home, "hub", "registry"), "latin1")).not.toContain(
    (await readFile(keyFile, "utf8")).trim(),
  );
  const twice = await answer(["project", "create", "stars"], home);
  expect(twice).toMatchObject({ status: 2, stderr: expect.stringContaining("PROJECT_EXISTS") });
  await access(keyFile);

  const invited = async (...args: string[]) =>
    (await answer(["invite", "--project", "stars", ...args], home)).value.invite as string;
  const machine = await makeHome();
  const worker = musketeers(
    ["join", await invited("--role", "worker", "--uses", "1"), "--accept", "--slots", "1", "--json"],
    machine,
  );
  await worker.until(/"event":"joined"/);
  const file = join(machine, "tasks.ts");
  await writeFile(
    file,
    'import { task } from "musketeers";\nexport const square = task((x: number) => x * x);\n',
  );
  const ana = await invited("--role", "submitter");
  const ran = await musketeers(["run", `${file}#square`, "--values", "--hub", ana], machine, "7\n").ended;
  expect(ran).toMatchObject({ status: 0, stdout: "49\n" });
  const [job] = (await answer(["jobs", "--hub", ana], machine)).value;
  const outsider = (await answer(["invite", "--role", "viewer"], home)).value.invite as string;
  expect((await answer(["jobs", "--hub", outsider], machine)).value).toEqual([]);
  expect(await answer(["job", job.job, "--hub", outsider], machine)).toMatchObject({ status: 3 });
  expect(await answer(["job", job.job], home)).toMatchObject({ status: 0, value: { done: 1 } });

  const members = (await answer(["project", "members", "stars"], home)).value;
  expect(members.map(({ role, used }: { role: string; used: number }) => [role, used])).toEqual([
    ["submitter", 1],
    ["worker", 1],
  ]);
  // An invite that is taken back keeps its holder from the hub; what its key signed runs nowhere any more, either.
  const revoked = await answer(["project", "revoke", "stars", members[0].id], home);
  expect(revoked).toMatchObject({ status: 0, value: [{ role: "submitter" }] });
  const notOwner = await answer(["project", "revoke", "stars", "ana"], machine);
  expect(notOwner.status).not.toBe(0);
  expect(await answer(["project", "revoke", "stars", "nobody"], home)).toMatchObject({ status: 3 });
  const removed = await answer(["project", "remove", "stars"], home);
  expect(removed).toMatchObject({ status: 0, value: { name: "stars" } });
  expect((await worker.ended).status).toBe(4);
});
