import { deepStrictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { descendants, startCluster } from "./cluster.ts";
import { median, rounded } from "./stats.ts";
import { countLines, fillFile, readAll } from "./tasks.ts";

/* Files in tasks: one slot reads a file from the hub, reads it again from its worker's cache, and writes one. */

const LINE = "the quick brown fox jumps over the lazy dog and runs away from it all again today\n";
const FILE_BYTES = 268_435_456;
const MB = 1e6;
const TICKS_PER_SECOND = 100;

async function* parts(seed: number): AsyncGenerator<Uint8Array> {
  const part = new TextEncoder().encode(`${seed}`.padEnd(LINE.length - 1).concat("\n") + LINE.repeat(10_000));
  for (let left = FILE_BYTES; left > 0; left -= part.length) yield part.subarray(0, left);
}

/** Seconds of the processor that processes have used; NaN where the platform does not tell so. */
function processorSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      ticks = Number.NaN;
    }
  }
  return ticks / TICKS_PER_SECOND;
}

export async function files(runs: number): Promise<Record<string, number>> {
  const bench = await startCluster(1);
  try {
    const { cluster, hub, workers } = bench;
    const agent = workers[0]!.pid!;
    const used = () => ({
      hub: processorSeconds([hub.pid!]),
      agent: processorSeconds([agent]),
      sandbox: processorSeconds(descendants(agent)),
    });
    const figures: Record<string, number[]> = {};
    const measure = async (name: string, action: () => Promise<number>) => {
      const before = used();
      const startedMs = performance.now();
      deepStrictEqual(await action(), FILE_BYTES);
      const elapsedS = (performance.now() - startedMs) / 1000;
      const after = used();
      const note = (figure: string, value: number) => {
        figures[`${name}${figure}`] ??= [];
        figures[`${name}${figure}`]!.push(value);
      };
      note("MBs", FILE_BYTES / MB / elapsedS);
      note("HubS", after.hub - before.hub);
      note("AgentS", after.agent - before.agent);
      note("SandboxS", after.sandbox - before.sandbox);
    };
    await cluster.run(fillFile, 4);
    for (let run = 0; run < runs; run++) {
      const file = await cluster.put(parts(run));
      await cluster.run(readAll, await cluster.put(new Uint8Array(10)));
      await measure("cold", () => cluster.run(readAll, file));
      await measure("warm", () => cluster.run(readAll, file));
      await cluster.run(countLines, await cluster.put(new Uint8Array(10)));
      await measure("lines", () => cluster.run(countLines, file));
      await measure("write", async () => (await cluster.run(fillFile, FILE_BYTES)).size);
    }
    return Object.fromEntries(
      Object.entries(figures).map(([name, values]) => [name, rounded(median(values))]),
    );
  } finally {
    await bench.close();
  }
}
