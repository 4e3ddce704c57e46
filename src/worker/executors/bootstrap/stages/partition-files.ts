import { Arena, beginRun, endRun, parseCid } from "../../../../data/pairs/index.ts";
import type { FileStore, FileWriter } from "../../../../data/readers/index.ts";
import { type FileRef, OUTPUT_BYTES, setOutput } from "../../../../protocol/index.ts";

/** The files that one map leaves: one for each partition that gets anything, runs one behind the other. */
export class PartitionFiles {
  readonly partitions: number;
  readonly #files: FileStore;
  readonly #writers: (FileWriter | undefined)[];
  readonly #arenas: (Arena | undefined)[];
  readonly #starts: number[];
  #behind: Promise<void>[] = [];

  constructor(files: FileStore, partitions: number) {
    this.partitions = partitions;
    this.#files = files;
    this.#writers = new Array<FileWriter | undefined>(partitions);
    this.#arenas = new Array<Arena | undefined>(partitions);
    this.#starts = new Array<number>(partitions).fill(0);
  }

  /** Where the pairs of a partition's run at hand go. */
  arena(partition: number): Arena {
    let arena = this.#arenas[partition];
    if (arena === undefined) {
      arena = new Arena(4096);
      this.#arenas[partition] = arena;
      this.#starts[partition] = beginRun(arena);
    }
    return arena;
  }

  /** Ends the runs at hand and sends them off; what comes next are others. */
  endRuns(): void {
    for (const [partition, arena] of this.#arenas.entries()) {
      if (arena === undefined) continue;
      endRun(arena, this.#starts[partition]!);
      let writer = this.#writers[partition];
      if (writer === undefined) {
        writer = this.#files.writeFile();
        this.#writers[partition] = writer;
      }
      const wait = writer.write(arena.bytes.subarray(0, arena.length));
      if (wait !== undefined) this.#behind.push(wait);
      this.#arenas[partition] = undefined;
    }
  }

  /** Something was sent that is not taken yet. */
  get isBehind(): boolean {
    return this.#behind.length > 0;
  }

  async caughtUp(): Promise<void> {
    const behind = this.#behind;
    this.#behind = [];
    await Promise.all(behind);
  }

  /** Ends the files and gives the row that names them, as a value. */
  async end(): Promise<Uint8Array> {
    await this.caughtUp();
    const refs = await Promise.all(this.#writers.map((writer) => writer?.end()));
    return outputsRow(Array.from({ length: this.partitions }, (_, at) => refs[at]));
  }

  abort(): void {
    for (const writer of this.#writers) writer?.abort();
  }
}

/** The entries of a row, as they are a task's value. */
function outputsRow(refs: readonly (FileRef | undefined)[]): Uint8Array {
  const entries = new Uint8Array(refs.length * OUTPUT_BYTES);
  for (const [at, ref] of refs.entries()) {
    if (ref !== undefined) setOutput(entries, at, { ...parseCid(ref.cid), bytes: ref.bytes });
  }
  return entries;
}
