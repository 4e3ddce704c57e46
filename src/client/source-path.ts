import { open, opendir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { ChunkPool } from "../data/index.ts";
import { MusketeersError } from "../protocol/index.ts";
import type { SourceFile } from "./put-source.ts";

/** As long as a chunk is, where nothing is said. */
const READ_BYTES = 262_144;

const unreadable = (path: string, cause: unknown): MusketeersError => {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === "ENOENT"
    ? new MusketeersError("NOT_FOUND", `There is no ${path}`, { hint: "Is the path right?", cause })
    : new MusketeersError("BAD_ARGUMENT", `${path} cannot be read: ${message}`, { cause });
};

/**
 * The content of a file, piece by piece; the next is read while one is used.
 * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function* readPath(path: string, pool = new ChunkPool(READ_BYTES)): AsyncGenerator<Uint8Array> {
  const readBytes = pool.chunkBytes;
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const read = async (): Promise<Uint8Array> => {
    const buffer = pool.take();
    let filled = 0;
    while (filled < readBytes) {
      const { bytesRead } = await file.read(buffer, filled, readBytes - filled, null);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  };
  let next = read();
  try {
    for (;;) {
      const part = await next;
      if (part.length === 0) return;
      next = part.length < readBytes ? Promise.resolve(new Uint8Array(0)) : read();
      next.catch(() => {});
      yield part;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    await next.catch(() => {});
    await file.close();
  }
}

/**
 * The files at a path: itself, or all below a folder, by name. Links are followed to files, not to folders;
 * what is neither file nor folder is left out.
 * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function* listPath(path: string): AsyncGenerator<SourceFile> {
  const found = await look(path);
  if (found.isDirectory()) yield* below(path, "");
  else yield { path: basename(resolve(path)), content: (pool) => readPath(path, pool), bytes: found.size };
}

/** @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT` */
export const isFolder = async (path: string): Promise<boolean> => (await look(path)).isDirectory();

const look = (path: string) =>
  stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });

async function* below(root: string, prefix: string): AsyncGenerator<SourceFile> {
  const entries: { name: string; isFolder: boolean }[] = [];
  try {
    for await (const entry of await opendir(join(root, prefix))) {
      entries.push({ name: entry.name, isFolder: entry.isDirectory() });
    }
  } catch (cause) {
    throw unreadable(join(root, prefix), cause);
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, isFolder } of entries) {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    if (isFolder) {
      yield { path };
      yield* below(root, path);
      continue;
    }
    const full = join(root, path);
    const found = await stat(full).catch(() => undefined);
    if (found?.isFile() !== true) continue;
    yield { path, content: (pool) => readPath(full, pool), bytes: found.size };
  }
}
