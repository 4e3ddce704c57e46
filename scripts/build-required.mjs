import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const entry = fileURLToPath(new URL("../src/client/index.ts", import.meta.url));

/**
 * Bundles what a submitter imports to `index.cjs`, for programs that `require` it: CommonJS in which Node, or a
 * loader such as tsx or Jest, does without the conditions under which ES modules are found.
 * @param {string} directory of the compiled client; the bundle takes its `index.js` for its own place
 */
export async function buildRequired(directory) {
  await build({
    entryPoints: [entry],
    outfile: join(directory, "index.cjs"),
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"],
    conditions: ["import", "default"],
    target: "node20",
    // What can be required as it is.
    external: ["acorn", "esbuild", "eslint-scope", "fzstd", "pako", "papaparse", "ws"],
    minifyWhitespace: true,
    minifySyntax: true,
    define: { "import.meta.url": "ownUrl" },
    banner: {
      js: 'const ownUrl = require("node:url").pathToFileURL(require("node:path").join(__dirname, "index.js")).href;',
    },
    legalComments: "none",
    logLevel: "warning",
  });
}
