/** Files as records: how they are split, and what their splits hold. */
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
