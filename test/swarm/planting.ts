import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type * as simulator from "../../src/simulator/index.ts";
import type { PlantedBug } from "./planted-bugs.ts";

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

/** The simulator, bundled with a fault or without. */
export async function simulatorWith(bug: PlantedBug | undefined): Promise<typeof simulator> {
  const folder = await mkdtemp(fileURLToPath(new URL("../../node_modules/.planted-", import.meta.url)));
  try {
    const outfile = join(folder, "simulator.mjs");
    await build({
      entryPoints: [join(source, "simulator/index.ts")],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "silent",
      plugins: bug === undefined ? [] : [planting(bug)],
    });
    return (await import(pathToFileURL(outfile).href)) as typeof simulator;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
