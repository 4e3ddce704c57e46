import { deepStrictEqual } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type BenchCluster, descendants, residentBytes, startCluster } from "./cluster.ts";
import { datasets } from "./datasets.ts";
import { files } from "./files.ts";
import { hundredMillion } from "./hundred-million.ts";
import { sharing } from "./sharing.ts";
import { median, quantile, rounded } from "./stats.ts";
import { bytesOf, echo, fetchTable, nap, noop, sha, shaChain } from "./tasks.ts";
import { wordcount } from "./wordcount/row.ts";

/*
 * The rows of the comparison: what is measured, and its result checked. Client, hub and two one-slot
 * workers are processes of their own, tasks are sandboxed, the journal is on disk.
 */

export type Row = (runs: number) => Promise<Record<string, number>>;

async function withCluster<T>(
  workers: number,
  measure: (bench: BenchCluster) => Promise<T>,
  allowNet: readonly string[] = [],
): Promise<T> {
  const bench = await startCluster(workers, allowNet);
  try {
    return await measure(bench);
  } finally {
    await bench.close();
  }
}

const seconds = (sinceMs: number) => (performance.now() - sinceMs) / 1000;

const NOOPS = 500_000;

/** a: no-op tasks, all results back at the client. */
const noops: Row = (runs) =>
  withCluster(2, async ({ cluster }) => {
    const rates: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const seen = new Uint8Array(NOOPS);
      const startedMs = performance.now();
      const inputs = (function* () {
        for (let index = 0; index < NOOPS; index++) yield index;
      })();
      let count = 0;
      for await (const result of cluster.map(noop, inputs)) {
        if (!result.ok || result.value !== result.input) throw new Error("a wrong result");
        seen[result.value]!++;
        count++;
      }
      const elapsedS = seconds(startedMs);
      deepStrictEqual(count, NOOPS);
      if (seen.some((times) => times !== 1)) throw new Error("an input without exactly one result");
      if (run > 0) rates.push(NOOPS / elapsedS);
    }
    return {
      tasksPerSecond: rounded(median(rates)),
      min: rounded(Math.min(...rates)),
      max: rounded(Math.max(...rates)),
    };
  });

const CALLS = 500;

/** b: one no-op at a time, from the call to its value. */
const latency: Row = (runs) =>
  withCluster(2, async ({ cluster }) => {
    const p50: number[] = [];
    const p99: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const tookMs: number[] = [];
      for (let call = 0; call < CALLS; call++) {
        const startedMs = performance.now();
        deepStrictEqual(await cluster.run(noop, call), call);
        tookMs.push(performance.now() - startedMs);
      }
      if (run === 0) continue;
      p50.push(quantile(tookMs, 0.5));
      p99.push(quantile(tookMs, 0.99));
    }
    return { p50Ms: rounded(median(p50)), p99Ms: rounded(median(p99)) };
  });

const PAGE_DELAY_MS = 100;

