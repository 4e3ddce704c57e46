import { deepStrictEqual } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "musketeers";
import { startCluster } from "../cluster.ts";
import { median, rounded } from "../stats.ts";
import { CORPUS_BYTES, writeCorpus } from "./corpus.ts";
import { byBytes, byLines } from "./programs.ts";
import { type Counts, twoProcesses, twoThreads } from "./references.ts";

const SEED = 1;
const MB = 1e6;

async function megabytesPerSecond(count: () => Promise<Counts>, expected: Counts | undefined) {
  const startedMs = performance.now();
  const counts = await count();
  const rate = CORPUS_BYTES / MB / ((performance.now() - startedMs) / 1000);
  if (expected !== undefined) deepStrictEqual(sortedEntries(counts), sortedEntries(expected));
  return { rate, counts };
}

const sortedEntries = (counts: Counts) => [...counts].sort(([a], [b]) => (a < b ? -1 : 1));

const onCluster = (cluster: Cluster, program: typeof byLines) => async (): Promise<Counts> => {
  const counts = await cluster.mapReduce(program, { input: cluster.dataset("corpus") });
  return (await counts.toMap()) as Counts;
};

/** wordcount: 268 MB that are put already, two one-slot workers, from submission to counts; references in between. */
export async function wordcount(runs: number): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-corpus-"));
  try {
    const files = await writeCorpus(directory, SEED);
    const bench = await startCluster(2);
    try {
      const { cluster } = bench;
      await cluster.put(directory, { name: "corpus" });
      const programs = {
        lines: onCluster(cluster, byLines),
        bareLines: () => twoProcesses(files),
        bytes: onCluster(cluster, byBytes),
        bareBytes: () => twoThreads(files),
      };
      const rates: Record<keyof typeof programs, number[]> = {
        lines: [],
        bareLines: [],
        bytes: [],
        bareBytes: [],
      };
      let expected: Counts | undefined;
      for (let run = 0; run <= runs; run++) {
        for (const name of Object.keys(programs) as (keyof typeof programs)[]) {
          const { rate, counts } = await megabytesPerSecond(programs[name], expected);
          expected ??= counts;
          if (run > 0) rates[name].push(rate);
        }
      }
      const ratio = (own: number[], bare: number[]) =>
        rounded(median(own.map((rate, at) => rate / bare[at]!)));
      return {
        linesMbPerSecond: rounded(median(rates.lines)),
        bareLinesMbPerSecond: rounded(median(rates.bareLines)),
        linesShare: ratio(rates.lines, rates.bareLines),
        bytesMbPerSecond: rounded(median(rates.bytes)),
        bareBytesMbPerSecond: rounded(median(rates.bareBytes)),
        bytesShare: ratio(rates.bytes, rates.bareBytes),
      };
    } finally {
      await bench.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  }
}
