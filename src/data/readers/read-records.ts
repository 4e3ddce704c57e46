import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import type { FileReader } from "../file-store.ts";
import { CsvReader, type CsvRecord } from "./csv.ts";
import { inflate, PACKING_BYTES, packingOf } from "./inflate.ts";
import { linesBegunIn, type OpenRange, type Piece, placed, recordWindows } from "./record-windows.ts";
import type { CsvFormat, Format, Segment, WholeFormat } from "./segment.ts";
import { linesOf, textOf } from "./text.ts";

export interface SegmentOptions {
  readonly signal?: AbortSignal;
  /** Longest line or row. */
  readonly lineBytesMax?: number;
}

/** A segment with how its bytes are had. */
interface Opened {
  readonly open: OpenRange;
  readonly name: string;
  readonly lineBytesMax: number;
}

function opened({ file }: Segment, files: FileReader, options: SegmentOptions): Opened {
  const { signal, lineBytesMax = defaultLimits.lineBytesMax } = options;
  const open: OpenRange = (start, end) =>
    files.readFile(file, { start, end, ...(signal === undefined ? {} : { signal }) });
  return { open, name: file.name ?? file.cid, lineBytesMax };
}

/** Chunks, and how the first bytes say that they are packed. */
async function sniffed(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let head = new Uint8Array(0);
  while (head.length < PACKING_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    first.push(next.value);
    head = Uint8Array.from([...head, ...next.value.subarray(0, PACKING_BYTES)]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield* first;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { packing: packingOf(head), chunks: all() };
}

/** The content of a whole file, unpacked where its first bytes say that it is packed. */
export async function* unpacked(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { packing, chunks: all } = await sniffed(chunks);
  yield* packing === undefined ? all : inflate(all, packing, name);
}

async function* pieces({ open }: Opened, segment: Segment, name: string): AsyncGenerator<Piece> {
  const { file, start, end } = segment;
  if (start === 0 && end === file.bytes) yield* placed(unpacked(open(start, end), name));
  else yield* linesBegunIn(open, start, end, file.bytes);
}

/** The lines of a segment as they are, in windows; see `recordWindows`. */
async function* windowsOf(segment: Segment, how: Opened): AsyncGenerator<Piece> {
  yield* recordWindows(pieces(how, segment, how.name), how.lineBytesMax, how.name);
}

/**
 * The bytes of a segment's lines, with their ends, in windows that hold whole lines: for programs that work
 * on bytes. All segments of a file one after another are the file, unpacked where it was packed.
 */
export async function* readWindows(
  segment: Segment,
  files: FileReader,
  options: SegmentOptions = {},
): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of windowsOf(segment, opened(segment, files, options))) yield bytes;
}

/** What reads parts of files; the other one gives the file as it is. */
export type SplitFormat = Exclude<Format, WholeFormat>;

/** As `readSegment`, for the formats that look into the file. */
export async function* readRecords(
  segment: Segment & { readonly format: SplitFormat },
  files: FileReader,
  options: SegmentOptions = {},
): AsyncGenerator<readonly unknown[]> {
  const { format } = segment;
  const how = opened(segment, files, options);
  switch (format.kind) {
    case "bytes":
      for await (const { bytes } of windowsOf(segment, how)) yield [bytes];
      return;
    case "csv":
      yield* csvBatches(segment, format, how);
      return;
    default:
      for await (const window of windowsOf(segment, how)) {
        const lines = linesOf(textOf(window, format.lossy === true, how.name));
        const batch = format.kind === "lines" ? lines : jsonOf(lines, window, how.name);
        if (batch.length > 0) yield batch;
      }
  }
}

function jsonOf(lines: readonly string[], { offset }: Piece, name: string): unknown[] {
  const values: unknown[] = [];
  for (const [at, line] of lines.entries()) {
    if (line.trim() === "") continue;
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      const where = `line ${at + 1} behind byte ${offset}`;
      throw new MusketeersError("INVALID_DATA", `${name}: ${where} is no JSON: ${(cause as Error).message}`, {
        hint: "Each line has to be one JSON value.",
        cause,
      });
    }
  }
  return values;
}

async function* csvBatches(
  segment: Segment,
  format: CsvFormat,
  how: Opened,
): AsyncGenerator<readonly CsvRecord[]> {
  const { name, lineBytesMax } = how;
  const reader = await CsvReader.open(format, name, lineBytesMax);
  const text = (window: Piece) => textOf(window, format.lossy === true, name);
  if (segment.start > 0) {
    // The names of the fields stand in the first line, which is another segment's.
    const first = recordWindows(linesBegunIn(how.open, 0, 1, segment.file.bytes), lineBytesMax, name);
    for await (const window of first) reader.read(text(window));
  }
  for await (const window of windowsOf(segment, how)) {
    const rows = reader.read(text(window));
    if (rows.length > 0) yield rows;
  }
  const rows = reader.read();
  if (rows.length > 0) yield rows;
}
