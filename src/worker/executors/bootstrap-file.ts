import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

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
  const script = new URL("../../../scripts/build-bootstrap.mjs", import.meta.url);
  const { buildBootstrap } = (await import(script.href)) as {
    buildBootstrap: (directory: string) => Promise<void>;
  };
  const directory = await mkdtemp(join(tmpdir(), "musketeers-bootstrap-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  await buildBootstrap(directory);
  return directory;
}
