import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MortalHub } from "./support/mortal-hub.ts";
import { SmallDisk } from "./support/small-disk.ts";
import { double, same } from "./support/tasks.ts";
import { temporaryDirectory } from "./support/whole-cluster.ts";

/* A hub in a process of its own whose disk fills up, and has space again. */

const TIMEOUT_MS = 120_000;
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const isFull = /cannot be written.*: ENOSPC.*\(for \d+ s\)/;

test(
  "a full disk stops acknowledging, says so, and nothing is lost when there is space",
  async (context) => {
    const disk = await SmallDisk.mount(context, 24);
    const hub = await MortalHub.start({}, join(disk.path, "data"));
    await hub.worker();
    const cluster = await hub.client();
    const looker = await hub.client();
    expect((await looker.call("status", {})).warnings).toEqual([]);

    const results: (number | undefined)[] = [];
    let inputsGiven = 0;
    async function* inputs() {
      for (; inputsGiven < 20_000; inputsGiven++) {
        if (inputsGiven === 2_000) await disk.fill();
        yield inputsGiven;
      }
    }
    const mapping = (async () => {
      for await (const { index, value } of cluster.map(double, inputs())) results[index] = value;
    })();
    const warnings = async () => (await looker.call("status", {})).warnings.join("\n");
    await expect.poll(warnings).toMatch(isFull);
    const seen = results.length;

    // What is submitted meanwhile waits, and is not refused.
    let isAnswered = false;
    const late = cluster.run(same, "late").then((value) => {
      isAnswered = true;
      return value;
    });
    // It says so for longer than a moment, and the process lives.
    await expect.poll(warnings).toMatch(/\(for [2-9] s\)/);
    expect(isAnswered).toBe(false);
    expect(results.length).toBe(seen);

    await disk.free();
    await mapping;
    expect(await late).toBe("late");
    expect(results).toEqual(Array.from({ length: 20_000 }, (_, n) => n * 2));
    expect((await looker.call("status", {})).warnings).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "a hub that is killed on a full disk starts there, and has everything that it acknowledged",
  async (context) => {
    const disk = await SmallDisk.mount(context, 24);
    const hub = await MortalHub.start({ adoptionWindowMs: 200 }, join(disk.path, "data"));
    await hub.worker();
    const cluster = await hub.client();
    const job = await cluster.submit(double, upTo(2_000));
    await expect.poll(async () => (await job.status()).done).toBe(2_000);
    await disk.fill();
    await hub.kill();
    await hub.revive();
    const looker = await hub.client();
    expect(await looker.job(job.id).status()).toMatchObject({ state: "done", done: 2_000 });
    // What little room there is in the last block of a file is used up by so many.
    const late = looker.submit(double, upTo(20_000));
    const warnings = async () => (await looker.call("status", {})).warnings.join("\n");
    await expect.poll(warnings).toMatch(isFull);
    await disk.free();
    expect(await (await late).wait()).toMatchObject({ state: "done", done: 20_000, failed: 0 });
  },
  TIMEOUT_MS,
);

test(
  "values too large for a message wait for space too, on their way in and out",
  async (context) => {
    const disk = await SmallDisk.mount(context, 24);
    const hub = await MortalHub.start({}, join(disk.path, "data"));
    await hub.worker();
    const cluster = await hub.client();
    const looker = await hub.client();
    const large = "x".repeat(300_000);
    expect(await cluster.run(same, large)).toBe(large);
    await disk.fill();
    const other = "y".repeat(300_000);
    const running = cluster.run(same, other);
    const warnings = async () => (await looker.call("status", {})).warnings.join("\n");
    await expect.poll(warnings).toMatch(/A blob cannot be stored: ENOSPC/);
    await expect.poll(warnings).toMatch(/\(for [2-9] s\)/);
    await disk.free();
    expect(await running).toBe(other);
  },
  TIMEOUT_MS,
);

/** Makes files refuse writes, also those that are open, as a disk does that the system has set to read-only. */
function setReadOnly(paths: readonly string[], isReadOnly: boolean): string | undefined {
  const { status, stderr, error } = spawnSync("chattr", [isReadOnly ? "+i" : "-i", ...paths]);
  return status === 0 ? undefined : (error?.message ?? String(stderr).trim());
}

test(
  "a read-only disk stops acknowledging, says so, and nothing is lost when it can be written again",
  async (context) => {
    const data = join(await temporaryDirectory(), "data");
    const hub = await MortalHub.start({}, data);
    await hub.worker();
    const cluster = await hub.client();
    const looker = await hub.client();
    expect(await cluster.run(double, 1)).toBe(2);
    const journal = join(data, "journal");
    const files = [...(await readdir(journal)).map((name) => join(journal, name)), journal];
    const refusal = setReadOnly(files, true);
    if (refusal !== undefined) context.skip(`files cannot be made immutable here: ${refusal}`);
    try {
      const running = cluster.run(double, 2);
      const warnings = async () => (await looker.call("status", {})).warnings.join("\n");
      await expect.poll(warnings).toMatch(/cannot be written.*EPERM.*\(for [1-9] s\)/);
      expect(setReadOnly(files, false)).toBeUndefined();
      expect(await running).toBe(4);
      // Syncing is tried again a little later than writing.
      await expect.poll(warnings).toBe("");
    } finally {
      setReadOnly(files, false);
    }
  },
  TIMEOUT_MS,
);
