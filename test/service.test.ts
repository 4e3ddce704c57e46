import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { makeHome, musketeers, startUp } from "./support/program.ts";

/* Workers and hubs as services: the units that are written, and that systemd understands them. */

const run = promisify(execFile);

const present = async (command: string): Promise<boolean> =>
  run(command, ["--version"]).then(
    () => true,
    () => false,
  );

test("a worker's unit names no secret, asks for consent first, and passes on what join takes", async () => {
  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0"]);
  const install = ["service", "install", "worker", line.joinInvite];
  const unasked = await musketeers([...install, "--no-start"], home).ended;
  expect([unasked.status, unasked.stderr]).toEqual([4, expect.stringContaining("CONSENT_NEEDED")]);
  const wrong = await musketeers([...install, "--slots", "many"], home).ended;
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("whole number")]);

  const options = ["--slots", "1", "--hours", "22-07", "--accept"];
  const printed = await musketeers([...install, ...options, "--print"], home).ended;
  expect(printed.status, printed.stderr).toBe(0);
  const secret = line.joinInvite.slice(line.joinInvite.indexOf("#") + 1);
  expect(printed.stdout).not.toContain(secret);
  expect(printed.stdout).toMatch(
    /^ExecStart=.* join --invite-file \S+worker\.invite --slots 1 --hours 22-07$/m,
  );
  expect(printed.stdout).toContain(`Description=musketeers: lends this machine to default at ${line.url}\n`);
});

test("systemd takes the units", async (context) => {
  if (!(await present("systemd-analyze"))) context.skip("systemd is not installed");
  const home = await makeHome();
  await writeFile(join(home, "invite"), "not read before it starts");
  const worker = ["worker", "--invite-file", join(home, "invite"), "--accept", "--label", "50% $HOME"];
  for (const args of [worker, ["hub", "--lan", "--workers", "0"]]) {
    const printed = await musketeers(["service", "install", ...args, "--print"], home).ended;
    expect(printed.status, printed.stderr).toBe(0);
    // What a file will say once it is there cannot be agreed to beforehand.
    if (args === worker) expect(printed.stdout).toMatch(/^ExecStart=.* --accept /m);
    const unit = join(home, `musketeers-${args[0]}.service`);
    await writeFile(unit, printed.stdout);
    const { stdout, stderr } = await run("systemd-analyze", ["verify", "--user", "--man=no", unit], {
      env: { ...process.env, XDG_RUNTIME_DIR: home },
    });
    expect(`${stdout}${stderr}`.split("\n").filter((said) => said.includes("musketeers"))).toEqual([]);
  }
});

test("what is written waits where systemd looks for it, with the invite where only its user reads it", async () => {
  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0"]);
  const config = join(home, "config");
  const args = ["service", "install", "worker", line.joinInvite, "--accept", "--no-start"];
  const installed = await musketeers(args, home, undefined, { XDG_CONFIG_HOME: config }).ended;
  expect([installed.status, installed.stdout]).toEqual([0, expect.stringContaining("Written: ")]);
  const unit = await readFile(join(config, "systemd", "user", "musketeers-worker.service"), "utf8");
  expect(unit).toContain(`Environment=MUSKETEERS_HOME=${home}\n`);
  expect(await readFile(join(home, "service", "worker.invite"), "utf8")).toBe(`${line.joinInvite}\n`);
});

test("without a service manager it says so, with a code", async () => {
  const home = await makeHome();
  const status = await musketeers(["service", "status", "--json"], home, undefined, { PATH: home }).ended;
  expect([status.status, status.stderr]).toEqual([2, expect.stringContaining("SERVICE_MANAGER")]);
  const wrong = await musketeers(["service", "uninstall", "printer"], home).ended;
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("worker or hub")]);
});
