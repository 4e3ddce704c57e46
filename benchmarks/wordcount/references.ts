import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/* What the cluster is held against: the same work by two processes, or two threads, of bare Node. */

const bare = fileURLToPath(new URL("bare.mjs", import.meta.url));

export type Counts = Map<string, number>;

function merged(parts: readonly Iterable<readonly [string, number]>[]): Counts {
  const counts: Counts = new Map();
  for (const part of parts) for (const [word, n] of part) counts.set(word, (counts.get(word) ?? 0) + n);
  return counts;
}

const halves = (files: readonly string[]) => [0, 1].map((half) => files.filter((_, at) => at % 2 === half));

function processOf(files: readonly string[]): Promise<[string, number][]> {
  const child = spawn(process.execPath, [bare, "lines", ...files], { stdio: ["ignore", "pipe", "inherit"] });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      if (status === 0) resolve(JSON.parse(Buffer.concat(parts).toString()) as [string, number][]);
      else reject(new Error(`a bare process ended with ${status}`));
    });
  });
}

/** Two processes, each with every second file, line by line. */
export const twoProcesses = async (files: readonly string[]): Promise<Counts> =>
  merged(await Promise.all(halves(files).map(processOf)));

const threadOf = (files: readonly string[]): Promise<Counts> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(bare, { workerData: files });
    worker.once("message", resolve);
    worker.once("error", reject);
  });

/** Two threads, each with every second file, byte by byte. */
export const twoThreads = async (files: readonly string[]): Promise<Counts> =>
  merged(await Promise.all(halves(files).map(threadOf)));
