import { readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { extname, relative, resolve, sep } from "node:path";
import type { Plugin } from "esbuild";
import { pathOfModule } from "../place.ts";

const runtimeFile = pathOfModule("runtime");
/** Files of this package that are `musketeers` to whoever imports them. */
const faces = new Set(["index", "browser"].map(pathOfModule));

/** Virtual modules: one task face for each source file, and the runtime behind them all. */
const NAMESPACE = "musketeers";
const RUNTIME = "runtime";
const FACE_PREFIX = "task:";

/** The runtime without what only people read: it travels with every bundle. */
async function smallRuntime(): Promise<string> {
  const { transform } = await import("esbuild");
  const source = await readFile(runtimeFile, "utf8");
  const loader = extname(runtimeFile).slice(1) as "ts" | "js";
  return (await transform(source, { loader, minify: true, target: "es2022" })).code;
}

/** How a source file is called inside bundles: its path from the project's root, with slashes. */
export const fileIdOf = (root: string, file: string): string => relative(root, file).split(sep).join("/");

/**
 * Gives each source file of a bundle its own `musketeers`, a small runtime that knows the file's name, so
 * that the n-th `task()` of a file has the same entry here and there.
 */
export function taskRuntimePlugin(root: string): Plugin {
  const faceFor = (importer: string) => ({
    path: `${FACE_PREFIX}${fileIdOf(root, importer)}`,
    namespace: NAMESPACE,
  });
  return {
    name: "musketeers-task-runtime",
    setup(build) {
      build.onResolve({ filter: /^musketeers(\/.*)?$/ }, (args) =>
        args.namespace === NAMESPACE ? { path: RUNTIME, namespace: NAMESPACE } : faceFor(args.importer),
      );
      build.onResolve({ filter: /[\\/](index|browser)\.[jt]s$/ }, (args) =>
        faces.has(resolve(args.resolveDir, args.path)) ? faceFor(args.importer) : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path }) => {
        if (path === RUNTIME) {
          return { contents: await smallRuntime(), loader: "js" };
        }
        const file = JSON.stringify(path.slice(FACE_PREFIX.length));
        const contents = `import { mapReduceOf, taskOf } from "musketeers";
export * from "musketeers";
export const task = /* @__PURE__ */ taskOf(${file});
export const mapReduce = /* @__PURE__ */ mapReduceOf(${file});`;
        return { contents, loader: "js" };
      });
    },
  };
}

const REQUIRED = "node-required";
const DEFAULT = "node-default";

/**
 * Node's own modules stay outside, always under their full name. An ES module has no `require`, so what
 * CommonJS packages require of them is imported.
 */
export const nodeModulesPlugin: Plugin = {
  name: "musketeers-node-modules",
  setup(build) {
    const names = new Set(builtinModules);
    build.onResolve({ filter: /^(node:)?[a-z_/0-9]+$/ }, ({ path, kind, namespace }) => {
      const name = path.replace(/^node:/, "");
      if (!names.has(name) && name === path) return undefined;
      if (kind !== "require-call") return { path: `node:${name}`, external: true };
      return { path: name, namespace: namespace === REQUIRED ? DEFAULT : REQUIRED };
    });
    build.onLoad({ filter: /.*/, namespace: REQUIRED }, ({ path }) => ({
      contents: `module.exports = require("node:${path}").default;`,
    }));
    build.onLoad({ filter: /.*/, namespace: DEFAULT }, ({ path }) => ({
      contents: `import all from "node:${path}";\nexport default all;`,
    }));
  },
};
