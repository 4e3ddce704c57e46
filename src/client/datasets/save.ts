import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  type BlockSource,
  cidOf,
  fileChunks,
  isNamedBy,
  pathParts,
  readFile,
  walkEntries,
} from "../../data/index.ts";
import { buffersMoved } from "../../data/node.ts";
import { type FileRef, MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import { PartWriter } from "./part-writer.ts";

export interface SavedFile {
  readonly path: string;
  readonly cid: string;
  readonly bytes: number;
  /** Bytes that were there already, from an earlier try. */
  readonly keptBytes: number;
}

export interface SaveOptions {
  readonly signal?: AbortSignal;
  /** Files that are there and hold something else are replaced; else they are an error. */
  readonly force?: boolean;
  /** Told of bytes as they are there: fetched, or found. */
  readonly onBytes?: (bytes: number) => void;
  readonly onFile?: (file: SavedFile) => void;
}

/** Files that are saved at the same time, as long as not more blocks than these are fetched ahead for them. */
const FILES_AT_ONCE = 32;
const BLOCKS_AT_ONCE = 64;
const READ_AHEAD_BLOCKS = 16;
const BLOCK_BYTES = 262_144;
const NAME_BYTES_MAX = 255;
const CID_END_LENGTH = 12;

/** Fetched ahead for one file. */
const blocksAhead = (ref: FileRef): number =>
  Math.min(READ_AHEAD_BLOCKS, Math.max(1, Math.ceil(ref.bytes / BLOCK_BYTES)));

/**
 * Where a file is made that is not whole yet: beside its place, under a name that no other file of the folder has,
 * and that says what it is to become, so that only a later try for the same content goes on with it.
 */
function partPath(path: string, cid: string): string {
  const end = `.${cid.slice(-CID_END_LENGTH)}.part`;
  const name = basename(path);
  const bytes = Buffer.from(name);
  const isLong = bytes.length + end.length > NAME_BYTES_MAX;
  return join(dirname(path), (isLong ? cidOf(bytes) : name) + end);
}

const cannotWrite = (path: string, cause: unknown): MusketeersError =>
  cause instanceof MusketeersError
    ? cause
    : new MusketeersError("STORAGE", `${path} cannot be written: ${(cause as Error).message}`, { cause });

/** How far a file is what it should be: whole chunks from its beginning on. */
async function intactBytes(file: FileHandle, ref: FileRef, blocks: BlockSource, signal?: AbortSignal) {
  const { size } = await file.stat();
  if (size === 0) return 0;
  let intact = 0;
  for await (const { cid, start, bytes } of fileChunks(ref, blocks, signal === undefined ? {} : { signal })) {
    if (start + bytes > size) break;
    const chunk = new Uint8Array(bytes);
    const { bytesRead } = await file.read(chunk, 0, bytes, start);
    if (bytesRead < bytes || !isNamedBy(chunk, cid)) break;
    intact = start + bytes;
  }
  return intact;
}

/** Whether a file is there and holds just this. */
async function isWhole(
  path: string,
  ref: FileRef,
  blocks: BlockSource,
  signal?: AbortSignal,
): Promise<boolean> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { size } = await file.stat();
    return size === ref.bytes && (await intactBytes(file, ref, blocks, signal)) === size;
  } finally {
    await file.close();
  }
}

/** A file to go on with, or a new one; its folder is made where it is not there. */
async function openPart(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT;
  return open(path, flags).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    await mkdir(dirname(path), { recursive: true });
    return open(path, flags);
  });
}

async function fill(path: string, ref: FileRef, blocks: BlockSource, options: SaveOptions): Promise<number> {
  const { signal, onBytes } = options;
  const file = await openPart(path);
  try {
    const { size } = await file.stat();
    const kept = await intactBytes(file, ref, blocks, signal);
    onBytes?.(kept);
    let at = kept;
    const range = {
      start: kept,
      readAheadBlocks: blocksAhead(ref),
      ...(signal === undefined ? {} : { signal }),
    };
    const onWritten = (part: Uint8Array): void => {
      at += part.length;
      buffersMoved(part.length);
      blocks.release?.(part);
      onBytes?.(part.length);
    };
    const writer = new PartWriter(file, { at, onWritten });
    try {
      for await (const part of readFile(ref, blocks, range)) await writer.write(part);
    } catch (error) {
      // What came is kept for the next try.
      await writer.end().catch(() => {});
      throw error;
    }
    await writer.end();
    if (size > at) await file.truncate(at);
    return kept;
  } finally {
    await file.close();
  }
}

/**
 * Saves a file at a path. What an earlier try that was cut left beside it is used: only the rest is fetched.
 * @returns how many bytes were there already
 * @throws MusketeersError `BAD_ARGUMENT` where something else is there, `STORAGE`; what fetching throws.
 */
export async function saveFile(
  ref: FileRef,
  path: string,
  blocks: BlockSource,
  options: SaveOptions = {},
): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true && (await isWhole(path, ref, blocks, options.signal))) {
    options.onBytes?.(ref.bytes);
    return ref.bytes;
  }
  if (found !== undefined && (options.force !== true || found.isDirectory())) {
    const what = found.isDirectory() ? "a folder" : "there already and holds something else";
    throw new MusketeersError("BAD_ARGUMENT", `${path} is ${what}`, {
      hint: found.isDirectory()
        ? "Save it elsewhere, or remove the folder."
        : "Save it elsewhere, or replace it with --force.",
    });
  }
  const part = partPath(path, ref.cid);
  try {
    const kept = await fill(part, ref, blocks, options);
    await rename(part, path);
    return kept;
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw cannotWrite(path, cause);
  }
}

const makeFolder = (path: string): Promise<void> =>
  mkdir(path, { recursive: true }).then(
    () => {},
    (cause: unknown) => {
      throw cannotWrite(path, cause);
    },
  );

/**
 * Saves all that a folder holds below one of this machine, several files at the same time.
 * @throws MusketeersError as `saveFile`
 */
export async function saveFolder(
  cid: string,
  target: string,
  blocks: BlockSource,
  options: SaveOptions = {},
): Promise<void> {
  const { signal } = options;
  const underWay = new Set<Promise<void>>();
  let ahead = 0;
  let failure: { readonly error: unknown } | undefined;
  const save = async (ref: FileRef, path: string, to: string): Promise<void> => {
    const keptBytes = await saveFile(ref, to, blocks, options);
    options.onFile?.({ path, cid: ref.cid, bytes: ref.bytes, keptBytes });
  };
  await makeFolder(target);
  const begin = (ref: FileRef, path: string, to: string): void => {
    ahead += blocksAhead(ref);
    const saving: Promise<void> = save(ref, path, to)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        ahead -= blocksAhead(ref);
        underWay.delete(saving);
      });
    underWay.add(saving);
  };
  try {
    for await (const entry of walkEntries(cid, blocks, signal === undefined ? {} : { signal })) {
      signal?.throwIfAborted();
      if (failure !== undefined) break;
      // Whoever made the dataset must not choose where it is written.
      const to = join(target, ...pathParts(entry.name));
      if (entry.bytes === undefined) await makeFolder(to);
      else begin({ cid: entry.cid, bytes: entry.bytes }, entry.name, to);
      while (underWay.size >= FILES_AT_ONCE || ahead >= BLOCKS_AT_ONCE) await Promise.race(underWay);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failure !== undefined)
    throw failure.error instanceof Error ? failure.error : toMusketeersError(failure.error);
}
