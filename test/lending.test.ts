import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { processorMsOf } from "../src/worker/governor/own-time.ts";
import { descendantsOf } from "./support/processes.ts";
import { environmentOf, makeHome, musketeers, Running } from "./support/program.ts";
import { spin } from "./support/tasks.ts";
import { testClient, testHub } from "./support/whole-cluster.ts";

/* Whoever lends a machine keeps it: real workers, real sandboxes, the system's own count of their time. */

const onLinux = process.platform === "linux";

/** Processor time of all processes below one so far. */
async function sandboxMs(worker: Running): Promise<number> {
  const pids = await descendantsOf(worker.child.pid!);
  const times = pids.map(async (pid) =>
    processorMsOf(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")),
  );
  return (await Promise.all(times)).reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
}

const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Processor time of the sandboxes over a while, which has to pass. */
async function usedMs(worker: Running, overMs: number): Promise<number> {
  const before = await sandboxMs(worker);
  await nap(overMs);
  return (await sandboxMs(worker)) - before;
}

async function busyWorker(...options: string[]) {
  const hub = await testHub();
  const cluster = await testClient(hub);
  const home = await makeHome();
  const worker = musketeers(
    ["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1", "--json", ...options],
    home,
  );
  await worker.until(/"joined"/);
  // `spin` loops for 1, and gives back what else it gets.
  const job = await cluster.submit(spin, [1], { timeout: "1h" });
  return { hub, cluster, home, worker, job };
}

/** Waits until its sandboxes have used that much more. */
async function untilBusy(worker: Running): Promise<void> {
  const before = await sandboxMs(worker);
  await expect.poll(() => sandboxMs(worker), { timeout: 30_000 }).toBeGreaterThan(before + 200);
}

const hasScript = existsSync("/usr/bin/script");

describe.skipIf(!onLinux)("a volunteer's machine", { timeout: 120_000 }, () => {
  test("governIntervalMs: is quiet within two seconds of `worker pause`, whatever runs, and goes on after `worker resume`", async () => {
    const { home, worker, job, cluster } = await busyWorker();
    await untilBusy(worker);
    const paused = await musketeers(["worker", "pause", "--json"], home).ended;
    expect(JSON.parse(paused.stdout)).toEqual({ paused: true, untilMs: null });
    const toldMs = performance.now();
    await worker.until(/"paused","reason":"you said so"/);
    // The worker looks every second; a machine that is busy with other tests may take longer over a look.
    expect(performance.now() - toldMs).toBeLessThan(20_000);
    expect(await usedMs(worker, 1_500)).toBeLessThan(50);
    expect((await cluster.workers())[0]).toMatchObject({ slots: 0 });
    const resumed = await musketeers(["worker", "resume"], home).ended;
    expect(resumed).toMatchObject({ status: 0, stdout: expect.stringContaining("Working") });
    await worker.until(/"resumed"/);
    await untilBusy(worker);
    // It went on where it stood: nothing was handed back, nothing timed out.
    expect(await job.status()).toMatchObject({ running: 1, done: 0 });
    await job.cancel();
  });

  test("pauseHoldMs: hands back what a long pause holds up, to others who may", async () => {
    const { home, worker, job, hub, cluster } = await busyWorker("--pause-hold", "100ms");
    await untilBusy(worker);
    await musketeers(["worker", "pause", "10m"], home).ended;
    await worker.until(/"paused"/);
    await expect.poll(async () => (await job.status()).running).toBe(0);
    expect(await sandboxMs(worker)).toBeLessThan(1_000_000);
    const heir = musketeers(
      ["join", "--accept", hub.invite({ role: "worker" }), "--slots", "1", "--name", "heir"],
      await makeHome(),
    );
    await expect.poll(async () => (await job.status()).running, { timeout: 30_000 }).toBe(1);
    expect((await cluster.workers()).find(({ name }) => name === "heir")).toMatchObject({ busySlots: 1 });
    await job.cancel();
    await heir.stop();
  });

  test("gives no more of its processor than `--cpu` says", async () => {
    const { worker, job } = await busyWorker("--cpu", "25%");
    await untilBusy(worker);
    const share = (await usedMs(worker, 4_000)) / 4_000;
    expect(share).toBeLessThan(0.45);
    await job.cancel();
  });

  test("does nothing outside of its hours", async () => {
    const hour = new Date().getHours();
    const other = (hour + 12) % 24;
    const { worker, job, cluster } = await busyWorker("--hours", `${other}-${other + 1}`);
    await worker.until(/"paused","reason":"it is not the time"/);
    expect((await cluster.workers())[0]).toMatchObject({ slots: 0, busySlots: 0 });
    expect(await job.status()).toMatchObject({ running: 0 });
    expect(await usedMs(worker, 500)).toBeLessThan(50);
    await job.cancel();
  });

  test.skipIf(!hasScript)("is left alone while one of its terminals was used lately", async () => {
    const hub = await testHub();
    const home = await makeHome();
    // `script` makes a terminal, which counts as used when it is opened.
    const user = new Running("/usr/bin/script", ["-qfc", "sleep 600", "/dev/null"], environmentOf(home));
    onTestFinished(async () => {
      await user.stop("SIGKILL");
    });
    const invite = hub.invite({ role: "worker" });
    const worker = musketeers(["join", "--accept", invite, "--json", "--when-idle", "1h"], home);
    await worker.until(/"paused","reason":"somebody uses it"/);
    await worker.stop();
  });
});
