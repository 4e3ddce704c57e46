// Bundles the hub's page into dist/dashboard: one script, one style sheet, no inline code. esbuild does it,
// because users have it anyway (it bundles their tasks) and one page needs no development server.
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../", import.meta.url));

/**
 * @param {string} [outDirectory] where the page goes
 * @returns {Promise<void>}
 */
export async function buildDashboard(outDirectory = join(root, "dist", "dashboard")) {
  const source = join(root, "src", "dashboard");
  await mkdir(outDirectory, { recursive: true });
  await build({
    entryPoints: [join(source, "page.ts"), join(source, "page.css")],
    outdir: outDirectory,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: ["es2022"],
    minify: true,
    legalComments: "none",
    logLevel: "warning",
  });
  for (const name of ["index.html", "icon.svg"]) await copyFile(join(source, name), join(outDirectory, name));
}
