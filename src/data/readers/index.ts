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
export { planSegments } from "./plan.ts";
export { readWindows } from "./read-records.ts";
export { readSegment } from "./read-segment.ts";
export {
  type CsvFormat,
  decodeSegment,
  encodeSegment,
  type Format,
  type FormatOption,
  type Segment,
  segmentOf,
  segmentValue,
  toFormat,
} from "./segment.ts";