/** c: 30 pages that take 100 ms each, four workers. */
const crawl: Row = async (runs) => {
  const server = createServer((request, response) => {
    const id = request.url!.split("/").at(-1);
    const rows = Array.from(
      { length: 10 },
      (_, row) => `<tr><td>item-${id}-${row}</td><td>${row * 7}</td></tr>`,
    );
    const table = `<table><tr><th>name</th><th>value</th></tr>${rows.join("")}</table>`;
    setTimeout(() => response.setHeader("content-type", "text/html").end(table), PAGE_DELAY_MS);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    return await withCluster(
      4,
      async ({ cluster }) => {
        const tookS: number[] = [];
        const urls = Array.from({ length: 30 }, (_, id) => `http://${address}/page/${id}`);
        for (let run = 0; run <= runs; run++) {
          const startedMs = performance.now();
          const results = await cluster
            .map(fetchTable, urls, { net: [address], ordered: true })
            .values()
            .toArray();
          const elapsedS = seconds(startedMs);
          deepStrictEqual(results[3]?.[0], ["item-3-0", "0"]);
          deepStrictEqual(results.length, 30);
          if (run > 0) tookS.push(elapsedS);
        }
        return { seconds: rounded(median(tookS)) };
      },
      [address],
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

const SHA_TASKS = 200;
const SHA_TASK_MS = 10;

/** Rounds that take about 10 ms here, so that the row means the same on any machine. */
function roundsFor(targetMs: number): number {
  const probe = 2000;
  shaChain(0, probe);
  const startedMs = performance.now();
  shaChain(1, probe);
  return Math.round((probe * targetMs) / (performance.now() - startedMs));
}

/** d: CPU-bound tasks of about 10 ms; efficiency against the same function in one process. */
const cpu: Row = (runs) =>
  withCluster(2, async ({ cluster }) => {
    const rounds = roundsFor(SHA_TASK_MS);
    const inputs = Array.from({ length: SHA_TASKS }, (_, seed) => ({ seed, rounds }));
    const efficiency: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const referenceMs = performance.now();
      const expected = inputs.map(({ seed }) => shaChain(seed, rounds));
      const referenceS = seconds(referenceMs);
      const startedMs = performance.now();
      const values = await cluster.map(sha, inputs, { ordered: true }).values().toArray();
      const elapsedS = seconds(startedMs);
      deepStrictEqual(values, expected);
      if (run > 0) efficiency.push((referenceS / (2 * elapsedS)) * 100);
    }
    return { efficiencyPercent: rounded(median(efficiency)) };
  });

const PAYLOADS = 100;

/** f: 1 MiB in and 1 MiB out, 100 times. */
const payload: Row = (runs) =>
  withCluster(2, async ({ cluster }) => {
    const rates: number[] = [];
    for (let run = 0; run <= runs; run++) {
      // New bytes each time: what is known already would not travel.
      const inputs = Array.from({ length: PAYLOADS }, () => randomBytes(786_432).toString("base64"));
      const megabytes = (2 * PAYLOADS * inputs[0]!.length) / 1e6;
      const startedMs = performance.now();
      let count = 0;
      for await (const result of cluster.map(echo, inputs)) {
        if (!result.ok || result.value !== result.input) throw new Error("a wrong echo");
        count++;
      }
      deepStrictEqual(count, PAYLOADS);
      if (run > 0) rates.push(megabytes / seconds(startedMs));
    }
    return { megabytesPerSecond: rounded(median(rates)) };
  });

const NAPS = 2000;

/** g: `kill -9` of one of two workers half-way through naps of 5 ms. */
const kill: Row = async (runs) => {
  const stallS: number[] = [];
  let lost = 0;
  for (let run = 0; run < runs; run++) {
    await withCluster(2, async ({ cluster, workers }) => {
      const inputs = Array.from({ length: NAPS }, (_, index) => index);
      const seen = new Set<number>();
      let killedMs = 0;
      let lastMs = 0;
      let gapMs = 0;
      for await (const result of cluster.map(nap, inputs)) {
        const nowMs = performance.now();
        if (killedMs > 0 && seen.size > 0) gapMs = Math.max(gapMs, nowMs - lastMs);
        lastMs = nowMs;
        if (result.ok) seen.add(result.value);
        if (killedMs === 0 && seen.size >= NAPS / 2) {
          const worker = workers[1]!;
          for (const child of descendants(worker.pid!)) process.kill(child, "SIGKILL");
          worker.kill("SIGKILL");
          killedMs = performance.now();
        }
      }
      stallS.push(gapMs / 1000);
      lost += NAPS - seen.size;
    });
  }
  return { stallSeconds: rounded(median(stallS)), lost };
};

const QUEUED = 100_000;

/** h: memory with 100,000 tasks queued and nobody to run them, and of an idle worker. */
const memory: Row = async () => {
  const queued = await withCluster(0, async ({ cluster, hub }) => {
    const before = residentBytes(hub.pid);
    const job = await cluster.submit(
      noop,
      Array.from({ length: QUEUED }, (_, index) => index),
    );
    const after = residentBytes(hub.pid);
    await job.cancel();
    return { hubMegabytes: rounded(after / 1e6), bytesPerQueuedTask: rounded((after - before) / QUEUED) };
  });
  const idle = await withCluster(1, async ({ cluster, workers }) => {
    const agent = residentBytes(workers[0]!.pid);
    await cluster.run(noop, 1);
    const sandboxes = descendants(workers[0]!.pid!).map(residentBytes);
    return {
      workerMegabytes: rounded(agent / 1e6),
      sandboxMegabytes: rounded(Math.max(0, ...sandboxes) / 1e6),
    };
  });
  return { ...queued, ...idle };
};

const TEN_MILLION = 10_000_000;
const SAMPLE_MS = 100;

/** ten-million: no-ops from a generator; what the hub's memory grows by at most, and the first result. */
const tenMillion: Row = () =>
  withCluster(2, async ({ cluster, hub }) => {
    const before = residentBytes(hub.pid);
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, residentBytes(hub.pid));
    }, SAMPLE_MS);
    const inputs = (async function* () {
      for (let index = 0; index < TEN_MILLION; index++) yield index;
    })();
    const seen = new Uint8Array(TEN_MILLION);
    const startedMs = performance.now();
    let firstResultMs = 0;
    try {
      for await (const { ok, value } of cluster.map(noop, inputs)) {
        firstResultMs ||= performance.now() - startedMs;
        if (ok) seen[value]!++;
      }
    } finally {
      clearInterval(sampler);
    }
    const elapsedS = seconds(startedMs);
    if (seen.some((times) => times !== 1)) throw new Error("an input without exactly one result");
    return {
      inputs: TEN_MILLION,
      hubGrowthMb: rounded((peak - before) / 1e6),
      firstResultMs: rounded(firstResultMs),
      tasksPerSecond: rounded(TEN_MILLION / elapsedS),
    };
  });

