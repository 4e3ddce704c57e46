import {
  type BlockSource,
  blockFiles,
  FileBuilder,
  type FileStore,
  type FileWriter,
  type RangeOptions,
  type WriteOptions,
} from "../../data/index.ts";
import { type FileRef, type Limits, MusketeersError } from "../../protocol/index.ts";

/** Counts bytes that are on their way; whoever is over the limit waits. */
class Backlog {
  readonly #bytesMax: number;
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    while (this.#bytes < this.#bytesMax) {
      const go = this.#waiting.shift();
      if (go === undefined) return;
      go();
    }
  }

  room(): Promise<void> | undefined {
    if (this.#bytes < this.#bytesMax) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Blocks for whoever reads each once and then gives it back. */
export interface LentBlocks {
  lend: BlockSource["get"];
  giveBack(bytes: Uint8Array): void;
}

/** Stores a block where others find it. */
export type StoreBlock = (cid: string, bytes: Uint8Array) => Promise<void>;

/** The files of a worker's tasks: read from blocks near and far, written as blocks that are stored while they are made. */
export class WorkerFiles implements FileStore {
  readonly #blocks: LentBlocks;
  readonly #store: StoreBlock;
  readonly #backlog: Backlog;

  constructor(blocks: LentBlocks, store: StoreBlock, limits: Pick<Limits, "fileBytesUnstoredMax">) {
    this.#blocks = blocks;
    this.#store = store;
    this.#backlog = new Backlog(limits.fileBytesUnstoredMax);
  }

  readFile(ref: FileRef, options?: RangeOptions): AsyncIterable<Uint8Array> {
    const get: BlockSource["get"] = (cid, call) => this.#blocks.lend(cid, call);
    return blockFiles({ get }).readFile(ref, options);
  }

  giveBack(chunk: Uint8Array): void {
    this.#blocks.giveBack(chunk);
  }

  writeFile({ name }: WriteOptions = {}): FileWriter {
    const storing: Promise<void>[] = [];
    let failure: { readonly error: unknown } | undefined;
    const put = (cid: string, bytes: Uint8Array) => {
      if (failure !== undefined) throw failure.error;
      this.#backlog.add(bytes.length);
      const stored = this.#store(cid, bytes)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => this.#backlog.remove(bytes.length));
      storing.push(stored);
      return this.#backlog.room();
    };
    const builder = new FileBuilder({ put });
    let last: Promise<void> = Promise.resolve();
    let stored: Promise<void> | undefined;
    const all = async () => {
      await Promise.all(storing);
      if (failure !== undefined) throw failure.error;
    };
    return {
      write(bytes) {
        last = last.then(() => builder.write(bytes));
        last.catch(() => {});
        return last;
      },
      async end() {
        await last;
        const { cid, bytes } = await builder.end();
        stored = all();
        stored.catch(() => {});
        return { cid, bytes, ...(name === undefined ? {} : { name }) };
      },
      get stored() {
        return stored;
      },
      abort() {
        failure ??= { error: new MusketeersError("JOB_CANCELLED", "The file was given up") };
      },
    };
  }
}
