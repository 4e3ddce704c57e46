import {
  asFileValue,
  decodeValue,
  encodeValue,
  type FileRef,
  fileRefOf,
  MusketeersError,
} from "../../protocol/index.ts";

interface TextFormat {
  /** Bytes that are no UTF-8 become U+FFFD instead of an error. */
  readonly lossy?: boolean;
}

/** Lines of text without their ends, which are LF or CRLF. */
export interface LinesFormat extends TextFormat {
  readonly kind: "lines";
}

/** One JSON value a line; blank lines are none. */
export interface JsonLinesFormat extends TextFormat {
  readonly kind: "jsonl";
}

/** Rows as objects by the names of the first row. */
export interface CsvFormat extends TextFormat {
  readonly kind: "csv";
  /** What stands between fields; a comma where nothing is said. */
  readonly delimiter?: string;
  /** Nothing in quotes holds a line end, so that a file may be split at its line ends. */
  readonly split?: boolean;
}

/** Each file is one record. */
export interface WholeFormat {
  readonly kind: "whole";
}

/** Windows of bytes that end where a line does. */
export interface BytesFormat {
  readonly kind: "bytes";
}

export type Format = LinesFormat | JsonLinesFormat | CsvFormat | WholeFormat | BytesFormat;

/** How an input is read: the name of a format, or one with its options. */
export type FormatOption = Format["kind"] | Format;

/** A part of a file: the records that begin in `[start, end)`, in bytes. */
export interface Segment {
  readonly file: FileRef;
  readonly start: number;
  readonly end: number;
  readonly format: Format;
}

const kinds: readonly string[] = ["lines", "jsonl", "csv", "whole", "bytes"] satisfies Format["kind"][];

/** @throws MusketeersError `BAD_ARGUMENT` for what is no format. */
export function toFormat(option: FormatOption): Format {
  const format = (typeof option === "string" ? { kind: option } : option) as Format;
  if (!kinds.includes(format?.kind)) {
    throw new MusketeersError("BAD_ARGUMENT", `No format: ${JSON.stringify(option)}`, {
      hint: `Formats are ${kinds.join(", ")}.`,
    });
  }
  if (format.kind === "csv" && format.delimiter !== undefined && !/^[^\r\n"]$/u.test(format.delimiter)) {
    throw new MusketeersError("BAD_ARGUMENT", `No delimiter: ${JSON.stringify(format.delimiter)}`, {
      hint: "A delimiter is one character, such as a comma, a semicolon or a tab.",
    });
  }
  return format;
}

/** A segment as one record; its file's part is seen by whoever looks for files in records. */
export const encodeSegment = (segment: Segment): Uint8Array => encodeValue(segmentValue(segment));

/** @throws MusketeersError `PROTOCOL` for what is no segment. */
export const decodeSegment = (record: Uint8Array): Segment => segmentOf(decodeValue(record));

/** A segment as its record's value. @throws MusketeersError `PROTOCOL` for what is none. */
export function segmentOf(value: unknown): Segment {
  const [part, format] = Array.isArray(value) && value.length === 2 ? value : [];
  const ref = fileRefOf(part);
  if (ref?.start === undefined || ref.end === undefined || !kinds.includes((format as Format)?.kind)) {
    throw new MusketeersError("PROTOCOL", "A record that is no segment");
  }
  const { start, end, ...file } = ref;
  return { file, start, end, format: format as Format };
}

/** What `encodeSegment` encodes, for whoever sends values. */
export const segmentValue = ({ file, start, end, format }: Segment): unknown => [
  asFileValue({ ...file, start, end }),
  format,
];
