import { rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const sources = fileURLToPath(new URL("../src/worker/executors/bootstrap/", import.meta.url));

/**
 * Bundles the main modules of sandboxes, one for each runtime, to `NAME.bundle.js` in a directory.
 * @param {string} directory
 */
export async function buildBootstrap(directory) {
  for (const name of ["deno", "node"]) {
    const file = join(directory, `${name}.bundle.js`);
    const unfinished = `${file}.${process.pid}.part`;
    await build({
      entryPoints: [join(sources, `${name}.ts`)],
      outfile: unfinished,
      bundle: true,
      format: "esm",
      platform: name === "node" ? "node" : "neutral",
      mainFields: ["module", "main"],
      conditions: ["import", "default"],
      target: "es2023",
      minify: false,
      legalComments: "none",
      // The CSV parser's form for browsers, which knows nothing of Node's streams.
      alias: { papaparse: "papaparse/papaparse.min.js" },
    });
    await rename(unfinished, file);
  }
}
