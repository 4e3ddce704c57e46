import { bytesBehind } from "../../data/index.ts";

/*
 * The part of a file system that the journal and the registry use. Narrow, so that tests can put a disk
 * underneath that fills up, fails, writes short and forgets what was not synced.
 */

export interface LogFile {
  /**
   * Writes pieces one after the other from an offset on. May write fewer bytes than there are; says how
   * many. Gives no promise where it was cheaper to write at once.
   */
  write(pieces: readonly Uint8Array[], offset: number): number | Promise<number>;
  /** Fills the buffer from an offset on; fewer bytes than that only at the file's end. */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  truncate(bytes: number): Promise<void>;
  /** Resolves when what was written survives a power cut. */
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** `create` empties what is there. */
export type OpenMode = "read" | "write" | "create";

export interface FileStat {
  readonly bytes: number;
  /** When it was written or touched last, in milliseconds since 1970. */
  readonly usedAtMs: number;
}

/** Failures are Node's system errors, with a `code`. */
export interface Files {
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, in no order. */
  list(path: string): Promise<readonly string[]>;
  open(path: string, mode: OpenMode): Promise<LogFile>;
  /**
   * Opens a file for writing past the system's cache: pieces that are whole pages of `pageMemory`, at a multiple of
   * `PAGE_BYTES`. Undefined where there is no such thing.
   */
  openDirect?(path: string): LogFile | undefined;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; nothing happens where there is none. */
  remove(path: string): Promise<void>;
  /** Undefined where there is no such file. */
  stat(path: string): FileStat | undefined;
  /** Sets when a file was used last; at once, so that nothing comes between a look and this. */
  touch(path: string, atMs: number): void;
  /** Removes a file at once. */
  removeNow(path: string): void;
  /** Resolves when names that were made, changed or removed in a directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
}

export const isSystemError = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === code;

/** Writes all pieces, continuing after short writes. Gives no promise where none was needed. */
export function writeAll(
  file: LogFile,
  pieces: readonly Uint8Array[],
  bytes: number,
  offset: number,
): undefined | Promise<void> {
  const written = file.write(pieces, offset);
  return written === bytes ? undefined : writeRest(file, pieces, bytes, offset, written);
}

async function writeRest(
  file: LogFile,
  pieces: readonly Uint8Array[],
  bytes: number,
  offset: number,
  first: number | Promise<number>,
): Promise<void> {
  for (let done = await first; done < bytes; ) {
    const step = await file.write(bytesBehind(pieces, done), offset + done);
    if (step <= 0) throw Object.assign(new Error("nothing more could be written"), { code: "ENOSPC" });
    done += step;
  }
}

/** A whole file, or undefined where there is none. */
export async function readWhole(files: Files, path: string): Promise<Uint8Array | undefined> {
  let file: LogFile;
  try {
    file = await files.open(path, "read");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(await file.size());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

/**
 * Replaces a file: after a crash it has the old bytes or the new ones. The bytes are synced before they
 * get their name; with `syncDirectory` the name is as well.
 */
export async function replaceWhole(
  files: Files,
  path: string,
  bytes: Uint8Array,
  directory?: string,
): Promise<void> {
  const draft = `${path}.tmp`;
  const file = await files.open(draft, "create");
  try {
    await writeAll(file, [bytes], bytes.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(draft, path);
  if (directory !== undefined) await files.syncDirectory(directory);
}
