import type { FileStore, FileWriter } from "../../../data/index.ts";
import { type Limits, MusketeersError, toMusketeersError } from "../../../protocol/index.ts";
import {
  decodeFileBytes,
  decodeFileCreate,
  decodeFileCredit,
  decodeFileOpen,
  encodeFileBytesHead,
  encodeFileCredit,
  encodeFileEnd,
  type FileEnd,
  type FileOpen,
  fileIdOf,
} from "./file-frames.ts";
import { frameKinds } from "./frames.ts";

/** The way into a sandbox. */
export interface SandboxPipe {
  /**
   * Writes parts behind each other; gives a promise where it is full.
   * @param onWritten told when the system has all of them, unless the sandbox ends before
   */
  write(parts: readonly Uint8Array[], onWritten?: () => void): Promise<void> | undefined;
}

export interface SandboxFilesOptions {
  readonly pipe: SandboxPipe;
  /** Where files are of whoever the sandbox works for at the moment; undefined where there are none. */
  readonly store: () => FileStore | undefined;
  readonly limits: Pick<Limits, "sandboxFilesMax" | "fileWindowBytes">;
  /** Told when the sandbox begins to wait for its agent, and when it does so no more. */
  readonly onWaiting: (isWaiting: boolean) => void;
}

interface Reading {
  readonly stop: AbortController;
  credit: number;
  wake: () => void;
}

interface Writing {
  readonly writer: FileWriter;
  /** What the sandbox may still send. */
  credit: number;
  queue: Promise<void>;
}

/** Largest frame of a file's bytes. */
const FRAME_BYTES = 256 * 1024;
/** What a sandbox may send of a file before some of it was taken. */
const WRITE_WINDOW_BYTES = 1024 * 1024;

const broken = (what: string) => new MusketeersError("PROTOCOL", `Sandbox files: ${what}`);

/** The agent's end of a sandbox's files: fetches what it asks for, stores what it writes, both within windows. */
export class SandboxFiles {
  readonly #options: SandboxFilesOptions;
  readonly #reading = new Map<number, Reading>();
  readonly #writing = new Map<number, Writing>();
  /** Files that are written and not where they are to be. */
  readonly #storing = new Set<Promise<void>>();
  #waits = 0;
  #over = false;

  constructor(options: SandboxFilesOptions) {
    this.#options = options;
  }

