/*
 * What the embedded journal costs, and why it writes as it does: `npx tsx benchmarks/journal.bench.ts`.
 * Times are microseconds, as median and 99th percentile.
 */
import { closeSync, openSync, write, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Durability, type EmbeddedEngine, embeddedEngine } from "../src/engine/index.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const writeAsync = promisify(write);

function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)]! * 1000).toFixed(1);
  return `${at(0.5)} / ${at(0.99)}`;
}

async function timesOf(count: number, run: (index: number) => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    await run(index);
    times.push(performance.now() - start);
  }
  return times;
}

/** One write into the page cache: at once, and over a thread. */
async function compareWrites(directory: string): Promise<void> {
  const rows: Record<string, { atOnce: string; overThread: string }> = {};
  for (const bytes of [200, 4 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB]) {
    const fd = openSync(join(directory, "writes"), "w");
    const buffer = new Uint8Array(bytes).fill(7);
    const count = Math.min(5000, Math.floor((128 * MiB) / bytes));
    const offset = (index: number) => (index * bytes) % (32 * MiB);
    const atOnce = await timesOf(count, (index) => writeSync(fd, buffer, 0, bytes, offset(index)));
    const overThread = await timesOf(count, (index) => writeAsync(fd, buffer, 0, bytes, offset(index)));
    closeSync(fd);
    rows[`${bytes} bytes`] = { atOnce: spread(atOnce), overThread: spread(overThread) };
  }
  console.table(rows);
}

async function appendThroughput(engine: EmbeddedEngine, bytes: number): Promise<number> {
  const record = new Uint8Array(bytes).fill(5);
  const batch = Array.from({ length: 16 }, () => record);
  const rounds = Math.max(1, Math.floor((256 * MiB) / (bytes * batch.length * 8)));
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 8 }, () => engine.journal.append(batch)));
  }
  return (rounds * 8 * batch.length * bytes) / MiB / ((performance.now() - start) / 1000);
}

async function measure(directory: string, durability: Durability): Promise<void> {
  const data = join(directory, durability);
  let engine = await embeddedEngine(data, { durability });
  const small = new Uint8Array(200).fill(3);
  const last: number[] = [];
  const appends = await timesOf(5000, async () => {
    last[0] = (await engine.journal.append([small]))[0]!;
  });
  const gets = await timesOf(5000, () => engine.journal.get(last[0]!));
  const rows: Record<string, string> = { "append 200 bytes": spread(appends), "get 200 bytes": spread(gets) };
  for (const bytes of [KiB, 16 * KiB, 256 * KiB]) {
    rows[`append ${bytes} bytes, MiB/s`] = (await appendThroughput(engine, bytes)).toFixed(0);
  }
  const start = performance.now();
  let read = 0;
  for await (const { record } of engine.journal.read()) read += record.length;
  rows["read all, MiB/s"] = (read / MiB / ((performance.now() - start) / 1000)).toFixed(0);
  await engine.close();
  const opening = performance.now();
  engine = await embeddedEngine(data, { durability });
  rows["open, ms"] = (performance.now() - opening).toFixed(1);
  await engine.close();
  console.log(`durability ${durability}`);
  console.table(rows);
}

const directory = await mkdtemp(join(tmpdir(), "musketeers-bench-"));
try {
  await compareWrites(directory);
  await measure(directory, "default");
  await measure(directory, "strict");
} finally {
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
}
