import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { descendantsOf, isAlive } from "./support/processes.ts";
import {
  environmentOf,
  makeHome,
  musketeers,
  program,
  Running,
  scratchOf,
  startUp,
} from "./support/program.ts";
import { nap, visit } from "./support/tasks.ts";
import { testClient, testHub, testSite } from "./support/whole-cluster.ts";

/* Whoever leaves delivers what is done, hands back the rest, and leaves nothing behind. */

const onLinux = process.platform === "linux";

/** Nothing of a program is left: none of the processes that it had, and no file in its temporary directory. */
async function expectNothingLeft(home: string, processes: readonly number[]): Promise<void> {
  await expect.poll(() => processes.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  await expect.poll(() => readdir(scratchOf(home))).toEqual([]);
}

async function startWorker(invite: string, ...options: string[]): Promise<{ home: string; worker: Running }> {
  const home = await makeHome();
  const worker = musketeers(["join", "--accept", invite, "--slots", "1", ...options], home);
  await worker.until(/Joined/);
  return { home, worker };
}

describe("a worker that is told to leave", () => {
  test("finishes what runs, where its grace allows that", async () => {
    const site = await testSite();
    const hub = await testHub();
    const cluster = await testClient(hub);
    const options = ["--name", "first", "--grace", "1m", "--allow-net", site.host];
    const { home, worker } = await startWorker(hub.invite({ role: "worker" }), ...options);
    const inputs = ["a", "b"].map((name) => ({ url: `${site.url}/${name}`, ms: 1_000 }));
    const job = await cluster.submit(visit, inputs, { net: [site.host] });
    await site.reached(1);
    const processes = await descendantsOf(worker.child.pid!);
    expect(await worker.stop("SIGTERM")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("1 input done"),
    });
    expect(await job.status()).toMatchObject({ done: 1, failed: 0, perWorker: { first: 1 } });
    await expectNothingLeft(home, processes);
    const heir = await startWorker(hub.invite({ role: "worker" }), "--allow-net", site.host);
    await job.wait();
    // What was done is not done again.
    expect(site.asked).toEqual(["/a", "/b"]);
    await heir.worker.stop();
  });

  test("hands back what takes longer, with what is done of it", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const { home, worker } = await startWorker(hub.invite({ role: "worker" }), "--grace", "50ms");
    const job = await cluster.submit(nap, [...Array.from({ length: 50 }, () => 1), 3_600_000, 2]);
    await expect.poll(async () => (await job.status()).done, { timeout: 10_000 }).toBeGreaterThanOrEqual(50);
    const processes = await descendantsOf(worker.child.pid!);
    expect((await worker.stop("SIGTERM")).status).toBe(0);
    const status = await job.status();
    expect(status).toMatchObject({ state: "running", failed: 0, running: 0 });
    expect(status.done).toBeGreaterThanOrEqual(50);
    await expectNothingLeft(home, processes);
  });

  test("leaves at once when it is told twice", async () => {
    const site = await testSite();
    const hub = await testHub();
    const cluster = await testClient(hub);
    const options = ["--grace", "1h", "--allow-net", site.host];
    const { home, worker } = await startWorker(hub.invite({ role: "worker" }), ...options);
    const job = await cluster.submit(visit, [{ url: site.url, ms: 3_600_000 }], { net: [site.host] });
    await site.reached(1);
    const processes = await descendantsOf(worker.child.pid!);
    if (onLinux) expect(processes.length).toBeGreaterThan(0);
    worker.child.kill("SIGTERM");
    await expect.poll(async () => (await cluster.workers())[0]?.slots).toBe(0);
    expect((await worker.stop("SIGTERM")).status).toBe(143);
    await expectNothingLeft(home, processes);
    await expect.poll(async () => (await job.status()).running).toBe(0);
    await job.cancel();
  });

  test("that was killed has its temporary files removed by the next one", async () => {
    const hub = await testHub();
    const { home, worker } = await startWorker(hub.invite({ role: "worker" }));
    await worker.stop("SIGKILL");
    expect(await readdir(scratchOf(home))).toHaveLength(1);
    const next = musketeers(["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1"], home);
    await next.until(/Joined/);
    expect(await readdir(scratchOf(home))).toHaveLength(1);
    expect((await next.stop()).status).toBe(0);
    expect(await readdir(scratchOf(home))).toEqual([]);
  });
});

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

const waits = `
import { task } from "musketeers";
export const wait = task(async (ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
});
`;

