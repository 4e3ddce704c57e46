import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { environmentOf, makeHome, program, startUp } from "./support/program.ts";

/* A file that is far larger than what may be in memory of it, on either side. */

const MIB = 1024 * 1024;
const FILE_BYTES = 384 * MIB;
/**
 * An idle client has 75 MB, an idle hub 90, with Node 26 95 and 115; benchmarks/datasets.ts says what they really get to:
 * up to 150 MB.
 */
const RESIDENT_BYTES_MAX = 200_000_000;

/** Says at its end how much it ever had resident. */
const teller = `data:text/javascript,process.on("exit",()=>process.stderr.write("peak="+process.resourceUsage().maxRSS))`;

async function writeNoise(path: string): Promise<void> {
  function* parts(): Generator<Buffer> {
    const part = Buffer.alloc(MIB);
    for (let i = 0, x = 1; i < MIB; i++) {
      x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
      part[i] = x >>> 16;
    }
    for (let index = 0; index < FILE_BYTES / MIB; index++) {
      // No two chunks of a file are equal, or they would be sent once.
      for (let at = 0; at < MIB; at += 65_536) part.writeUInt32LE(index, at);
      yield Buffer.from(part);
    }
  }
  await pipeline(Readable.from(parts()), createWriteStream(path));
}

/** Runs the program; gives the most bytes that it had resident. */
async function peakOf(args: readonly string[], home: string): Promise<number> {
  const child = spawn(process.execPath, ["--import", teller, program, ...args], {
    env: environmentOf(home),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const status = await new Promise((resolve) => child.once("close", resolve));
  expect([status, told]).toEqual([0, expect.stringMatching(/peak=\d+$/)]);
  return Number(/peak=(\d+)$/.exec(told)![1]) * 1024;
}

test.skipIf(process.platform !== "linux")(
  "a large file is put and got without ever being in memory",
  { timeout: 300_000 },
  async () => {
    const home = await makeHome();
    const path = join(home, "large.bin");
    await writeNoise(path);
    const { up } = await startUp(home, ["--workers", "0"]);
    expect(await peakOf(["put", path, "--name", "large"], home)).toBeLessThan(RESIDENT_BYTES_MAX);
    await rm(path);
    expect(await peakOf(["get", "large", join(home, "out")], home)).toBeLessThan(RESIDENT_BYTES_MAX);
    const status = await readFile(`/proc/${up.child.pid}/status`, "utf8");
    const hubPeak = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
    expect(hubPeak).toBeLessThan(RESIDENT_BYTES_MAX);
    expect(await readdir(join(home, "out"))).toEqual(["large.bin"]);
    expect((await up.stop()).status).toBe(0);
  },
);
