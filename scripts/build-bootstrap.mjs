import { rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const worker = fileURLToPath(new URL("../src/worker/", import.meta.url));

/**
 * @param {string} entry below the worker's sources
 * @param {string} file that it becomes
 * @param {import("esbuild").BuildOptions} options
 */
async function bundle(entry, file, options) {
  const unfinished = `${file}.${process.pid}.part`;
  await build({
    entryPoints: [join(worker, entry)],
    outfile: unfinished,
    bundle: true,
    format: "esm",
    mainFields: ["module", "main"],
    conditions: ["import", "default"],
    target: "es2023",
    minify: false,
    legalComments: "none",
    // The CSV parser's form for browsers, which knows nothing of Node's streams; of gzip what unpacks.
    alias: { papaparse: "papaparse/papaparse.min.js", pako: "pako/browser/inflate" },
    ...options,
  });
  await rename(unfinished, file);
}

/**
 * Bundles the main modules of sandboxes, one for each runtime, to `NAME.bundle.js` in a directory.
 * @param {string} directory
 */
export async function buildBootstrap(directory) {
  for (const name of ["deno", "node"]) {
    const platform = name === "node" ? "node" : "neutral";
    await bundle(`executors/bootstrap/${name}.ts`, join(directory, `${name}.bundle.js`), {
      platform,
      // These runtimes have gzip of their own, and never get there.
      external: ["pako/browser/inflate"],
    });
  }
}

/**
 * Bundles what browser tabs load to work: the agent, and the main module of its sandboxes.
 * @param {string} directory
 */
export async function buildTab(directory) {
  const options = { platform: "browser", mainFields: ["browser", "module", "main"], minify: true };
  await bundle("executors/bootstrap/browser.ts", join(directory, "bootstrap.js"), options);
  await bundle("browser/agent-main.ts", join(directory, "agent.js"), options);
}
