import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { embeddedEngine } from "./index.ts";

let directory: string;
let child: ChildProcessByStdio<null, Readable, null> | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-kill-"));
});

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

const limits = { segmentBytesTarget: 20_000, packBytesTarget: 100_000 };

const moduleText = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));

/** A process that runs a program with the engine open. */
function run(program: string): ChildProcessByStdio<null, Readable, null> {
  const code = `import { cidOf } from ${moduleText("../../data/index.ts")};
    import { embeddedEngine } from ${moduleText("./index.ts")};
    const { journal, blobs } = await embeddedEngine(${JSON.stringify(directory)}, { limits: ${JSON.stringify(limits)} });
    ${program}`;
  return spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Appends batches of three numbers, counting on from what is there, and says what is durable. */
const writer = () =>
  run(`let next = journal.stats().records;
    for (;;) {
      const appends = [1, 2, 3, 4].map(() =>
        journal.append([1, 2, 3].map(() => new TextEncoder().encode(String(next++)))));
      await Promise.all(appends);
      process.stdout.write(next + "\\n");
      await new Promise(setImmediate);
    }`);

test("what was acknowledged survives kill -9, again and again", async () => {
  let kept = 0;
  for (let round = 0; round < 3; round++) {
    child = writer();
    let acknowledged = 0;
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (++lines === 200) child.kill("SIGKILL");
    }
    if (child.signalCode === null) await once(child, "exit");
    expect(acknowledged).toBeGreaterThanOrEqual(kept + 200 * 12);
    const engine = await embeddedEngine(directory, { limits });
    kept = 0;
    for await (const { record } of engine.journal.read()) {
      expect(new TextDecoder().decode(record)).toBe(String(kept++));
    }
    expect(kept).toBeGreaterThanOrEqual(acknowledged);
    expect(kept % 3).toBe(0);
    expect(engine.journal.stats().records).toBe(kept);
    await engine.close();
  }
}, 60_000);

const blockOf = (number: number): Uint8Array => Buffer.alloc(3000, `block ${number} `);
/** Blocks that are deleted are those that are long past, and of no such number. */
const isKept = (number: number): boolean => number % 5 === 0;

/** Stores blocks, deletes most of them some time later, and says how many are stored. */
const storer = (first: number) =>
  run(`const blockOf = (number) => Buffer.alloc(3000, "block " + number + " ");
    const named = (number) => ({ cid: cidOf(blockOf(number)), bytes: blockOf(number) });
    for (let next = ${first}; ; next += 20) {
      await blobs.putBatch(Array.from({ length: 20 }, (_, index) => named(next + index)));
      process.stdout.write(next + 20 + "\\n");
      for (let old = next - 100; old < next - 80; old++) if (old % 5 !== 0) await blobs.delete(cidOf(blockOf(old)));
      await new Promise(setImmediate);
    }`);

test("blobs that were acknowledged survive kill -9 while packs are written and compacted", async () => {
  let stored = 0;
  for (let round = 0; round < 3; round++) {
    child = storer(stored);
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      stored = Number(line);
      if (++lines === 60) child.kill("SIGKILL");
    }
    if (child.signalCode === null) await once(child, "exit");
    expect(lines).toBeGreaterThanOrEqual(60);
    const { blobs, close } = await embeddedEngine(directory, { limits });
    for (let number = 0; number < stored; number++) {
      const cid = cidOf(blockOf(number));
      if (number < stored - 100 && !isKept(number)) {
        // What a process that was killed had deleted may be back.
        await blobs.delete(cid);
        continue;
      }
      const parts: Uint8Array[] = [];
      for await (const part of blobs.read(cid)) parts.push(part);
      expect(Buffer.compare(Buffer.concat(parts), blockOf(number))).toBe(0);
    }
    const packs = async () => {
      const names = await readdir(join(directory, "blobs", "packs"));
      return names.filter((name) => name.endsWith(".pack")).length;
    };
    await expect.poll(packs, { timeout: 20_000 }).toBeLessThan((stored * 3000) / limits.packBytesTarget / 2);
    await close();
  }
}, 60_000);
