import type { FileRef } from "../protocol/index.ts";

/** Which part of a file, in bytes of its content; `end` is not among them. */
export interface RangeOptions {
  readonly start?: number;
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/** Where the content of files comes from. */
export interface FileReader {
  /**
   * The bytes of a part of a file, in order, verified, in pieces of any size. What is not consumed is not
   * fetched beyond a bounded read-ahead; whoever leaves the loop ends the transfer.
   * The iteration throws MusketeersError `NOT_FOUND`, `BLOB_MISMATCH` …, or the signal's reason.
   */
  readFile(ref: FileRef, options?: RangeOptions): AsyncIterable<Uint8Array>;
}

/** A file that is being written. */
export interface FileWriter {
  /**
   * Appends bytes, which belong to the writer from then on. Gives a promise where the writer is behind: who
   * waits for it keeps memory bounded.
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /**
   * Ends it and says what it is.
   * @throws MusketeersError `STORAGE` …: what could not be stored.
   */
  end(): Promise<FileRef>;
  /** Gives it up; what was stored of it is forgotten in time. */
  abort(): void;
}

export interface WriteOptions {
  readonly name?: string;
}

/** Where files are read and written. */
export interface FileStore extends FileReader {
  writeFile(options?: WriteOptions): FileWriter;
}
