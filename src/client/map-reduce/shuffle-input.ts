import {
  type FileReader,
  type FormatOption,
  planSegments,
  type Segment,
  segmentValue,
} from "../../data/index.ts";
import { encodeValue, type FileRef, fileRefOf, type Limits, MusketeersError } from "../../protocol/index.ts";
import type { FileInput } from "./map-reduce.ts";

/** What a map-reduce can read: a dataset, files, or anything else that is iterable as records themselves. */
export type ShuffleInput = FileInput | Iterable<unknown> | AsyncIterable<unknown>;

export interface InputOptions {
  readonly format: FormatOption | undefined;
  readonly segmentBytes: number | undefined;
  readonly files: FileReader;
  readonly limits: Limits;
  /** Makes files of the cluster of what a URL names. */
  readonly fetchFiles: (url: URL) => Promise<AsyncIterable<unknown>>;
}

/** Records of one map where the input is no files. */
const RECORDS_MAX = 10_000;

/**
 * The inputs of the maps, as they are asked for: segments of files, or lists of records.
 * @throws MusketeersError `BAD_ARGUMENT` for what is no input
 */
export async function* mapInputs(input: unknown, options: InputOptions): AsyncGenerator<unknown> {
  const iterator = iteratorOf(input);
  try {
    const first = await iterator.next();
    if (first.done === true) return;
    const rest = following(first.value, iterator);
    if (isFile(first.value)) yield* segmentsOf(rest, options);
    else yield* batchesOf(rest, options.limits.blockBytesTarget);
  } finally {
    await iterator.return?.();
  }
}

interface Folder {
  files(): AsyncIterable<unknown>;
}

/** Whether it is a dataset. */
const isFolder = (item: unknown): item is Folder =>
  typeof item === "object" && item !== null && "files" in item && typeof item.files === "function";

const isFile = (item: unknown): boolean =>
  item instanceof URL || isFolder(item) || fileRefOf(item) !== undefined;

function iteratorOf(input: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  if (isFile(input)) return [input][Symbol.iterator]();
  if (typeof input === "object" && input !== null) {
    if (Symbol.asyncIterator in input) return (input as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    if (Symbol.iterator in input) return (input as Iterable<unknown>)[Symbol.iterator]();
  }
  throw new MusketeersError("BAD_ARGUMENT", "The input is nothing that can be mapped", {
    hint:
      typeof input === "string"
        ? "A text may be a name or a path: pass cluster.dataset(name), or await cluster.put(path)."
        : "Pass cluster.dataset(name), files of one, URLs, or any iterable of records.",
  });
}

async function* following(
  first: unknown,
  iterator: AsyncIterator<unknown> | Iterator<unknown>,
): AsyncGenerator<unknown> {
  yield first;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}

async function* segmentsOf(items: AsyncIterable<unknown>, options: InputOptions): AsyncGenerator<unknown> {
  const { format, segmentBytes, files } = options;
  const plan = planSegments(filesOf(items, options), {
    ...(format === undefined ? {} : { format }),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    files,
  });
  for await (const segment of plan) yield segmentValue(segment satisfies Segment);
}

async function* filesOf(items: AsyncIterable<unknown>, options: InputOptions): AsyncGenerator<FileRef> {
  for await (const item of items) {
    if (item instanceof URL) {
      yield* filesOf(await options.fetchFiles(item), options);
      continue;
    }
    if (isFolder(item)) {
      yield* filesOf(item.files(), options);
      continue;
    }
    const ref = fileRefOf(item);
    if (ref === undefined) {
      throw new MusketeersError(
        "BAD_ARGUMENT",
        "The input is files at first and something else behind them",
        {
          hint: "Give either files or records.",
        },
      );
    }
    yield ref;
  }
}

async function* batchesOf(items: AsyncIterable<unknown>, bytesMax: number): AsyncGenerator<unknown> {
  let records: unknown[] = [];
  let bytes = 0;
  for await (const item of items) {
    records.push(item);
    bytes += encodeValue(item).length;
    if (bytes < bytesMax && records.length < RECORDS_MAX) continue;
    yield { records };
    records = [];
    bytes = 0;
  }
  if (records.length > 0) yield { records };
}
