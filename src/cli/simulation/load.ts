import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildFailure, Plugin } from "esbuild";
import { MusketeersError } from "../../protocol/index.ts";
import type { Scenario, Study } from "../../simulator/index.ts";
import { checkStudy } from "./check.ts";
import { scenarioOfYaml } from "./yaml.ts";

/** The module that scenarios import as `musketeers/simulator`: this package's own, whichever is installed beside them. */
const simulatorUrl = new URL(
  `../../simulator/index${extname(new URL(import.meta.url).pathname)}`,
  import.meta.url,
).href;

const ownSimulator: Plugin = {
  name: "own-simulator",
  setup({ onResolve }) {
    onResolve({ filter: /^musketeers\/simulator$/ }, () => ({ path: simulatorUrl, external: true }));
  },
};

/**
 * Reads a scenario, or a study of several, from a `.ts`, `.js` or `.mjs` module's default export, or from YAML.
 * A module runs with the rights of this process: it is the user's own.
 * @throws MusketeersError `NOT_FOUND`, `BUNDLE_FAILED`, `BAD_ARGUMENT` with the place of what is wrong.
 */
export async function loadStudy(path: string): Promise<Scenario | Study> {
  const file = resolve(path);
  const ending = extname(file);
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new MusketeersError("NOT_FOUND", `${path} cannot be read: ${cause.message}`, {
      hint: "Name a scenario: a .ts, .js, .yaml or .yml file, such as those in examples/simulations.",
      cause,
    });
  });
  if (ending === ".yaml" || ending === ".yml") return scenarioOfYaml(path, text);
  if (!/^\.(ts|mts|js|mjs)$/.test(ending)) {
    throw new MusketeersError("BAD_ARGUMENT", `${path} is no scenario`, {
      hint: "A scenario is a .ts, .mts, .js, .mjs, .yaml or .yml file.",
    });
  }
  return checkStudy(path, await importDefault(path, file));
}

async function importDefault(path: string, file: string): Promise<unknown> {
  const { build } = await import("esbuild");
  const result = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    logLevel: "silent",
    plugins: [ownSimulator],
  }).catch((cause: BuildFailure) => {
    const [first] = cause.errors ?? [];
    const at = first?.location ? `:${first.location.line}:${first.location.column + 1}` : "";
    throw new MusketeersError("BUNDLE_FAILED", `${path}${at}: ${first?.text ?? cause.message}`, { cause });
  });
  const folder = await mkdtemp(join(tmpdir(), "musketeers-scenario-"));
  try {
    const module = join(folder, "scenario.mjs");
    await writeFile(module, result.outputFiles[0]!.contents);
    const loaded = (await import(pathToFileURL(module).href)) as { readonly default?: unknown };
    return loaded.default;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MusketeersError("BAD_ARGUMENT", `${path} fails while it is loaded: ${why}`, {
      hint: "Mend the module; --verbose prints the stack.",
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
