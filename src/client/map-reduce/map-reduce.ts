import type { BlobHandle, CsvFormat, CsvRecord, FormatOption, Key } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { checkOptionNames, resolveOptions, type TaskOptions } from "../options.ts";
import type { Reducer } from "../runtime.ts";
import { markTask, nextSite, type Task } from "../tasks/task.ts";

/** Takes a pair of a key and a value. */
export type Emit<K, V> = (key: K, value: V) => void;

/** Counts pieces of bytes; each different one is emitted as a text with its count. */
export interface TokenCounter {
  /** Counts `bytes[start..end)`, once where `by` is not given. */
  add(bytes: Uint8Array, start?: number, end?: number, by?: number): void;
  /** Counts what stands between separators, ASCII characters; spaces and line ends where nothing is said. */
  addTokens(bytes: Uint8Array, separators?: string): void;
}

/** What a map function gets beside record and `emit`. */
export interface MapContext {
  readonly counter: TokenCounter;
  /** The file that the record is of; undefined where the input is no files. */
  readonly file: { readonly name: string; readonly cid: string } | undefined;
}

/** What a record of a format is. */
export type RecordOf<F> = F extends "lines" | { readonly kind: "lines" }
  ? string
  : F extends "csv" | CsvFormat
    ? CsvRecord
    : F extends "bytes" | { readonly kind: "bytes" }
      ? Uint8Array
      : F extends "whole" | { readonly kind: "whole" }
        ? BlobHandle
        : unknown;

/** A file, what a URL names, or a dataset. */
type FileSource = BlobHandle | URL | { files(): AsyncIterable<BlobHandle> };

/** Files, in any of the ways in which they may be an input. */
export type FileInput = FileSource | Iterable<FileSource> | AsyncIterable<FileSource>;

/** What the records of an input are: those of its format, or the items of what is no files. */
export type RecordIn<I, F> = I extends FileInput
  ? RecordOf<F>
  : I extends Iterable<infer R> | AsyncIterable<infer R>
    ? R
    : unknown;

/** How a map-reduce reads its input and divides its output. */
export interface ShuffleOptions<F extends FormatOption = FormatOption> {
  /** How files are read; `"lines"` where nothing is said. */
  readonly format?: F;
  /** Into how many parts keys are divided, each reduced by itself; 8 where nothing is said. */
  readonly partitions?: number;
  /** About how many bytes of a file one map gets. */
  readonly segmentBytes?: number;
}

/** The functions of a map-reduce, with its options. */
export interface MapReduceDefinition<
  R = string,
  K extends Key = string,
  V = number,
  O = number,
  F extends FormatOption = FormatOption,
> extends TaskOptions,
    ShuffleOptions<F> {
  readonly map: (record: R, emit: Emit<K, V>, context: MapContext) => void | Promise<void>;
  /** Brings values of a key together before they travel; the package's reducers do so by themselves. */
  readonly combine?: (key: K, values: Iterable<V>) => V;
  readonly reduce: Reducer<K, V, O>;
}

/** A map-reduce whose code a cluster can find. */
export interface MapReduce<K extends Key = Key, O = unknown> extends Task {
  /** Only for the compiler. */
  readonly "~gives"?: readonly [K, O];
}

const others = ["map", "combine", "reduce", "format", "partitions", "segmentBytes"];

/** @throws MusketeersError `BAD_ARGUMENT` for what is no definition */
export function checkDefinition(definition: object, more: readonly string[] = []): void {
  checkOptionNames(definition, [...others, ...more]);
  const { map, combine, reduce } = definition as { readonly [name: string]: unknown };
  for (const [name, fn] of Object.entries({ map, reduce, combine: combine ?? map })) {
    if (typeof fn === "function") continue;
    throw new MusketeersError("BAD_ARGUMENT", `${name} is no function`, {
      hint: "A map-reduce is { map(record, emit), combine?(key, values), reduce(key, values) }.",
    });
  }
}

/** The options of a definition alone. */
export function optionsOf<D extends object>(definition: D): Omit<D, "map" | "combine" | "reduce"> {
  const { map: _map, combine: _combine, reduce: _reduce, ...options } = definition as Record<string, unknown>;
  return options as Omit<D, "map" | "combine" | "reduce">;
}

/** The task's own options of those of a map-reduce. */
export function taskOptionsOf(options: TaskOptions & ShuffleOptions): TaskOptions {
  const { format: _format, partitions: _partitions, segmentBytes: _segmentBytes, ...rest } = options;
  return rest;
}

/** @throws MusketeersError `BAD_ARGUMENT` for canaries, which would need answers that are rows of files. */
export function checkVotes({ canaries }: TaskOptions): void {
  if (canaries === undefined) return;
  throw new MusketeersError("BAD_ARGUMENT", "A map-reduce has no inputs with known answers: canaries", {
    hint: "Let people be proven by other jobs, or have a trusted worker take part.",
  });
}

/**
 * Defines a map-reduce at the top level of a module, from where it is bundled as tasks are: its functions may
 * use everything that the module has. Run it with `cluster.mapReduce(definition, { input })`.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export function mapReduce<
  K extends Key = string,
  V = number,
  O = number,
  const F extends FormatOption = "lines",
  R = RecordOf<F>,
>(definition: MapReduceDefinition<R, K, V, O, F>): MapReduce<K, O> {
  const site = nextSite(mapReduce as never);
  checkDefinition(definition);
  const options = optionsOf(definition);
  if ("same" in options)
    throw new MusketeersError("BAD_ARGUMENT", "A map-reduce has no answers to compare: same");
  checkVotes(taskOptionsOf(options));
  resolveOptions(taskOptionsOf(options));
  const call = (): never => {
    throw new MusketeersError("BAD_ARGUMENT", "A map-reduce is run by cluster.mapReduce(…)");
  };
  return markTask(call, options.name ?? "", { options, site }) as MapReduce<K, O>;
}
