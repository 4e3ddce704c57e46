import { existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BuildFailure, BuildOptions, Message, Plugin } from "esbuild";
import { cidOf } from "../../data/index.ts";
import { defaultLimits, type Limits, MusketeersError } from "../../protocol/index.ts";
import { nodeModulesPlugin, taskRuntimePlugin } from "./bundle-plugin.ts";

/** The code of a module of tasks as one ES module, with everything that it imports. */
export interface Bundle {
  readonly cid: string;
  readonly code: Uint8Array;
  /** Absolute path of the source file. */
  readonly file: string;
  /** The project that paths in the bundle start from. */
  readonly root: string;
  readonly exports: readonly string[];
}

interface Cached {
  readonly bundle: Bundle;
  /** Every file that went in, with the state it had. */
  readonly stamps: ReadonlyMap<string, string>;
}

const cache = new Map<string, Promise<Cached>>();

/** The nearest directory upwards that holds a `package.json`, else the file's own. */
function projectRootOf(file: string): string {
  const own = dirname(file);
  for (let directory = own; ; directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) return directory;
    if (dirname(directory) === directory) return own;
  }
}

const stampOf = async (file: string): Promise<string> => {
  const { mtimeMs, size, ino } = await stat(file);
  return `${mtimeMs}:${size}:${ino}`;
};

async function isFresh({ stamps }: Cached): Promise<boolean> {
  for (const [file, stamp] of stamps) {
    if ((await stampOf(file).catch(() => "gone")) !== stamp) return false;
  }
  return true;
}

/** A package that cannot be found; the bundler's own notes on it are for those who run the bundler. */
const MISSING_PACKAGE = /^Could not resolve "((?:@[^/"]+\/)?[^./"][^/"]*)/;

const describe = ({ text, location, notes }: Message): string => {
  const where = location === null ? "" : `${location.file}:${location.line}:${location.column + 1}: `;
  const told = MISSING_PACKAGE.test(text) ? [] : notes;
  return `${where}${text}${told.map((note) => `\n  ${note.text}`).join("")}`;
};

/** What to do about it, where it is plain. */
function hintOf(errors: readonly Message[] | undefined): { readonly hint?: string } {
  const name = errors
    ?.map(({ text }) => MISSING_PACKAGE.exec(text)?.[1])
    .find((found) => found !== undefined);
  return name === undefined
    ? {}
    : { hint: `Is it installed? \`npm install ${name}\` beside the file; it travels in the bundle.` };
}

function buildOptions(root: string, plugins: Plugin[]): BuildOptions & { write: false; metafile: true } {
  return {
    absWorkingDir: root,
    outdir: root,
    write: false,
    metafile: true,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    mainFields: ["module", "main"],
    conditions: ["musketeers", "import", "module", "default"],
    define: {
      "process.env.NODE_ENV": '"production"',
      // A bundle has no place of its own; what only computes paths beside it shall not fail for that.
      "import.meta.url": '"file:///musketeers/bundle.js"',
    },
    sourcemap: "inline",
    sourcesContent: false,
    charset: "utf8",
    treeShaking: true,
    logLevel: "silent",
    plugins,
  };
}

async function esbuilt(what: string, options: BuildOptions & { write: false; metafile: true }) {
  const { build: esbuild } = await import("esbuild");
  return esbuild(options).catch((cause: BuildFailure) => {
    const messages = cause.errors?.map(describe) ?? [cause.message];
    throw new MusketeersError("BUNDLE_FAILED", `${what} does not bundle:\n${messages.join("\n")}`, {
      ...hintOf(cause.errors),
      cause,
    });
  });
}

async function build(file: string, limits: Limits): Promise<Cached> {
  const root = projectRootOf(file);
  const options = buildOptions(root, [taskRuntimePlugin(root), nodeModulesPlugin]);
  const result = await esbuilt(file, { ...options, entryPoints: [file] });
  const code = result.outputFiles[0]!.contents;
  checkSize(file, code, limits);
  const stamps = new Map<string, string>();
  for (const input of Object.keys(result.metafile.inputs)) {
    if (/^(musketeers|node-\w+):/.test(input)) continue;
    const path = resolve(root, input);
    stamps.set(path, await stampOf(path).catch(() => "gone"));
  }
  const exports = Object.values(result.metafile.outputs)[0]!.exports;
  return { bundle: { cid: await cidOf(code), code, file, root, exports }, stamps };
}

/**
 * Bundles a source file. Equal sources give equal bytes wherever their project stands. The result is kept
 * in memory until a file that went in changes.
 * @throws MusketeersError `NOT_FOUND`, `BUNDLE_FAILED` with the bundler's messages, `LIMIT_EXCEEDED`.
 */
export async function bundleSource(path: string, limits: Limits = defaultLimits): Promise<Bundle> {
  const file = await realpath(resolve(path)).catch((cause: unknown) => {
    throw new MusketeersError("NOT_FOUND", `There is no file ${path}`, { hint: "Check the path.", cause });
  });
  for (;;) {
    const found = cache.get(file);
    if (found !== undefined) {
      const cached = await found;
      if (await isFresh(cached)) return cached.bundle;
      if (cache.get(file) !== found) continue;
    }
    const building = build(file, limits);
    cache.set(file, building);
    building.catch(() => {
      if (cache.get(file) === building) cache.delete(file);
    });
    return (await building).bundle;
  }
}

/**
 * Bundles the text of a module that stands in no file and imports nothing but `musketeers`.
 * @param name how it is called in stacks
 * @throws MusketeersError `BUNDLE_FAILED`, `LIMIT_EXCEEDED`
 */
export async function bundleText(
  name: string,
  text: string,
  limits: Limits = defaultLimits,
): Promise<Pick<Bundle, "cid" | "code">> {
  const root = "/";
  const options = buildOptions(root, [taskRuntimePlugin(root), nodeModulesPlugin]);
  const result = await esbuilt(name, {
    ...options,
    stdin: { contents: text, sourcefile: name, loader: "js" },
  });
  const code = result.outputFiles[0]!.contents;
  checkSize(name, code, limits);
  return { cid: cidOf(code), code };
}

function checkSize(what: string, code: Uint8Array, limits: Limits): void {
  if (code.length <= limits.bundleBytesMax) return;
  throw new MusketeersError(
    "LIMIT_EXCEEDED",
    `The bundle of ${what} has ${code.length} bytes, over bundleBytesMax, which is ${limits.bundleBytesMax}`,
    { hint: "Import less, or send large data as inputs." },
  );
}
