import { BlobHandle } from "../blob-handle.ts";
import type { FileReader } from "../file-store.ts";
import { readRecords, type SegmentOptions } from "./read-records.ts";
import type { Segment } from "./segment.ts";

/**
 * The records that begin in a segment, in order, in batches of any size that is not 0. What they are follows
 * from the format: `lines` strings, `jsonl` values, `csv` objects of strings, `whole` one `BlobHandle`,
 * `bytes` windows. Files that are packed by gzip or zstd are read as what they hold.
 * The iteration throws MusketeersError `INVALID_DATA` for what is no such content, `LIMIT_EXCEEDED` for lines
 * over `lineBytesMax`, or what reading throws.
 */
export async function* readSegment(
  segment: Segment,
  files: FileReader,
  options: SegmentOptions = {},
): AsyncGenerator<readonly unknown[]> {
  const { file, format } = segment;
  if (format.kind === "whole") yield [new BlobHandle(file, files)];
  else yield* readRecords({ ...segment, format }, files, options);
}
