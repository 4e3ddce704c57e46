import { appendFile, mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type DiaryEntry, parseEntry } from "./entry.ts";

const FILE_MODE = 0o600;
const FOLLOW_MS = 500;

interface Look {
  readonly inode: number;
  readonly size: number;
}

async function lookAt(path: string): Promise<Look> {
  const found = await stat(path).catch(() => undefined);
  return { inode: found?.ino ?? 0, size: found?.size ?? 0 };
}

/** Where a file's older half goes when it is full. */
const olderOf = (path: string): string => `${path}.old`;

/** The log of all workers of a user: lines of JSON in two files, of which the older is dropped when both are full. */
export class DiaryFile {
  readonly path: string;
  readonly #bytesMax: number;
  #writing: Promise<void> = Promise.resolve();
  /** Of the newer half, how far it was read. */
  #read: Look | undefined;

  /** @param bytesMax of both files together; see `workerLogBytesMax` */
  constructor(path: string, bytesMax: number) {
    this.path = path;
    this.#bytesMax = bytesMax;
  }

  /** Appends entries in order; a disk that refuses loses them, and stops nobody's work. */
  append(entries: readonly DiaryEntry[]): Promise<void> {
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    this.#writing = this.#writing.then(() => this.#write(text)).catch(() => {});
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    if ((await lookAt(this.path)).size + text.length > this.#bytesMax / 2) {
      await rename(this.path, olderOf(this.path)).catch(() => {});
    }
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await appendFile(this.path, text, { mode: FILE_MODE });
  }

  /** What is there, the oldest first. */
  async *read(): AsyncGenerator<DiaryEntry> {
    yield* entriesOf(olderOf(this.path), 0);
    const { inode } = await lookAt(this.path);
    this.#read = { inode, size: yield* entriesOf(this.path, 0) };
  }

  /** What is appended after what was read, or from now on, until the signal; workers may run or not. */
  async *follow(signal: AbortSignal): AsyncGenerator<DiaryEntry> {
    let { inode, size: at } = this.#read ?? (await lookAt(this.path));
    while (!signal.aborted) {
      const now = await lookAt(this.path);
      if (now.inode !== inode) {
        // It was begun anew: what was not read of it is in the older half.
        if ((await lookAt(olderOf(this.path))).inode === inode) yield* entriesOf(olderOf(this.path), at);
        inode = now.inode;
        at = 0;
      }
      if (now.size > at) at = yield* entriesOf(this.path, at);
      else await pause(FOLLOW_MS, signal);
    }
  }
}

/** The entries of a file from a byte on; returns where the last whole line ended. */
async function* entriesOf(path: string, from: number): AsyncGenerator<DiaryEntry, number> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return from;
  try {
    let rest = Buffer.alloc(0);
    let at = from;
    for await (const chunk of file.createReadStream({ start: from, autoClose: false })) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        const entry = parseEntry(rest.toString("utf8", 0, end));
        at += end + 1;
        rest = rest.subarray(end + 1);
        if (entry !== undefined) yield entry;
      }
    }
    return at;
  } finally {
    await file.close();
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over, { once: true });
    if (signal.aborted) over();
  });
