import {
  closeSync,
  constants,
  fdatasync,
  fstat,
  ftruncate,
  openSync,
  read,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
  writev,
} from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { type Files, isSystemError, type LogFile, type OpenMode } from "./files.ts";

/**
 * Up to this size a write into the page cache takes less time than the trip to a thread and back: 4 µs
 * against 21 µs for 4 KiB, 29 µs against 52 µs for 256 KiB (benchmarks/journal.bench.ts).
 */
const WRITE_AT_ONCE_BYTES = 256 * 1024;

const readAsync = promisify(read);
const truncateAsync = promisify(ftruncate);
const syncAsync = promisify(fdatasync);
const statAsync = promisify(fstat);

/** The callback form: a promise of the promise form costs twice as much. */
const writevAsync = (fd: number, pieces: readonly Uint8Array[], offset: number): Promise<number> =>
  new Promise((resolve, reject) => {
    writev(fd, pieces as Uint8Array[], offset, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });

/** A write that takes longer than this stops everything else for too long. */
const SLOW_WRITE_MS = 5;
/** For so long after a slow one writes go to threads. */
const SLOW_PERIOD_MS = 1000;

class NodeFile implements LogFile {
  readonly #fd: number;
  #syncs = 0;
  #slowUntilMs = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(pieces: readonly Uint8Array[], offset: number): number | Promise<number> {
    const [piece] = pieces;
    if (pieces.length === 1 && piece !== undefined && piece.length <= WRITE_AT_ONCE_BYTES) {
      const startMs = performance.now();
      // A system that is busy with the disk lets writers wait, most of all while it syncs their file.
      if (this.#syncs === 0 && startMs >= this.#slowUntilMs) return this.#writeAtOnce(piece, offset, startMs);
    }
    return writevAsync(this.#fd, pieces, offset);
  }

  #writeAtOnce(piece: Uint8Array, offset: number, startMs: number): number {
    try {
      return writeSync(this.#fd, piece, 0, piece.length, offset);
    } finally {
      const endMs = performance.now();
      if (endMs - startMs > SLOW_WRITE_MS) this.#slowUntilMs = endMs + SLOW_PERIOD_MS;
    }
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const { bytesRead } = await readAsync(this.#fd, buffer, done, buffer.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  truncate(bytes: number): Promise<void> {
    return truncateAsync(this.#fd, bytes);
  }

  async sync(): Promise<void> {
    this.#syncs++;
    try {
      await syncAsync(this.#fd);
    } finally {
      this.#syncs--;
    }
  }

  async size(): Promise<number> {
    return (await statAsync(this.#fd)).size;
  }

  async close(): Promise<void> {
    closeSync(this.#fd);
  }
}

const flags: Readonly<Record<OpenMode, string>> = { read: "r", write: "r+", create: "w+" };
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Windows cannot open a directory to sync it, and some file systems refuse; their names need none. */
const harmless = ["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EBADF"];

/** The file system of this machine. */
export const nodeFiles: Files = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  },
  list: (path) => readdir(path),
  async open(path, mode) {
    return new NodeFile(openSync(path, flags[mode], FILE_MODE));
  },
  openDirect(path) {
    // Only Linux has it, and not on every file system.
    if (constants.O_DIRECT === undefined) return undefined;
    try {
      return new NodeFile(openSync(path, constants.O_WRONLY | constants.O_DIRECT));
    } catch (error) {
      if (isSystemError(error, "EINVAL") || isSystemError(error, "ENOTSUP")) return undefined;
      throw error;
    }
  },
  rename,
  stat(path) {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? { bytes: found.size, usedAtMs: found.mtimeMs } : undefined;
  },
  touch(path, atMs) {
    const at = new Date(atMs);
    utimesSync(path, at, at);
  },
  removeNow: (path) => rmSync(path, { force: true }),
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    try {
      const directory = await open(path, "r");
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    } catch (error) {
      if (!harmless.some((code) => isSystemError(error, code))) throw error;
    }
  },
};
