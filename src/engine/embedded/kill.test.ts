import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
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
  await rm(directory, { recursive: true });
});

const limits = { segmentBytesTarget: 20_000 };

/** A process that appends batches of three numbers, counting on from what is there, and says what is durable. */
function writer(): ChildProcessByStdio<null, Readable, null> {
  const face = fileURLToPath(new URL("./index.ts", import.meta.url));
  const code = `import { embeddedEngine } from ${JSON.stringify(face)};
    const { journal } = await embeddedEngine(${JSON.stringify(directory)}, { limits: ${JSON.stringify(limits)} });
    let next = journal.stats().records;
    for (;;) {
      const appends = [1, 2, 3, 4].map(() =>
        journal.append([1, 2, 3].map(() => new TextEncoder().encode(String(next++)))));
      await Promise.all(appends);
      process.stdout.write(next + "\\n");
      await new Promise(setImmediate);
    }`;
  return spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

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
