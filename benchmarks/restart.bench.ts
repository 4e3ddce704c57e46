/*
 * How long a hub takes to start from a journal of ten million results:
 * `npx tsx benchmarks/restart.bench.ts [results]`. Results stand in it as fast tasks leave them (thousands a
 * record) and as slow ones do (one a record), and are read from the beginning and from a checkpoint.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedEngine } from "../src/engine/index.ts";
import { startHub } from "../src/hub/index.ts";
import { encodeLedgerRecord } from "../src/hub/journal/ledger-record.ts";
import { type JobSpec, packRecords } from "../src/protocol/index.ts";

const RESULTS = Number(process.argv[2] ?? 10_000_000);
const MiB = 1024 * 1024;
const BATCH = 1_000;
const INPUTS_PER_RECORD = 10_000;

const spec: JobSpec = {
  job: "job",
  title: "restart",
  task: { bundle: "b", entry: "export:f", title: "f", timeoutMs: 1_000, memoryBytes: 1, net: [] },
  options: { retries: 0, backoffMs: 0, maxAttempts: 3, priority: 0, needs: {}, attached: false },
};

/** Writes a running job of which all but the last inputs are done. */
async function writeJournal(data: string, perRecord: number): Promise<number> {
  const engine = await embeddedEngine(data);
  const { journal } = engine;
  await journal.append([encodeLedgerRecord({ type: "submitted", spec, atMs: Date.now() })]);
  const value = new Uint8Array(8).fill(1);
  const inputs = packRecords(Array.from({ length: INPUTS_PER_RECORD }, () => value));
  for (let from = 0; from <= RESULTS; from += INPUTS_PER_RECORD) {
    const header = { type: "inputs", job: "job", from, count: INPUTS_PER_RECORD } as const;
    await journal.append([encodeLedgerRecord(header, inputs)]);
  }
  const results = packRecords(Array.from({ length: perRecord }, () => value));
  let batch: Uint8Array[] = [];
  for (let from = 0; from < RESULTS; from += perRecord) {
    const rest = { worker: `worker${from % 1_000}`, failures: [], retries: [] };
    const header = { type: "results", job: "job", ranges: [[from, from + perRecord]], ...rest } as const;
    batch.push(encodeLedgerRecord(header, results));
    if (batch.length < BATCH) continue;
    await journal.append(batch);
    batch = [];
  }
  await journal.append(batch);
  const { bytes } = journal.stats();
  await engine.close();
  return bytes;
}

async function start(data: string, checkpoint: boolean): Promise<{ seconds: number; memoryMb: number }> {
  globalThis.gc?.();
  const beforeMs = performance.now();
  const limits = { checkpointRecordsMin: Number.MAX_SAFE_INTEGER };
  const hub = await startHub({ data, listen: "127.0.0.1:0", limits });
  const seconds = (performance.now() - beforeMs) / 1_000;
  globalThis.gc?.();
  const memoryMb = process.memoryUsage.rss() / MiB;
  if (checkpoint) await hub.coordinator.retention.checkpoint();
  await hub.close();
  return { seconds, memoryMb };
}

const rows: Record<string, object> = {};
for (const perRecord of [10_000, 1]) {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-bench-"));
  try {
    const bytes = await writeJournal(directory, perRecord);
    const whole = await start(directory, true);
    const checkpointed = await start(directory, false);
    rows[`${perRecord} results a record`] = {
      "journal, MB": Math.round(bytes / MiB),
      "from the beginning, s": whole.seconds.toFixed(2),
      "from a checkpoint, s": checkpointed.seconds.toFixed(2),
      "memory, MB": Math.round(checkpointed.memoryMb),
    };
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  }
}
console.table(rows);
