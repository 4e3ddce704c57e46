import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = new URL("../../../", import.meta.url);
let built: Promise<string> | undefined;

/**
 * Path of the main module of sandboxes. The build puts it beside this file; where the program runs from its
 * sources it is bundled now, once in a process.
 */
export async function bootstrapFile(runtime: "deno" | "node"): Promise<string> {
  const name = `${runtime}.bundle.js`;
  const beside = fileURLToPath(new URL(`bootstrap/${name}`, import.meta.url));
  if (existsSync(beside)) return beside;
  built ??= buildNow();
  return join(await built, name);
}

async function buildNow(): Promise<string> {
  const script = new URL("scripts/build-bootstrap.mjs", project);
  const { buildBootstrap } = (await import(script.href)) as {
    buildBootstrap: (directory: string) => Promise<void>;
  };
  const directory = fileURLToPath(new URL("node_modules/.cache/musketeers/", project));
  await mkdir(directory, { recursive: true });
  await buildBootstrap(directory);
  return directory;
}
