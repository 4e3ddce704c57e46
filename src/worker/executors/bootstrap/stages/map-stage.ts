import { type FileStore, readSegment, type Segment, segmentOf } from "../../../../data/readers/index.ts";
import { combinerOf, type MapReduceFunctions } from "./definition.ts";
import { PartitionFiles } from "./partition-files.ts";
import { notePlace } from "./place.ts";
import { CombineTable } from "./table.ts";
import { TokenCounter } from "./token-counter.ts";

export interface StageOptions {
  readonly partitions: number;
  /** What may be held in memory before it is written. */
  readonly tableBytesMax: number;
}

/** What a map function gets beside the record. */
class MapContext {
  readonly #counter: () => TokenCounter;
  /** The file that the record is of, and where in it the segment lies; undefined where there is none. */
  readonly file: { readonly name: string; readonly cid: string } | undefined;

  constructor(file: MapContext["file"], counter: () => TokenCounter) {
    this.file = file;
    this.#counter = counter;
  }

  /** Counts pieces of bytes; each different one is emitted as a text with its count. */
  get counter(): TokenCounter {
    return this.#counter();
  }
}

/** A map's input that is records themselves and no part of a file. */
const recordsOf = (input: unknown): readonly unknown[] | undefined => {
  const { records } = (input ?? {}) as { readonly records?: unknown };
  return Array.isArray(records) ? records : undefined;
};

/**
 * Maps one segment, or a list of records: gives the row of the files that it leaves, as bytes. The same input
 * gives the same files.
 * @throws what the user's function throws; `INVALID_DATA`, `UNSERIALIZABLE`, `PROTOCOL`; what files throw
 */
export async function mapSegment(
  input: unknown,
  functions: MapReduceFunctions,
  files: FileStore,
  { partitions, tableBytesMax }: StageOptions,
): Promise<Uint8Array> {
  const outputs = new PartitionFiles(files, partitions);
  const combiner = combinerOf(functions);
  const table = new CombineTable(combiner, tableBytesMax, () => table.flush(outputs));
  // A counter's runs are counts already, so they need nothing but to be added.
  const countsAsIs =
    combiner.combine === undefined && (combiner.fold === undefined || combiner.fold.id === "sum");
  const emptyCounter = () => {
    if (countsAsIs) counter?.flush(outputs);
    else counter?.emitAll(table.emit);
  };
  let counter: TokenCounter | undefined;
  const counterOf = () => {
    counter ??= new TokenCounter(tableBytesMax, emptyCounter);
    return counter;
  };
  const { map } = functions;
  let segment: Segment | undefined;
  /** Records that were mapped before the one at hand; undefined while no function of the user's runs. */
  let before = 0;
  let at: number | undefined;
  try {
    const records = recordsOf(input);
    segment = records === undefined ? segmentOf(input) : undefined;
    const file = segment && { name: segment.file.name ?? "", cid: segment.file.cid };
    const context = new MapContext(file, counterOf);
    for await (const batch of segment === undefined ? [records!] : readSegment(segment, files)) {
      for (at = 0; at < batch.length; at++) {
        const wait = map(batch[at], table.emit, context);
        if (typeof wait === "object" && wait !== null) await wait;
        if (outputs.isBehind) await outputs.caughtUp();
      }
      before += batch.length;
      at = undefined;
    }
    emptyCounter();
    table.flush(outputs);
    return await outputs.end();
  } catch (error) {
    outputs.abort();
    if (segment !== undefined && at !== undefined) notePlace(error, segment, before + at + 1);
    throw error;
  }
}
