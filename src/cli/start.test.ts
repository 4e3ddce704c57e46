import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

const start = fileURLToPath(new URL("./start.ts", import.meta.url));

/** The modules of the project that are loaded before anything is imported on demand, as paths below `src/`. */
async function loadedAtStart(): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: [start],
    absWorkingDir: fileURLToPath(new URL("../", import.meta.url)),
    outdir: "not-written",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const { outputs } = metafile;
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { kind, path: next, external } of outputs[path]!.imports) {
      if (kind === "import-statement" && external !== true) visit(next);
    }
  };
  visit(Object.keys(outputs).find((path) => outputs[path]!.entryPoint === "cli/start.ts")!);
  return [...seen].flatMap((path) => Object.keys(outputs[path]!.inputs));
}

test("--version, --help and mistakes load no command, no hub, no worker and no client", async () => {
  const loaded = await loadedAtStart();
  expect(loaded).toContain("cli/program.ts");
  expect(loaded.filter((path) => !/^(cli\/[a-z-]+\.ts|cli\/render\/|protocol\/)/.test(path))).toEqual([]);
});