describe("a hub that is told to stop", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "by %s leaves no process, file or port behind",
    async (signal) => {
      const home = await makeHome();
      const file = join(home, "wait.ts");
      await writeFile(file, waits);
      const { up, line } = await startUp(home);
      const run = musketeers(["run", file, "--values"], home, "1\n3600000\n");
      await run.until(/^1$/m);
      const processes = await descendantsOf(up.child.pid!);
      expect((await up.stop(signal)).status).toBe(0);
      await run.stop("SIGINT");
      await expectNothingLeft(home, processes);
      expect(await isFree(Number(new URL(line.url).port))).toBe(true);
    },
  );

  test("tells everyone; with the next hub all goes on, and nothing is lost", async () => {
    const home = await makeHome();
    const file = join(home, "wait.ts");
    await writeFile(file, waits);
    const first = await startUp(home, ["--workers", "0"]);
    const { worker } = await startWorker(first.line.joinInvite, "--grace", "0s");
    const input = `${Array.from({ length: 400 }, (_, n) => n % 9).join("\n")}\n`;
    const run = musketeers(["run", file, "--values", "--ordered"], home, input);
    await run.until(/^8$/m);
    expect((await first.up.stop("SIGTERM")).status).toBe(0);
    await worker.until(/Connection lost: .*stopping/i);
    const { host } = new URL(first.line.url);
    await startUp(home, ["--workers", "0", "--listen", host]);
    await worker.until(/Connected again/);
    expect(await run.ended).toMatchObject({ status: 0, stdout: input });
    expect((await worker.stop()).status).toBe(0);
  });

  test("in the middle of the demo by kill -9 has its files removed by the next one", async () => {
    const home = await makeHome();
    const demo = musketeers(["demo", "--text", "LICENSE"], home);
    await demo.until(/Four musketeers have joined/);
    await demo.stop("SIGKILL");
    expect(await readdir(scratchOf(home))).toContainEqual(expect.stringMatching(/^musketeers-demo-/));
    const hub = await testHub();
    const next = musketeers(["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1"], home);
    await next.until(/Joined/);
    expect((await next.stop()).status).toBe(0);
    await expect.poll(() => readdir(scratchOf(home))).toEqual([]);
  });

  test("in the middle of the demo leaves no process and no file behind", async () => {
    const home = await makeHome();
    const demo = musketeers(["demo", "--text", "LICENSE"], home);
    await demo.until(/Four musketeers have joined/);
    const processes = await descendantsOf(demo.child.pid!);
    if (onLinux) expect(processes.length).toBeGreaterThanOrEqual(4);
    expect((await demo.stop("SIGINT")).status).toBe(130);
    await expectNothingLeft(home, processes);
  });
});

describe("a program that is stopped while it loads a file that never ends", () => {
  test.each([1, 2])("by Ctrl-C, %i times, leaves no process and no file behind", async (times) => {
    const home = await makeHome();
    const file = join(home, "endless.ts");
    const pid = join(home, "pid");
    await writeFile(
      file,
      `import { writeFileSync } from "node:fs";
       writeFileSync(${JSON.stringify(pid)}, String(process.pid));
       export const never = () => 1;
       for (;;);`,
    );
    const run = musketeers(["run", file], home, "1\n");
    await expect.poll(() => readFile(pid, "utf8").catch(() => "")).not.toBe("");
    const processes = [Number(await readFile(pid, "utf8"))];
    for (let time = 1; time < times; time++) run.child.kill("SIGINT");
    expect(await run.stop("SIGINT")).toMatchObject({ status: 130, stderr: "" });
    await expectNothingLeft(home, processes);
  });
});

// `script` gives a program a terminal of its own, which is gone when that is killed.
describe.skipIf(!onLinux || !existsSync("/usr/bin/script"))("a terminal that is closed", () => {
  // `bash` becomes the worker, `sh` waits for it: then all that the terminal started is told, sandboxes among them.
  test.each(["bash", "sh"].filter((shell) => existsSync(`/bin/${shell}`)))(
    "under %s lets a worker finish what runs, and leave nothing behind",
    async (shell) => {
      const site = await testSite();
      const hub = await testHub();
      const cluster = await testClient(hub);
      const home = await makeHome();
      const words = [
        process.execPath,
        program,
        "join",
        "--accept",
        hub.invite({ role: "worker" }),
        "--slots",
        "1",
      ];
      const line = [...words, "--grace", "1m", "--allow-net", site.host].map((word) => `'${word}'`).join(" ");
      const terminal = new Running("/usr/bin/script", ["-qfc", line, "/dev/null"], {
        ...environmentOf(home),
        SHELL: `/bin/${shell}`,
      });
      await terminal.until(/Joined/);
      const job = await cluster.submit(visit, [{ url: site.url, ms: 1_000 }], { net: [site.host] });
      await site.reached(1);
      const processes = await descendantsOf(terminal.child.pid!);
      expect(processes.length).toBeGreaterThan(1);
      await terminal.stop("SIGKILL");
      expect(await job.wait()).toMatchObject({ done: 1, failed: 0 });
      await expectNothingLeft(home, processes);
      expect(site.asked).toEqual(["/"]);
    },
  );
});
