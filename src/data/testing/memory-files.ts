import { defaultLimits, type FileRef } from "../../protocol/index.ts";
import { concatBytes } from "../bytes.ts";
import { cidOf } from "../cid.ts";
import type { FileStore, FileWriter, RangeOptions, WriteOptions } from "../file-store.ts";

/** Files in memory, for tests: a file is one blob, and gives its content in chunks of a chosen size. */
export class MemoryFiles implements FileStore {
  readonly contents = new Map<string, Uint8Array>();
  /** What was read, in order. */
  readonly reads: { readonly cid: string; readonly start: number; readonly end: number }[] = [];
  readonly #chunkBytes: number;

  constructor(chunkBytes = defaultLimits.blockBytesTarget) {
    this.#chunkBytes = chunkBytes;
  }

  add(content: Uint8Array | string, name?: string): FileRef {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const cid = cidOf(bytes);
    this.contents.set(cid, bytes);
    return { cid, bytes: bytes.length, ...(name === undefined ? {} : { name }) };
  }

  async *readFile({ cid }: FileRef, options: RangeOptions = {}): AsyncGenerator<Uint8Array> {
    const content = this.contents.get(cid);
    if (content === undefined) throw new Error(`no file ${cid}`);
    const { start = 0, end = content.length, signal } = options;
    this.reads.push({ cid, start, end });
    for (let at = start; at < Math.min(end, content.length); at += this.#chunkBytes) {
      signal?.throwIfAborted();
      yield content.subarray(at, Math.min(at + this.#chunkBytes, end, content.length));
    }
  }

  writeFile({ name }: WriteOptions = {}): FileWriter {
    const parts: Uint8Array[] = [];
    return {
      write: (bytes) => {
        parts.push(bytes.slice());
        return undefined;
      },
      end: async () =>
        this.add(
          concatBytes(
            parts,
            parts.reduce((sum, { length }) => sum + length, 0),
          ),
          name,
        ),
      abort: () => {},
    };
  }
}
