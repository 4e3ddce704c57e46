import { spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  constants,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readChunks } from "../src/client/datasets/source-path.ts";
import { ChunkPool, FileBuilder, pageMemory } from "../src/data/index.ts";
import { embeddedEngine, type NamedBlock } from "../src/engine/index.ts";
import { startCluster } from "./cluster.ts";
import { median, rounded } from "./stats.ts";

/*
 * A large file to the hub and back, with the program as users run it. References, interleaved: reading it and
 * SHA-256 of it in one process; for storing also writing as many bytes, and nothing else.
 */

const MIB = 1024 * 1024;
const FILE_BYTES = Number(process.env.DATASETS_MIB ?? 2048) * MIB;
const READ_BYTES = 262_144;
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

function writeNoise(path: string, bytes: number): void {
  const file = openSync(path, "w");
  const part = Buffer.alloc(4 * MIB);
  for (let at = 0; at < bytes; at += part.length) writeSync(file, randomFillSync(part));
  // Else the system writes it to the disk while the first things are measured.
  fsyncSync(file);
  closeSync(file);
}

/** Reads a file and hashes it with Node's SHA-256. */
function hashMs(path: string): number {
  const startMs = performance.now();
  const file = openSync(path, "r");
  const hash = createHash("sha256");
  const part = Buffer.alloc(READ_BYTES);
  for (let got = readSync(file, part); got > 0; got = readSync(file, part))
    hash.update(part.subarray(0, got));
  hash.digest();
  closeSync(file);
  return performance.now() - startMs;
}

const WRITE_BYTES = 2 * MIB;

/** Writes as many bytes to a new file, past the system's cache where that can be: what the disk alone takes. */
function writeMs(path: string): number {
  const startMs = performance.now();
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DIRECT);
  const part = pageMemory(WRITE_BYTES);
  for (let at = 0; at < FILE_BYTES; at += WRITE_BYTES) writeSync(file, part);
  closeSync(file);
  const tookMs = performance.now() - startMs;
  rmSync(path);
  return tookMs;
}

/** Blocks that are given at once: as many as one write takes. */
const BATCH_BLOCKS = 8;
/** Batches that wait to be stored: two are written at once, two come behind. */
const STORING_MAX = 4;

/** Cuts a file into blocks, names them and stores them, in one process. */
async function storeMs(path: string, directory: string): Promise<number> {
  const engine = await embeddedEngine(directory, { durability: "default" });
  const startMs = performance.now();
  const pool = new ChunkPool(READ_BYTES, { shared: true, atPages: true });
  const storing = new Set<Promise<void>>();
  let batch: NamedBlock[] = [];
  const store = async (): Promise<void> => {
    const blocks = batch;
    batch = [];
    const stored: Promise<void> = engine.blobs.putBatch(blocks).then(() => {
      storing.delete(stored);
    });
    storing.add(stored);
    while (storing.size >= STORING_MAX) await Promise.race(storing);
  };
  const put = (cid: string, bytes: Uint8Array): undefined | Promise<void> => {
    batch.push({ cid, bytes, isVerified: true, release: () => pool.give(bytes) });
    return batch.length < BATCH_BLOCKS ? undefined : store();
  };
  const builder = new FileBuilder({ put });
  const reading = { chunkBytes: READ_BYTES, pool, namesOnly: false };
  for await (const part of readChunks(path, reading)) {
    await (part instanceof Uint8Array ? builder.write(part, { owned: true }) : builder.add(part));
  }
  await builder.end();
  await store();
  await Promise.all(storing);
  const tookMs = performance.now() - startMs;
  await engine.close();
  return tookMs;
}

const teller = `data:text/javascript,process.on("exit",()=>process.stderr.write("peak="+process.resourceUsage().maxRSS))`;

async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ ms: number; peakMB: number }> {
  const startMs = performance.now();
  const child = spawn(process.execPath, ["--import", teller, program, ...args], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (status !== 0) {
    const how = signal === null ? `with status ${status}` : `by ${signal}`;
    const seconds = ((performance.now() - startMs) / 1e3).toFixed(1);
    throw new Error(`${args[0]} was ended ${how} after ${seconds} s: ${told.trim() || "it said nothing"}`);
  }
  const peakMB = (Number(/peak=(\d+)$/.exec(told)?.[1]) * 1024) / 1e6;
  return { ms: performance.now() - startMs, peakMB };
}

export async function datasets(runs: number): Promise<Record<string, number>> {
  const home = mkdtempSync(join(tmpdir(), "musketeers-bench-"));
  const bench = await startCluster(0);
  try {
    const path = join(home, "large.bin");
    const figures: Record<string, number[]> = {};
    const add = (name: string, value: number): void => {
      figures[name] = [...(figures[name] ?? []), value];
    };
    for (let round = 0; round < Math.min(runs, 3); round++) {
      writeNoise(path, FILE_BYTES);
      hashMs(path);
      const hub = { ...process.env, MUSKETEERS_HUB: bench.submitInvite };
      const mbOf = (ms: number) => FILE_BYTES / 1e3 / ms;
      const reference = hashMs(path);
      add("readAndHashMBPerSecond", mbOf(reference));
      add("cidRatio", (await run(["cid", path], hub)).ms / reference);
      const nearby = hashMs(path);
      add("writeRatio", writeMs(join(home, "plain.bin")) / nearby);
      add("storeRatio", (await storeMs(path, join(home, "store"))) / nearby);
      rmSync(join(home, "store"), { recursive: true, force: true, maxRetries: 10 });
      const before = hashMs(path);
      const put = await run(["put", path, "--name", `large${round}`], hub);
      add("putMBPerSecond", mbOf(put.ms));
      add("putRatio", put.ms / before);
      add("putPeakMB", put.peakMB);
      const target = join(home, "got.bin");
      const get = await run(["get", `large${round}/large.bin`, target], hub);
      if (statSync(target).size !== FILE_BYTES) throw new Error("not all came");
      add("getMBPerSecond", mbOf(get.ms));
      add("getPeakMB", get.peakMB);
      rmSync(target);
    }
    const status = readFileSync(`/proc/${bench.hub.pid}/status`, "utf8");
    add("hubPeakMB", (Number(/VmHWM:\s+(\d+)/.exec(status)![1]) * 1024) / 1e6);
    return Object.fromEntries(
      Object.entries(figures).map(([name, values]) => [name, rounded(median(values))]),
    );
  } finally {
    await bench.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  }
}
