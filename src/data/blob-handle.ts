import { type FileRef, fileRefKey, fileRefOf, MusketeersError } from "../protocol/index.ts";
import { concatBytes } from "./bytes.ts";
import type { FileReader, RangeOptions } from "./file-store.ts";
import type { CsvRecord } from "./readers/csv.ts";
import { readRecords, type SplitFormat, unpacked } from "./readers/read-records.ts";

export interface TextOptions {
  /** Bytes that are no UTF-8 become U+FFFD instead of an error. */
  readonly lossy?: boolean;
  readonly signal?: AbortSignal;
}

export interface CsvOptions extends TextOptions {
  /** What stands between fields; a comma where nothing is said. */
  readonly delimiter?: string;
}

/**
 * A file of the cluster by its content: a value that may be an input, a part of one, or of a result. Its
 * content is fetched when it is asked for, verified block by block.
 */
export class BlobHandle {
  readonly #files: FileReader;
  readonly #ref: FileRef;

  constructor(ref: FileRef, files: FileReader) {
    this.#ref = ref;
    this.#files = files;
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return fileRefOf(value) !== undefined && typeof (value as Partial<BlobHandle>).stream === "function";
  }

  get [fileRefKey](): FileRef {
    return this.#ref;
  }

  get cid(): string {
    return this.#ref.cid;
  }

  /** Bytes of its content. */
  get size(): number {
    return this.#ref.bytes;
  }

  /** Where it stood in its folder, with slashes; undefined where it has no name. */
  get name(): string | undefined {
    return this.#ref.name;
  }

  toJSON(): { cid: string; size: number; name?: string } {
    const { cid, bytes, name } = this.#ref;
    return { cid, size: bytes, ...(name === undefined ? {} : { name }) };
  }

  /** The content, or `[start, end)` of it, as it is, piece by piece; nothing large is held in memory. */
  stream(options: RangeOptions = {}): AsyncIterable<Uint8Array> {
    return this.#files.readFile(this.#ref, options);
  }

  /** The content, or `[start, end)` of it, as it is and as a whole. */
  async bytes(options: RangeOptions = {}): Promise<Uint8Array> {
    return gathered(this.stream(options));
  }

  /**
   * The content as text; that of a gzip or zstd file is what it holds.
   * @throws MusketeersError `INVALID_DATA` for what is no UTF-8.
   */
  async text({ lossy = false, signal }: TextOptions = {}): Promise<string> {
    const whole = await gathered(unpacked(this.stream(withSignal(signal)), this.#label));
    try {
      return new TextDecoder("utf-8", { fatal: !lossy }).decode(whole);
    } catch (cause) {
      throw new MusketeersError("INVALID_DATA", `${this.#label} is no UTF-8`, {
        hint: "Read it with { lossy: true }, as bytes, or convert it to UTF-8.",
        cause,
      });
    }
  }

  /** Its lines, without their ends (LF or CRLF). */
  lines(options: TextOptions = {}): AsyncIterable<string> {
    return this.#records({ kind: "lines", lossy: options.lossy === true }, options) as AsyncIterable<string>;
  }

  /** One JSON value a line. */
  jsonLines<T = unknown>(options: TextOptions = {}): AsyncIterable<T> {
    return this.#records({ kind: "jsonl", lossy: options.lossy === true }, options) as AsyncIterable<T>;
  }

  /** Rows as objects by the names of the first row. */
  csv(options: CsvOptions = {}): AsyncIterable<CsvRecord> {
    const { lossy = false, delimiter = "," } = options;
    return this.#records({ kind: "csv", lossy, delimiter }, options) as AsyncIterable<CsvRecord>;
  }

  get #label(): string {
    return this.#ref.name ?? this.#ref.cid;
  }

  async *#records(format: SplitFormat, { signal }: TextOptions): AsyncGenerator<unknown> {
    const segment = { file: this.#ref, start: 0, end: this.#ref.bytes, format };
    for await (const batch of readRecords(segment, this.#files, withSignal(signal))) yield* batch;
  }
}

const withSignal = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
  }
  return concatBytes(parts, length);
}
