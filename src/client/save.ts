import { type FileHandle, mkdir, open, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BlockSource, fileChunks, isNamedBy, pathParts, readFile } from "../data/index.ts";
import { buffersMoved } from "../data/node.ts";
import { type FileRef, MusketeersError, toMusketeersError } from "../protocol/index.ts";

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

/** Files that are saved at the same time. */
const FILES_AT_ONCE = 4;
const READ_AHEAD_BLOCKS = 16;
/** What is not whole yet has this behind its name. */
const PART_SUFFIX = ".part";

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

async function fill(path: string, ref: FileRef, blocks: BlockSource, options: SaveOptions): Promise<number> {
  const { signal, onBytes } = options;
  const file = await open(path, "r+").catch(() => open(path, "w+"));
  try {
    const kept = await intactBytes(file, ref, blocks, signal);
    onBytes?.(kept);
    let at = kept;
    const range = {
      start: kept,
      readAheadBlocks: READ_AHEAD_BLOCKS,
      ...(signal === undefined ? {} : { signal }),
    };
    for await (const part of readFile(ref, blocks, range)) {
      for (let done = 0; done < part.length; ) {
        done += (await file.write(part, done, part.length - done, at + done)).bytesWritten;
      }
      at += part.length;
      buffersMoved(part.length);
      blocks.release?.(part);
      onBytes?.(part.length);
    }
    await file.truncate(at);
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
  if (await isWhole(path, ref, blocks, options.signal)) {
    options.onBytes?.(ref.bytes);
    return ref.bytes;
  }
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && options.force !== true) {
    throw new MusketeersError("BAD_ARGUMENT", `${path} is there already and holds something else`, {
      hint: "Save it elsewhere, or replace it with --force.",
    });
  }
  const part = path + PART_SUFFIX;
  try {
    await mkdir(dirname(path), { recursive: true });
    const kept = await fill(part, ref, blocks, options);
    await rename(part, path);
    return kept;
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw cannotWrite(path, cause);
  }
}

/**
 * Saves files below a folder, under their names, a few at the same time.
 * @throws MusketeersError as `saveFile`
 */
export async function saveFiles(
  files: AsyncIterable<FileRef>,
  folder: string,
  blocks: BlockSource,
  options: SaveOptions = {},
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const save = async (ref: FileRef): Promise<void> => {
    const path = ref.name ?? ref.cid;
    // Whoever made the dataset must not choose where it is written.
    const target = join(folder, ...pathParts(path));
    const keptBytes = await saveFile(ref, target, blocks, options);
    options.onFile?.({ path, cid: ref.cid, bytes: ref.bytes, keptBytes });
  };
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw cannotWrite(folder, cause);
  });
  for await (const ref of files) {
    options.signal?.throwIfAborted();
    if (failure !== undefined) break;
    const saving: Promise<void> = save(ref)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => underWay.delete(saving));
    underWay.add(saving);
    if (underWay.size >= FILES_AT_ONCE) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (failure !== undefined)
    throw failure.error instanceof Error ? failure.error : toMusketeersError(failure.error);
}