const JOBS = [250, 1_000] as const;
const JOB_INPUTS = 20;

/** jobs: so many jobs at once, of 20 no-ops each; seconds until all have their results, and how fair it was. */
const jobs: Row = () =>
  withCluster(2, async ({ cluster }) => {
    const figures: Record<string, number> = {};
    await cluster.run(noop, 0);
    for (const count of JOBS) {
      const startedMs = performance.now();
      const endedMs = await Promise.all(
        Array.from({ length: count }, async (_, job) => {
          const inputs = Array.from({ length: JOB_INPUTS }, (_, at) => job + at);
          const values = await cluster.map(noop, inputs, { ordered: true }).values().toArray();
          deepStrictEqual(values, inputs);
          return performance.now() - startedMs;
        }),
      );
      figures[`seconds${count}`] = rounded(seconds(startedMs));
      figures[`msPerJob${count}`] = rounded((performance.now() - startedMs) / count);
      figures[`medianEndPercent${count}`] = rounded((100 * median(endedMs)) / Math.max(...endedMs));
    }
    return figures;
  });

const LARGE = 200_000_000;
const PART = 1_000_000;

/** Samples the resident memory of processes; gives what each grew by at most, in MB. */
function watchGrowth(pids: Readonly<Record<string, () => readonly number[]>>) {
  const before: Record<string, number> = {};
  const peaks: Record<string, number> = {};
  const look = (into: Record<string, number>) => {
    for (const [name, list] of Object.entries(pids)) {
      into[name] = Math.max(into[name] ?? 0, ...list().map((pid) => residentBytes(pid) || 0));
    }
  };
  look(before);
  const timer = setInterval(() => look(peaks), SAMPLE_MS / 10);
  return (suffix: string) => {
    clearInterval(timer);
    const grown = Object.keys(before).map((name) => [
      `${name}${suffix}`,
      rounded(((peaks[name] ?? 0) - before[name]!) / 1e6),
    ]);
    return Object.fromEntries(grown) as Record<string, number>;
  };
}

/** large: one result of 200 MB, and 200 of 1 MB; what each process grows by. */
const large: Row = () =>
  withCluster(1, async ({ cluster, hub, workers }) => {
    await cluster.run(bytesOf, 1);
    const agent = workers[0]!.pid!;
    const pids = {
      hub: () => [hub.pid!],
      agent: () => [agent],
      sandbox: () => descendants(agent),
      client: () => [process.pid],
    };
    const startedMs = performance.now();
    let grown = watchGrowth(pids);
    const one = await cluster.run(bytesOf, LARGE);
    deepStrictEqual([one.length, one[LARGE - 1]], [LARGE, 7]);
    const single = { oneSeconds: rounded(seconds(startedMs)), ...grown("GrowthMbOne") };
    grown = watchGrowth(pids);
    const manyMs = performance.now();
    let bytes = 0;
    const parts = Array.from({ length: LARGE / PART }, (_, at) => PART + at);
    for await (const value of cluster.map(bytesOf, parts).values()) bytes += value.length;
    deepStrictEqual(
      bytes,
      parts.reduce((sum, part) => sum + part, 0),
    );
    return { ...single, manySeconds: rounded(seconds(manyMs)), ...grown("GrowthMbMany") };
  });

export const rows: Readonly<Record<string, { readonly title: string; readonly run: Row }>> = {
  a: { title: "no-op tasks, all results back at the client", run: noops },
  b: { title: "latency of one no-op, from call to value", run: latency },
  c: { title: "30 pages of 100 ms, 4 workers (limit 0.8 s)", run: crawl },
  d: { title: "200 CPU tasks of 10 ms, efficiency on 2 workers", run: cpu },
  f: { title: "1 MiB in and out, 100 times", run: payload },
  g: { title: "kill -9 of one of two workers half-way", run: kill },
  h: { title: "memory with 100,000 queued; idle worker", run: memory },
  datasets: { title: "a file of 2 GB put and got; beside reading it and SHA-256", run: datasets },
  files: { title: "a file of 268 MB in a task: read cold, warm, by line; written", run: files },
  "hundred-million": { title: "scheduler: 100 M inputs, every second fails", run: hundredMillion },
  jobs: { title: "250, then 1,000 jobs at once", run: jobs },
  large: { title: "one result of 200 MB, then 200 of 1 MB", run: large },
  sharing: { title: "20 workers read one file of 200 MB", run: sharing },
  wordcount: { title: "268 MB of text, by lines and by bytes, and bare Node", run: wordcount },
  "ten-million": { title: "ten million no-ops from a generator", run: tenMillion },
};
