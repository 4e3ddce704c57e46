import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where this package is. */
export const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

/** The versions of what it needs: named like this where npm is to keep to them in a package that it installs. */
const LOCKED = "npm-shrinkwrap.json";
const LOCKED_IN_SOURCES = "package-lock.json";

export interface PackedFile {
  /** In the package, with slashes. */
  readonly name: string;
  readonly path: string;
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function filesBelow(root: string, name: string): Promise<readonly string[]> {
  const found = await stat(join(root, name)).catch(() => undefined);
  if (found === undefined) return [];
  if (!found.isDirectory()) return [name];
  const entries = await readdir(join(root, name));
  return (await Promise.all(entries.map((entry) => filesBelow(root, `${name}/${entry}`)))).flat();
}

/** The files of a package that npm would pack, in the order of their names. */
export async function packedFiles(root = packageRoot): Promise<readonly PackedFile[]> {
  const { files } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    readonly files: readonly string[];
  };
  const left = files.filter((name) => name.startsWith("!")).map((name) => `${name.slice(1)}/`);
  const kept = ["package.json", ...files.filter((name) => !name.startsWith("!"))];
  const names = (await Promise.all(kept.map((name) => filesBelow(root, name)))).flat();
  const packed = names
    .filter((name) => !left.some((folder) => name.startsWith(folder)))
    .map((name) => ({ name, path: join(root, name) }));
  for (const lock of [LOCKED, LOCKED_IN_SOURCES]) {
    if ((await filesBelow(root, lock)).length === 0) continue;
    packed.push({ name: LOCKED, path: join(root, lock) });
    break;
  }
  return packed.sort((a, b) => order(a.name, b.name));
}

/** SHA-256 over the names and contents of a package's files: what is the same has the same. */
export async function packageDigest(root = packageRoot): Promise<Uint8Array> {
  const digest = createHash("sha256");
  for (const { name, path } of await packedFiles(root)) {
    const content = createHash("sha256").update(await readFile(path));
    digest.update(`${name}\0${content.digest("hex")}\n`);
  }
  return digest.digest();
}
