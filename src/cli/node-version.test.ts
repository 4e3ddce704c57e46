import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { oldestNode, tooOldNode } from "./node-version.ts";

const here = (path: string) => new URL(path, import.meta.url);

test("an older Node.js than the package asks for is told so", async () => {
  const { engines } = JSON.parse(await readFile(here("../../package.json"), "utf8"));
  expect(engines.node).toBe(`>=${oldestNode.join(".")}`);
  for (const version of ["18.20.8", "20.18.3", "9.0.0"]) {
    expect(tooOldNode(version)).toContain(
      `needs Node.js 20.19 or newer, and this is ${version}\nhint:  https`,
    );
  }
  for (const version of ["20.19.0", "20.20.1", "21.0.0", "22.1.0", "100.0.0"]) {
    expect(tooOldNode(version)).toBeUndefined();
  }
});

test("the program looks at the version before it loads anything that needs a newer one", async () => {
  const { metafile } = await build({
    entryPoints: [here("main.ts").pathname],
    bundle: true,
    splitting: true,
    outdir: "not-written",
    format: "esm",
    platform: "node",
    packages: "external",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const entry = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint?.endsWith("cli/main.ts"));
  expect(entry!.imports.filter(({ kind }) => kind === "import-statement")).toEqual([]);
  expect(Object.keys(entry!.inputs).map((path) => path.split("/").at(-1))).toEqual([
    "node-version.ts",
    "main.ts",
  ]);
});
