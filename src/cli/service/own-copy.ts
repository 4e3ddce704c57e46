import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { packageDigest, packageRoot } from "../../security/node.ts";
import { hex } from "../following/releases.ts";

/** npx keeps what it runs in a cache, which npm may empty. */
const isTransient = (root: string): boolean => root.split(sep).includes("_npx");

/**
 * The program where it stays: as it is installed, or a copy of what npx fetched for this once.
 * @param directory where releases are kept
 * @returns the path of the program, to be run by Node
 */
export async function lastingProgram(directory: string, root = packageRoot): Promise<string> {
  const program = join("dist", "cli", "main.js");
  if (!isTransient(root)) return join(root, program);
  const folder = join(directory, hex(await packageDigest(root)));
  const copied = join(folder, "node_modules", "musketeers");
  const isThere = await packageDigest(copied).then(
    () => true,
    () => false,
  );
  if (!isThere) await copyModules(dirname(root), folder, directory);
  return join(copied, program);
}

async function copyModules(modules: string, folder: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const part = await mkdtemp(join(directory, "part-"));
  try {
    await cp(modules, join(part, "node_modules"), { recursive: true, verbatimSymlinks: true });
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    await rename(part, folder);
  } finally {
    await rm(part, { recursive: true, force: true, maxRetries: 10 });
  }
}
