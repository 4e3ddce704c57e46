import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkData, repairHubData } from "../src/hub/index.ts";
import { double } from "./support/tasks.ts";
import {
  busyRetention,
  temporaryDirectory,
  testClient,
  testHub,
  testWorker,
} from "./support/whole-cluster.ts";

/*
 * A journal with checkpoints and copies of what was moved, damaged at many places: repaired, a hub starts on it,
 * knows no wrong result, and finishes what it knows of.
 */

const limits = { ...busyRetention, segmentBytesTarget: 8 * 1024, adoptionWindowMs: 50 };
const PLACES = 12;

/** Some jobs that are done, and one of whose inputs some are. */
async function makeDirectory(): Promise<string> {
  const data = join(await temporaryDirectory(), "data");
  const hub = await testHub({ data, limits });
  const worker = await testWorker(hub);
  const cluster = await testClient(hub);
  for (let round = 0; round < 12; round++) {
    const job = await cluster.submit(
      double,
      Array.from({ length: 300 }, (_, n) => n),
    );
    await job.wait();
  }
  await worker.stop();
  await cluster.submit(double, [1, 2, 3]);
  await cluster.close();
  await hub.close();
  return data;
}

test("a repaired journal starts, wherever it was damaged", async () => {
  const data = await makeDirectory();
  const names = (await readdir(join(data, "journal"))).filter((name) => name.endsWith(".log")).sort();
  expect(names.length).toBeGreaterThan(2);
  let lost = 0;
  let kept = 0;
  for (let place = 0; place < PLACES; place++) {
    const copy = join(await temporaryDirectory(), "data");
    await cp(data, copy, { recursive: true });
    const path = join(copy, "journal", names[Math.floor((place * names.length) / PLACES)]!);
    const bytes = await readFile(path);
    bytes[Math.floor(((place % 4) + 0.5) * (bytes.length / 4))]! ^= 16;
    await writeFile(path, bytes);

    expect((await checkData(copy)).state).toBe("damaged");
    const report = await repairHubData(copy, join(copy, "damaged"));
    expect((await checkData(copy)).state).toBe("sound");
    if (report.checkpointLost) lost++;

    const hub = await testHub({ data: copy, limits });
    await testWorker(hub);
    const cluster = await testClient(hub);
    for (const { job } of await cluster.call("jobs", { limit: 100 })) {
      const seen = new Set<number>();
      const handle = cluster.job<typeof double>(job);
      // What was sealed ends; what was not was still being submitted, and waits for its client.
      const status = await handle.status();
      if (!status.sealed) continue;
      expect(await handle.wait()).toMatchObject({ state: "done", failed: 0 });
      for await (const { index, value } of handle.results()) {
        expect(seen.has(index)).toBe(false);
        seen.add(index);
        expect(value).toBe(status.size === 3 ? (index + 1) * 2 : index * 2);
      }
      expect(seen.size).toBe(status.size);
      kept++;
    }
    expect(await cluster.run(double, 21)).toBe(42);
    await cluster.close();
    await hub.close();
  }
  expect(lost).toBeGreaterThan(0);
  expect(kept).toBeGreaterThan(0);
}, 120_000);

test("of a running hub costs those who read what is damaged, and nobody else", async () => {
  const data = await temporaryDirectory();
  const faults: unknown[] = [];
  const hub = await testHub({
    data,
    onFault: (error) => faults.push(error),
    limits: { blockCacheBytesMax: 0, checkpointRecordsMin: 1e9, compactionBytesMin: 1e9 },
  });
  await testWorker(hub);
  const cluster = await testClient(hub);
  const inputs = Array.from({ length: 3_000 }, (_, n) => n);
  const job = await cluster.submit(double, inputs);
  await job.wait();
  const [name] = (await readdir(join(data, "journal"))).filter((each) => each.endsWith(".log"));
  const path = join(data, "journal", name!);
  const whole = await readFile(path);
  const bytes = Buffer.from(whole);
  bytes.fill(0xff, Math.floor(bytes.length * 0.6), Math.floor(bytes.length * 0.9));
  await writeFile(path, bytes);
  const read = async () => {
    let count = 0;
    for await (const { value } of job.results()) if (value !== undefined) count++;
    return count;
  };
  await expect(read()).rejects.toMatchObject({
    code: "JOURNAL_CORRUPT",
    message: expect.stringContaining(name!),
  });
  expect(await cluster.run(double, 21)).toBe(42);
  expect((await cluster.call("status", {})).warnings.join("\n")).toMatch(
    /journal is damaged.*\.log, offset \d+/,
  );
  expect(faults).toEqual([]);
});
