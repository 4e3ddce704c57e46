import { chmod, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/*
 * Folders that programs in containers have written to: what is in them has any names, links and permissions that somebody
 * could think of, and its owner may be shut out of his own folders.
 */

const OWNER_ONLY = 0o700;

/** Bytes of all files below a folder; infinity where a part of it cannot be read, so that nothing hides there. */
export async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(shut)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await sizeOf(path);
    else if (entry.isFile()) bytes += (await stat(path).catch(() => ({ size: 0 }))).size;
    if (bytes === Number.POSITIVE_INFINITY) return bytes;
  }
  return bytes;

  function shut(error: NodeJS.ErrnoException): [] {
    if (error.code === "EACCES" || error.code === "EPERM") bytes = Number.POSITIVE_INFINITY;
    return [];
  }
}

/** Lets the owner of folders into all of them. Nobody else may be at work there: he could put links in their places. */
async function open(folder: string): Promise<void> {
  await chmod(folder, OWNER_ONLY).catch(() => {});
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await open(join(folder, entry.name));
  }
}

/**
 * Removes a folder that no container uses any more, whatever was done to it. What belongs to somebody else stays.
 * @returns whether it is gone
 */
export async function removeFolder(folder: string): Promise<boolean> {
  const options = { recursive: true, force: true, maxRetries: 10 } as const;
  try {
    await rm(folder, options);
    return true;
  } catch {
    await open(folder);
    return rm(folder, options).then(
      () => true,
      () => false,
    );
  }
}
