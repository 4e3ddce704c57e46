import { expect, test } from "vitest";
import type { Job } from "../../src/client/index.ts";
import { encodeValue } from "../../src/protocol/index.ts";
import { testClient, testCluster, testHub, testWorker } from "../support/whole-cluster.ts";
import { sha256 } from "./node-tasks.ts";
import { openTab } from "./tab.ts";
import { addInWasm, engine, failing, mix, spin } from "./tab-tasks.ts";
import { describeInBrowser } from "./with-browser.ts";

/* Browser tabs that work, on a real hub, alone and beside native workers. */

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

/** Results in the order of their inputs. */
async function valuesOf(job: Job<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { index, value, error } of job.results()) values[index] = error ?? value;
  return values;
}

describeInBrowser("tabs", (browser) => {
  test("one job runs across native workers and two tabs, and all give equal bytes", async () => {
    const { hub, cluster } = await testCluster([{}]);
    const tabs = await Promise.all([openTab(browser(), hub), openTab(browser(), hub)]);
    for (const tab of tabs) await tab.until("state.phase === 'waiting'");
    const inputs = numbers(600);
    const alike = encodeValue(inputs.map((n) => mix(n)));
    for (const needs of [{}, { platform: "browser" }, { platform: process.platform }]) {
      const values = await valuesOf(await cluster.submit(mix, inputs, { needs, retries: 0 }));
      expect(Buffer.compare(encodeValue(values), alike), JSON.stringify(needs)).toBe(0);
    }
    // Whoever is slow to start may find that others were faster.
    const haveAllTakenPart = async () => {
      const job = await cluster.submit(engine, inputs.slice(0, 30).fill(50));
      const engines = new Set(await valuesOf(job));
      const states = await Promise.all(tabs.map((tab) => tab.state()));
      return engines.has("browser") && engines.has("deno") && states.every(({ done }) => done.inputs > 0);
    };
    await expect.poll(haveAllTakenPart, { timeout: 120_000 }).toBe(true);
    for (const tab of tabs) {
      const { jobs } = await tab.until("state.phase === 'waiting' && state.jobs.length > 0");
      for (const { task } of jobs) expect(["engine", "mix"]).toContain(task);
      expect(tab.complaints).toEqual([]);
    }
  });

  test("what a tab lacks and has: errors with their place, WebAssembly, a task that never yields", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    await openTab(browser(), hub, { slots: 2 });
    const outcomes = new Map<unknown, unknown>();
    for await (const { input, value, error } of cluster.map(failing, [1, 2, 3]))
      outcomes.set(input, error ?? value);
    expect(outcomes.get(3)).toBe(3);
    expect(outcomes.get(2)).toMatchObject({ name: "RangeError", message: "no 2 here" });
    expect((outcomes.get(2) as Error).stack).toMatch(/tab-tasks\.ts:\d+/);
    expect(await cluster.run(addInWasm, [2, 40])).toBe(42);
    const spun = await valuesOf(await cluster.submit(spin, numbers(6)));
    expect(spun.map((value) => (value instanceof Error ? value.name : value))).toEqual([
      0,
      1,
      2,
      "TimeoutError",
      4,
      5,
    ]);
  });

  test("a task that imports Node's modules is left to workers that have them", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const tab = await openTab(browser(), hub);
    const job = await cluster.submit(sha256, ["a", "b", "c"]);
    await expect.poll(async () => (await job.status()).waiting).toMatch(/refused/);
    await testWorker(hub);
    expect(await valuesOf(job)).toEqual(["a", "b", "c"].map((text) => sha256(text)));
    expect((await tab.state()).done.inputs).toBe(0);
  });

  test("closing a tab in the midst of its units loses nothing", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const tab = await openTab(browser(), hub);
    const job = await cluster.submit(engine, new Array<number>(12).fill(150));
    await expect.poll(async () => (await job.status()).done).toBeGreaterThan(0);
    await tab.until("state.running.length > 0");
    await tab.page.close();
    await testWorker(hub);
    const engines = await valuesOf(job);
    expect(new Set(engines)).toEqual(new Set(["browser", "deno"]));
    expect(engines).toHaveLength(12);
  });

  test("pausing hands back what runs, slots are lent and taken back, leaving is clean", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const tab = await openTab(browser(), hub);
    const job = await cluster.submit(engine, new Array<number>(80).fill(100));
    const most = Math.min(2, (await tab.run("navigator.hardwareConcurrency")) as number);
    await tab.until("state.phase === 'working'");
    await tab.run("tab.pause()");
    const paused = await tab.until("state.phase === 'paused' && state.running.length === 0");
    expect(paused.why).toMatch(/Paused/);
    expect((await job.status()).state).toBe("running");
    await tab.run("tab.setSlots(2)");
    await tab.run("tab.resume()");
    await tab.until(`state.running.length === ${most}`);
    expect(await valuesOf(job)).toEqual(new Array<string>(80).fill("browser"));
    await tab.run("tab.leave()");
    expect(await tab.state()).toMatchObject({ phase: "left", running: [], slots: most });
    await expect.poll(async () => (await cluster.workers()).length).toBe(0);
    expect(await tab.page.locator("iframe").count()).toBe(0);
  });

  test("an invite that does not serve is refused with its reason", async () => {
    const hub = await testHub();
    const viewer = await openTab(browser(), hub, { invite: hub.invite({ role: "viewer" }) });
    expect((await viewer.until("state.phase === 'refused'")).error).toMatchObject({ code: "FORBIDDEN" });
    const broken = await openTab(browser(), hub, { invite: "http://nowhere/join#x" });
    expect((await broken.until("state.phase === 'refused'")).error).toMatchObject({
      code: "INVITE_MALFORMED",
    });
  });
});
