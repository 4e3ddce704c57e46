import { deepStrictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { BlobHandle } from "musketeers";
import { startCluster } from "./cluster.ts";
import { rounded } from "./stats.ts";
import { readAll } from "./tasks.ts";

/*
 * sharing: many workers, which are near each other, read the same file at the same time. What the hub sends for
 * that, as a multiple of the file.
 */

const WORKERS = Number(process.env.SHARING_WORKERS ?? 20);
const BYTES = Number(process.env.SHARING_MB ?? 200) * 1_000_000;
const PIECE_BYTES = 1_000_000;

/** Bytes that nothing compresses and that are the same each time. */
async function* noise(bytes: number): AsyncGenerator<Uint8Array> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(PIECE_BYTES);
  for (let left = bytes; left > 0; left -= PIECE_BYTES) {
    yield cipher.update(left < PIECE_BYTES ? zeros.subarray(0, left) : zeros);
  }
}

export async function sharing(): Promise<Record<string, number>> {
  const bench = await startCluster(WORKERS, [], { neighbours: true });
  try {
    const { cluster } = bench;
    const file = await cluster.put(noise(BYTES));
    deepStrictEqual(file.size, BYTES);
    const sent = async () => (await cluster.call("status", {})).blobBytesSent;
    const before = await sent();
    const startedMs = performance.now();
    // All are idle, so each gets one.
    const read = await cluster.map(readAll, new Array<BlobHandle>(WORKERS).fill(file)).values().toArray();
    const elapsedS = (performance.now() - startedMs) / 1000;
    deepStrictEqual(read, new Array(WORKERS).fill(BYTES));
    const sentBytes = (await sent()) - before;
    const busy = (await cluster.workers()).filter(({ inputsDone }) => inputsDone > 0).length;
    return {
      workers: WORKERS,
      workersThatRead: busy,
      fileMb: BYTES / 1e6,
      hubSentMb: rounded(sentBytes / 1e6),
      timesTheFile: Math.round((1000 * sentBytes) / BYTES) / 1000,
      seconds: rounded(elapsedS),
      mbPerSecondTogether: rounded((BYTES * WORKERS) / 1e6 / elapsedS),
    };
  } finally {
    await bench.close();
  }
}
