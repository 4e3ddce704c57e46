import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { temporaryDirectory } from "./support/whole-cluster.ts";

/* Examples that start what they need, as programs. */

// Many processes one after the other, on a machine that may be very busy.
vi.setConfig({ testTimeout: 300_000 });

const root = fileURLToPath(new URL("../", import.meta.url));

function example(
  file: string,
  args: readonly string[],
): Promise<{ status: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", join("examples", file), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, out, err })));
}

test("wordcount counts the words of files", async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, "a.txt");
  await writeFile(path, "b a b\r\nc  b\na");
  const { status, out, err } = await example("wordcount/main.ts", [path, path, "--json"]);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(JSON.parse(out)).toEqual({
    total: 12,
    distinct: 3,
    top: [
      ["b", 6],
      ["a", 4],
      ["c", 2],
    ],
  });
});

const alice = fileURLToPath(new URL("../../shared/data/alice_in_wonderland.txt", import.meta.url));

test.skipIf(!existsSync(alice))("wordcount knows Alice", async () => {
  const { out } = await example("wordcount/main.ts", [alice, "--json", "--top", "2"]);
  expect(JSON.parse(out)).toEqual({
    total: 26_470,
    distinct: 5_307,
    top: [
      ["the", 1507],
      ["and", 714],
    ],
  });
});

test("wordcount says how it is used, and what is not there", async () => {
  const usage = await example("wordcount/main.ts", []);
  expect(usage).toMatchObject({ status: 2, err: expect.stringContaining("Usage") });
  const missing = await example("wordcount/main.ts", ["/no/such/file"]);
  expect(missing).toMatchObject({ status: 2, err: expect.stringContaining("/no/such/file") });
});

test("iris is learned, and drawn", async () => {
  const path = join(await temporaryDirectory(), "iris.svg");
  const { status, out, err } = await example("iris/main.ts", ["--json", "--plot", path]);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  const { accuracy, splits, kmeans } = JSON.parse(out) as {
    accuracy: number;
    splits: number;
    kmeans: { purity: number };
  };
  expect(accuracy).toBeGreaterThanOrEqual(0.93);
  expect(splits).toBe(20);
  expect(kmeans.purity).toBeGreaterThan(0.85);
  expect((await readFile(path, "utf8")).match(/<circle/g)?.length).toBe(153);
});
