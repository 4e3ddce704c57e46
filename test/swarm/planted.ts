import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build, type Plugin } from "esbuild";
import type * as simulator from "../../src/simulator/index.ts";
import { type PlantedBug, plantedBugs } from "./planted-bugs.ts";

/* npm run simulate:planted -- [--seconds N] [--seed N] [--json]: each bug gets the same time. */

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "180" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

const source = fileURLToPath(new URL("../../src/", import.meta.url));

/** Puts the fault into the one file while it is bundled; nothing on the disk changes. */
const planting = (bug: PlantedBug): Plugin => ({
  name: "planting",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path !== join(source, bug.file.split("/").join(sep))) return undefined;
      const text = await readFile(path, "utf8");
      const parts = text.split(bug.find);
      if (parts.length !== 2) throw new Error(`${bug.name}: its place in ${bug.file} is not there once`);
      return { contents: parts.join(bug.replace), loader: "ts" };
    });
  },
});

async function simulatorWith(bug: PlantedBug, folder: string, at: number): Promise<typeof simulator> {
  const outfile = join(folder, `${at}.mjs`);
  await build({
    entryPoints: [join(source, "simulator/index.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
    plugins: [planting(bug)],
  });
  return (await import(pathToFileURL(outfile).href)) as typeof simulator;
}

/** How many seeds it took, and what was found. */
function seedsToFind({ runSwarm }: typeof simulator, firstSeed: number, budgetMs: number) {
  const startedMs = performance.now();
  let seeds = 0;
  while (performance.now() - startedMs < budgetMs) {
    const [violation] = runSwarm(firstSeed + seeds++).violations;
    if (violation !== undefined) return { seeds, violation };
  }
  return { seeds, violation: undefined };
}

const folder = await mkdtemp(fileURLToPath(new URL("../../node_modules/.planted-", import.meta.url)));
const results = [];
try {
  for (const [at, bug] of plantedBugs.entries()) {
    const { seeds, violation } = seedsToFind(
      await simulatorWith(bug, folder, at),
      Number(values.seed),
      (1_000 * Number(values.seconds)) / plantedBugs.length,
    );
    const result = { bug: bug.name, found: violation !== undefined, seeds, kind: violation?.kind ?? null };
    results.push({ ...result, message: violation?.message.split("\n").slice(0, 2).join(" ") ?? null });
    if (!values.json) {
      const how = result.found ? `found by seed ${seeds}: ${result.kind}` : `NOT FOUND in ${seeds} seeds`;
      process.stdout.write(`${bug.name}: ${how}\n`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (values.json) process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), planted: results })}\n`);
if (results.some(({ found }) => !found)) process.exitCode = 1;
