import type { FileRef } from "../protocol/index.ts";

/** Which part of a file, in bytes of its content; `end` is not among them. */
export interface RangeOptions {
  readonly start?: number;
  readonly end?: number;
  readonly signal?: AbortSignal;
  /** Blocks that are fetched ahead of what was consumed. */
  readonly readAheadBlocks?: number;
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
  /** Once it has ended: settles when all of it is where others find it; undefined where it is already. */
  readonly stored?: Promise<void> | undefined;
  /** Gives it up; what was stored of it is forgotten in time. */
  abort(): void;
}

export interface WriteOptions {
  readonly name?: string;
}

/** Where files are read and written. */
export interface FileStore extends FileReader {
  /** What `readFile` gave is used no more, by nobody, so that its memory may be used again. */
  giveBack?(chunk: Uint8Array): void;
  writeFile(options?: WriteOptions): FileWriter;
}

/** What a file may be made of. */
export type FileContent =
  | string
  | Uint8Array
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>;

/** Writes a file of what is given, piece by piece; text as UTF-8. */
export async function writeContent(
  files: FileStore,
  content: FileContent,
  options: WriteOptions = {},
): Promise<FileRef> {
  const text = new TextEncoder();
  const parts = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  const writer = files.writeFile(options);
  try {
    for await (const part of parts) await writer.write(typeof part === "string" ? text.encode(part) : part);
    return await writer.end();
  } catch (error) {
    writer.abort();
    throw error;
  }
}
