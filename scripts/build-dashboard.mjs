// Builds the hub's pages into dist/dashboard: one script, one style sheet, no inline code.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("../", import.meta.url));

/**
 * @param {string} [outDirectory] where the pages go
 * @returns {Promise<void>}
 */
export async function buildDashboard(outDirectory = join(root, "dist", "dashboard")) {
  await build({
    configFile: false,
    root: join(root, "src", "dashboard"),
    // The hub serves the same page at / and at /join.
    base: "./",
    publicDir: false,
    logLevel: "warn",
    build: {
      outDir: outDirectory,
      emptyOutDir: true,
      target: "es2022",
      // Policies of pages know no inline code.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { checks: { pluginTimings: false } },
    },
  });
}
