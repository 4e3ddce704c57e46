import type { BigIntStats, Stats } from "node:fs";
import { type FileHandle, lstat, open, opendir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { bytesBehind, ChunkPool, type NamedChunk } from "../../data/index.ts";
import { namedChunksOf } from "../../data/node.ts";
import { MusketeersError } from "../../protocol/index.ts";
import type { OnLeftOut, Reading, SourceFile } from "./put-source.ts";

/** As long as a chunk is, where nothing is said. */
const READ_BYTES = 262_144;

/** What stands for bytes that are no UTF-8 in a name. */
const REPLACEMENT = "\ufffd";

const noUtf8 = (path: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `${path} has a name that is no UTF-8`, {
    hint: "Rename it: names of files in datasets are texts.",
  });

const unreadable = (path: string, cause: unknown): MusketeersError => {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT" && path.includes(REPLACEMENT)) return noUtf8(path);
  return code === "ENOENT"
    ? new MusketeersError("NOT_FOUND", `There is no ${path}`, { hint: "Is the path right?", cause })
    : new MusketeersError("BAD_ARGUMENT", `${path} cannot be read: ${message}`, { cause });
};

/** Read in one go, so that trips to the threads that read do not count. */
const READ_AT_ONCE_BYTES = 1_048_576;

/** Reads into buffers one behind the other, until they are full or there is no more; gives what they hold. */
async function fill(file: FileHandle, buffers: readonly Uint8Array[]): Promise<Uint8Array[]> {
  let filled = 0;
  const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
  while (filled < bytes) {
    const { bytesRead } = await file.readv(bytesBehind(buffers, filled));
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const parts: Uint8Array[] = [];
  for (const buffer of buffers) {
    parts.push(filled < buffer.length ? buffer.subarray(0, filled) : buffer);
    filled -= Math.min(filled, buffer.length);
  }
  return parts;
}

/**
 * The content of a file, piece by piece; the next are read while some are used.
 * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function* readPath(path: string, pool = new ChunkPool(READ_BYTES)): AsyncGenerator<Uint8Array> {
  const file = await openToRead(path);
  try {
    yield* piecesOf(file, lengthAt(await file.stat({ bigint: true })), pool);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    await file.close();
  }
}

const openToRead = (path: string): Promise<FileHandle> =>
  open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });

/** How much of a file is to be read: what grows ends where it ended when it was opened. Of pipes nobody knows. */
const lengthAt = ({ size }: BigIntStats): number => (size === 0n ? Number.POSITIVE_INFINITY : Number(size));

async function* piecesOf(file: FileHandle, bytes: number, pool: ChunkPool): AsyncGenerator<Uint8Array> {
  let left = bytes;
  const read = () => {
    const buffers: Uint8Array[] = [];
    for (let room = Math.min(left, READ_AT_ONCE_BYTES); room > 0; room -= pool.chunkBytes) {
      const buffer = pool.take();
      buffers.push(left < buffer.length ? buffer.subarray(0, left) : buffer);
      left -= buffers.at(-1)!.length;
    }
    return fill(file, buffers);
  };
  let next = read();
  try {
    for (let over = false; !over; ) {
      const parts = await next;
      over = left === 0 || parts.length === 0 || parts.at(-1)!.length < pool.chunkBytes;
      if (!over) next = read();
      next.catch(() => {});
      for (const part of parts) if (part.length > 0) yield part;
    }
  } finally {
    await next.catch(() => {});
  }
}

/** Smaller files are read before threads have begun. */
const THREADS_BYTES_MIN = 16 * 1_048_576;
/** A thread is told of each chunk. */
const THREADS_CHUNK_BYTES_MIN = 65_536;

const isAsItWas = (before: BigIntStats, after: BigIntStats): boolean =>
  before.size === after.size && before.mtimeNs === after.mtimeNs;

/**
 * The content of a file as it is best put: that of a large one comes in chunks that threads have read and named.
 * What was written to it meanwhile is said to `onChanged`.
 * @throws MusketeersError as `readPath`
 */
export async function* readChunks(path: string, reading: Reading): AsyncGenerator<Uint8Array | NamedChunk> {
  const { chunkBytes, pool, namesOnly, bytesMax = Number.POSITIVE_INFINITY } = reading;
  const file = await openToRead(path);
  try {
    const before = await file.stat({ bigint: true });
    const bytes = Math.min(lengthAt(before), bytesMax);
    const isLarge = before.size >= THREADS_BYTES_MIN;
    const canShare = namesOnly || (pool.isShared && pool.chunkBytes === chunkBytes);
    if (isLarge && chunkBytes >= THREADS_CHUNK_BYTES_MIN && canShare) {
      yield* namedChunksOf(file.fd, { chunkBytes, bytes, ...(namesOnly ? {} : { pool }) });
    } else yield* piecesOf(file, bytes, pool);
    if (before.isFile() && !isAsItWas(before, await file.stat({ bigint: true }))) reading.onChanged?.();
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    await file.close();
  }
}

/**
 * The files at a path: itself, or all below a folder, by name. Links are followed to files, not to folders;
 * what is neither file nor folder is left out, and `onLeftOut` told of it.
 * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function* listPath(path: string, onLeftOut?: OnLeftOut): AsyncGenerator<SourceFile> {
  const found = await look(path);
  if (found.isDirectory()) yield* below(path, "", onLeftOut);
  else
    yield {
      path: basename(resolve(path)),
      content: (reading) => readChunks(path, reading),
      bytes: found.size,
    };
}

/** @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT` */
export const isFolder = async (path: string): Promise<boolean> => (await look(path)).isDirectory();

const look = (path: string) =>
  stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });

interface Listed {
  readonly name: string;
  readonly isFolder: boolean;
}

async function entriesOf(path: string): Promise<Listed[]> {
  const entries: Listed[] = [];
  try {
    for await (const entry of await opendir(path)) {
      entries.push({ name: entry.name, isFolder: entry.isDirectory() });
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What is at a path and no folder: a file's length, or why it is left out. */
async function lookAtFile(path: string): Promise<{ bytes: number } | { leftOut: string }> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (cause) {
    const isGone = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const self = isGone ? await lstat(path).catch(() => undefined) : undefined;
    if (self?.isSymbolicLink() === true) return { leftOut: "a link to nothing" };
    throw unreadable(path, cause);
  }
  if (found.isFile()) return { bytes: found.size };
  if (found.isDirectory()) return { leftOut: "a link to a folder" };
  return { leftOut: found.isFIFO() ? "a pipe" : found.isSocket() ? "a socket" : "a device" };
}

async function* below(
  root: string,
  prefix: string,
  onLeftOut: OnLeftOut | undefined,
): AsyncGenerator<SourceFile> {
  for (const { name, isFolder } of await entriesOf(join(root, prefix))) {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    const full = join(root, path);
    if (isFolder) {
      yield { path };
      yield* below(root, path, onLeftOut);
      continue;
    }
    const found = await lookAtFile(full);
    if ("leftOut" in found) onLeftOut?.({ path: full, why: found.leftOut });
    else yield { path, content: (reading) => readChunks(full, reading), bytes: found.bytes };
  }
}
