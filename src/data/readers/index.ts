/**
 * Files as whoever uses them sees them, wherever their blocks are: handles, records, splits. A face of its own,
 * because sandboxes need just this.
 */
export { BlobHandle, type CsvOptions, type TextOptions } from "../blob-handle.ts";
export {
  type FileContent,
  type FileReader,
  type FileStore,
  type FileWriter,
  type RangeOptions,
  type WriteOptions,
  writeContent,
} from "../file-store.ts";
export type { CsvRecord } from "./csv.ts";
export { type PlanOptions, planSegments } from "./plan.ts";
export { readWindows, type SegmentOptions } from "./read-records.ts";
export { readSegment } from "./read-segment.ts";
export {
  type BytesFormat,
  type CsvFormat,
  decodeSegment,
  encodeSegment,
  type Format,
  type FormatOption,
  type JsonLinesFormat,
  type LinesFormat,
  type Segment,
  segmentOf,
  segmentValue,
  toFormat,
  type WholeFormat,
} from "./segment.ts";
