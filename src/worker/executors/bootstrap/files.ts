import {
  BlobHandle,
  type FileContent,
  type FileStore,
  type FileWriter,
  type RangeOptions,
  type WriteOptions,
  writeContent,
} from "../../../data/readers/index.ts";
import { decodeValueWith, type FileRef, MusketeersError } from "../../../protocol/index.ts";
import {
  decodeFileBytes,
  decodeFileCredit,
  decodeFileEnd,
  encodeFileBytes,
  encodeFileClose,
  encodeFileCreate,
  encodeFileCredit,
  encodeFileFinish,
  encodeFileOpen,
} from "../sandbox/file-frames.ts";
import { frameKinds } from "../sandbox/frames.ts";

/** What a sandbox lets its agent send of one file before it has consumed some: at most, and at least. */
const READ_WINDOW_BYTES_MAX = 4 * 1024 * 1024;
const READ_WINDOW_BYTES_MIN = 16 * 1024;
/** What a sandbox sends of one file at once. */
const WRITE_CHUNK_BYTES = 256 * 1024;

interface Reading {
  readonly chunks: Uint8Array[];
  over: boolean;
  error: MusketeersError | undefined;
  wake: () => void;
}

interface Writing {
  credit: number;
  ended: FileRef | undefined;
  error: MusketeersError | undefined;
  wake: () => void;
}

/**
 * Files as a sandbox has them: it asks its agent over the pipe, a window at a time, and has no right to any
 * file itself. The agent's counterpart is `SandboxFiles`.
 */
export class PipeFiles implements FileStore {
  readonly #send: (frame: Uint8Array) => void;
  readonly #reading = new Map<number, Reading>();
  readonly #writing = new Map<number, Writing>();
  readonly #windowBytes: number;
  #next = 1;

  /** @param windowBytes of what it reads, all files together; see `fileWindowBytes` */
  constructor(send: (frame: Uint8Array) => void, windowBytes: number) {
    this.#send = send;
    this.#windowBytes = windowBytes;
  }

  /** Takes in what the agent says of files; false for frames of other kinds. The payload may be kept. */
  receive(kind: number, payload: Uint8Array): boolean {
    switch (kind) {
      case frameKinds.fileBytes: {
        const { id, bytes } = decodeFileBytes(payload);
        const reading = this.#reading.get(id);
        reading?.chunks.push(bytes);
        reading?.wake();
        return true;
      }
      case frameKinds.fileCredit: {
        const { id, bytes } = decodeFileCredit(payload);
        const writing = this.#writing.get(id);
        if (writing !== undefined) writing.credit += bytes;
        writing?.wake();
        return true;
      }
      case frameKinds.fileEnd: {
        const { id, ref, error } = decodeFileEnd(payload);
        const reading = this.#reading.get(id);
        const writing = this.#writing.get(id);
        if (reading !== undefined) Object.assign(reading, { over: true, error });
        if (writing !== undefined) Object.assign(writing, { ended: ref, error });
        reading?.wake();
        writing?.wake();
        return true;
      }
      default:
        return false;
    }
  }