  /**
   * Takes a frame about files; false for one of another kind.
   * @throws MusketeersError `PROTOCOL`, or a `RangeError` where the payload is too short.
   */
  receive(kind: number, payload: Uint8Array): boolean {
    switch (kind) {
      case frameKinds.fileOpen:
        this.#open(decodeFileOpen(payload));
        return true;
      case frameKinds.fileCreate:
        this.#create(payload);
        return true;
      case frameKinds.fileBytes:
        this.#write(payload);
        return true;
      case frameKinds.fileFinish:
        this.#finish(fileIdOf(payload));
        return true;
      case frameKinds.fileCredit: {
        const { id, bytes } = decodeFileCredit(payload);
        const reading = this.#reading.get(id);
        // One that has ended meanwhile needs none.
        if (reading === undefined) return true;
        reading.credit += bytes;
        if (reading.credit > this.#options.limits.fileWindowBytes)
          throw broken("more credit than is allowed");
        reading.wake();
        return true;
      }
      case frameKinds.fileClose:
        this.#close(fileIdOf(payload));
        return true;
      default:
        return false;
    }
  }

  /** Fulfilled when what was written so far is stored; undefined where it is. Rejected where it cannot be. */
  stored(): Promise<void> | undefined {
    return this.#storing.size === 0 ? undefined : Promise.all(this.#storing).then(() => {});
  }

  /** Ends all transfers; nothing is said to the sandbox any more. */
  end(): void {
    this.#over = true;
    for (const id of [...this.#reading.keys(), ...this.#writing.keys()]) this.#close(id);
  }

  #claim(id: number): void {
    if (this.#reading.has(id) || this.#writing.has(id)) throw broken("a number that is taken");
  }

  /** Whether one more may be opened; says so where not. */
  #hasRoom(id: number): boolean {
    const { sandboxFilesMax } = this.#options.limits;
    if (this.#reading.size + this.#writing.size < sandboxFilesMax) return true;
    const message = `More than ${sandboxFilesMax} files are open at once, which is sandboxFilesMax`;
    const hint = "Read or write fewer at a time, and read each to its end or leave its loop.";
    this.#sayEnd(id, { error: new MusketeersError("LIMIT_EXCEEDED", message, { hint }) });
    return false;
  }

  #store(): FileStore {
    const store = this.#options.store();
    if (store === undefined) throw new MusketeersError("NOT_FOUND", "This worker has no files");
    return store;
  }

  #sayEnd(id: number, end: Omit<FileEnd, "id">): void {
    if (!this.#over) void this.#options.pipe.write([encodeFileEnd(id, end)]);
  }

  #open(open: FileOpen): void {
    this.#claim(open.id);
    if (open.credit > this.#options.limits.fileWindowBytes) throw broken("more credit than is allowed");
    if (!this.#hasRoom(open.id)) return;
    const reading = { stop: new AbortController(), credit: open.credit, wake: () => {} };
    this.#reading.set(open.id, reading);
    void this.#read(open, reading)
      .then(
        () => ({}),
        (error: unknown) => ({ error: toMusketeersError(error) }),
      )
      .then((end) => {
        // What was closed is over for the sandbox, which may have taken its number for another.
        if (this.#reading.get(open.id) !== reading) return;
        this.#reading.delete(open.id);
        this.#sayEnd(open.id, end);
      });
  }

  async #read({ id, ref, start, end }: FileOpen, reading: Reading): Promise<void> {
    const { signal } = reading.stop;
    const { pipe } = this.#options;
    const readAheadBlocks = Math.max(1, Math.ceil(reading.credit / FRAME_BYTES));
    const store = this.#store();
    const content = store.readFile(ref, { start, end, signal, readAheadBlocks });
    const chunks = content[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#awaited(chunks.next());
        if (next.done === true) return;
        const chunk = next.value;
        for (let at = 0; at < chunk.length; ) {
          while (reading.credit <= 0) {
            await new Promise<void>((resolve) => {
              reading.wake = resolve;
            });
            signal.throwIfAborted();
          }
          const part = chunk.subarray(at, at + Math.min(reading.credit, FRAME_BYTES));
          reading.credit -= part.length;
          at += part.length;
          const onWritten = at < chunk.length ? undefined : () => store.giveBack?.(chunk);
          await pipe.write([encodeFileBytesHead(id, part.length), part], onWritten);
          signal.throwIfAborted();
        }
      }
    } finally {
      void chunks.return?.().catch(() => {});
    }
  }

  /** The sandbox has nothing to do until this is there. */
  async #awaited<T>(promise: Promise<T>): Promise<T> {
    if (this.#waits++ === 0) this.#options.onWaiting(true);
    try {
      return await promise;
    } finally {
      if (--this.#waits === 0) this.#options.onWaiting(false);
    }
  }

  #create(payload: Uint8Array): void {
    const { id, name } = decodeFileCreate(payload);
    this.#claim(id);
    if (!this.#hasRoom(id)) return;
    let writer: FileWriter;
    try {
      writer = this.#store().writeFile(name === undefined ? {} : { name });
    } catch (error) {
      this.#sayEnd(id, { error: toMusketeersError(error) });
      return;
    }
    this.#writing.set(id, { writer, credit: WRITE_WINDOW_BYTES, queue: Promise.resolve() });
    void this.#options.pipe.write([encodeFileCredit(id, WRITE_WINDOW_BYTES)]);
  }

  #write(payload: Uint8Array): void {
    const { id, bytes } = decodeFileBytes(payload);
    const writing = this.#writing.get(id);
    // One that has failed meanwhile takes nothing any more.
    if (writing === undefined) return;
    writing.credit -= bytes.length;
    if (writing.credit < 0) throw broken("more bytes than were allowed");
    this.#then(id, writing, async () => {
      await this.#awaited(Promise.resolve(writing.writer.write(bytes)));
      if (this.#writing.get(id) !== writing) return;
      writing.credit += bytes.length;
      void this.#options.pipe.write([encodeFileCredit(id, bytes.length)]);
    });
  }

  #finish(id: number): void {
    const writing = this.#writing.get(id);
    if (writing === undefined) return;
    this.#then(id, writing, async () => {
      const ref = await this.#awaited(writing.writer.end());
      this.#remember(writing.writer.stored);
      if (this.#writing.get(id) !== writing) return;
      this.#writing.delete(id);
      this.#sayEnd(id, { ref });
    });
  }

  #remember(stored: Promise<void> | undefined): void {
    if (stored === undefined) return;
    this.#storing.add(stored);
    // A failure stays, so that whoever names the file hears of it.
    stored.then(
      () => this.#storing.delete(stored),
      () => {},
    );
  }

  /** Behind what was sent before; the first failure ends the file. */
  #then(id: number, writing: Writing, action: () => Promise<void>): void {
    writing.queue = writing.queue.then(action).catch((error: unknown) => {
      if (this.#writing.get(id) !== writing) return;
      this.#writing.delete(id);
      writing.writer.abort();
      this.#sayEnd(id, { error: toMusketeersError(error) });
    });
  }

  #close(id: number): void {
    const reading = this.#reading.get(id);
    if (reading !== undefined) {
      this.#reading.delete(id);
      reading.stop.abort(new MusketeersError("JOB_CANCELLED", "The file was left"));
      reading.wake();
    }
    const writing = this.#writing.get(id);
    if (writing !== undefined) {
      this.#writing.delete(id);
      writing.writer.abort();
    }
  }
}