  async *readFile(ref: FileRef, options: RangeOptions = {}): AsyncGenerator<Uint8Array> {
    const { start = 0, end = ref.bytes, signal } = options;
    if (start >= end) return;
    signal?.throwIfAborted();
    const id = this.#next++;
    // So that a merge of a thousand files needs no more memory than one of ten.
    const share = Math.floor(this.#windowBytes / (2 * (this.#reading.size + 1)));
    const windowBytes = Math.max(READ_WINDOW_BYTES_MIN, Math.min(READ_WINDOW_BYTES_MAX, share));
    const reading: Reading = { chunks: [], over: false, error: undefined, wake: () => {} };
    this.#reading.set(id, reading);
    const stop = () => reading.wake();
    signal?.addEventListener("abort", stop);
    this.#send(encodeFileOpen(id, ref, start, end, windowBytes));
    let owed = 0;
    try {
      for (;;) {
        signal?.throwIfAborted();
        const chunk = reading.chunks.shift();
        if (chunk !== undefined) {
          owed += chunk.length;
          if (owed >= windowBytes / 4) {
            this.#send(encodeFileCredit(id, owed));
            owed = 0;
          }
          yield chunk;
        } else if (reading.error !== undefined) throw reading.error;
        else if (reading.over) return;
        else await woken(reading);
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#reading.delete(id);
      if (!reading.over) this.#send(encodeFileClose(id));
    }
  }

  writeFile({ name }: WriteOptions = {}): FileWriter {
    const id = this.#next++;
    const writing: Writing = { credit: 0, ended: undefined, error: undefined, wake: () => {} };
    this.#writing.set(id, writing);
    this.#send(encodeFileCreate(id, name));
    let behind: Promise<void> | undefined;
    const sendAll = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; ) {
        while (writing.credit <= 0 && writing.error === undefined) await woken(writing);
        if (writing.error !== undefined) throw writing.error;
        const chunk = bytes.subarray(at, at + Math.min(writing.credit, WRITE_CHUNK_BYTES));
        writing.credit -= chunk.length;
        at += chunk.length;
        this.#send(encodeFileBytes(id, chunk));
      }
    };
    return {
      write: (bytes) => {
        if (writing.error !== undefined) throw writing.error;
        if (behind === undefined && bytes.length <= Math.min(writing.credit, WRITE_CHUNK_BYTES)) {
          writing.credit -= bytes.length;
          if (bytes.length > 0) this.#send(encodeFileBytes(id, bytes));
          return undefined;
        }
        const mine = (behind ?? Promise.resolve())
          .then(() => sendAll(bytes))
          .finally(() => {
            if (behind === mine) behind = undefined;
          });
        // Whoever does not wait hears of it at the end.
        mine.catch(() => {});
        behind = mine;
        return mine;
      },
      end: async () => {
        try {
          await behind;
          if (writing.error === undefined) this.#send(encodeFileFinish(id));
          while (writing.ended === undefined && writing.error === undefined) await woken(writing);
          if (writing.error !== undefined) throw writing.error;
          return writing.ended as unknown as FileRef;
        } finally {
          this.#writing.delete(id);
        }
      },
      abort: () => {
        if (!this.#writing.delete(id)) return;
        writing.error ??= new MusketeersError("JOB_CANCELLED", "The file was given up");
        writing.wake();
        this.#send(encodeFileClose(id));
      },
    };
  }
}

const woken = (waiting: { wake: () => void }): Promise<void> =>
  new Promise((resolve) => {
    waiting.wake = resolve;
  });

/** The files of this process. */
let current: PipeFiles | undefined;

function files(): PipeFiles {
  if (current === undefined) throw new MusketeersError("INTERNAL", "This sandbox has no files yet");
  return current;
}

/** What stages and handles of this sandbox read and write through. */
export const sandboxFiles: FileStore = {
  readFile: (ref, options) => files().readFile(ref, options),
  writeFile: (options) => files().writeFile(options),
};

/** What a file in an input becomes. */
export const toHandle = (ref: FileRef): BlobHandle => new BlobHandle(ref, sandboxFiles);

/** Bundles find these here; see the client's task runtime. */
const FILES = Symbol.for("musketeers.files");

/** Has the tasks of this process read and write files through a pipe. */
export function offerFiles(pipe: PipeFiles): void {
  current = pipe;
  const putFile = async (content: FileContent, options: WriteOptions = {}) =>
    toHandle(await writeContent(sandboxFiles, content, options));
  const readValue = async (file: BlobHandle) => decodeValueWith(toHandle, await file.bytes());
  (globalThis as { [FILES]?: object })[FILES] = { BlobHandle, putFile, readValue };
}
