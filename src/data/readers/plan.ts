import { defaultLimits, type FileRef, MusketeersError } from "../../protocol/index.ts";
import type { FileReader } from "../file-store.ts";
import { PACKING_BYTES, packingOf } from "./inflate.ts";
import { type Format, type FormatOption, type Segment, toFormat } from "./segment.ts";

export interface PlanOptions {
  /** `"lines"` where nothing is said. */
  readonly format?: FormatOption;
  /** What a segment has; `splitBytesTarget` where nothing is said. */
  readonly segmentBytes?: number;
  /**
   * Looks at the beginning of files that are to be split, because packed ones cannot be. Without it all are
   * taken for unpacked, but those whose name ends in `.gz`, `.zst`, `.zstd` or `.tgz`.
   */
  readonly files?: FileReader;
}

/** A file is not split for a rest smaller than this share of a segment. */
const REST_SHARE = 0.5;

const isSplittable = (format: Format): boolean =>
  format.kind !== "whole" && (format.kind !== "csv" || format.split === true);

/**
 * The segments of files, file by file in their order; equal files give equal segments. Lazy: files are asked
 * for as segments are. An empty file has no records and so no segment, but for the format `whole`.
 * @throws MusketeersError `BAD_ARGUMENT`, or what reading throws.
 */
export async function* planSegments(
  files: Iterable<FileRef> | AsyncIterable<FileRef>,
  options: PlanOptions = {},
): AsyncGenerator<Segment> {
  const format = toFormat(options.format ?? "lines");
  const segmentBytes = options.segmentBytes ?? defaultLimits.splitBytesTarget;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < 1) {
    throw new MusketeersError("BAD_ARGUMENT", `segmentBytes is no positive whole number: ${segmentBytes}`);
  }
  const splits = isSplittable(format);
  for await (const { cid, bytes, name } of files) {
    const file: FileRef = { cid, bytes, ...(name === undefined ? {} : { name }) };
    if (bytes === 0 && format.kind !== "whole") continue;
    const whole = bytes <= segmentBytes * (1 + REST_SHARE);
    const cuts = splits && !whole && !(await isPacked(file, options.files));
    const last = cuts ? Math.max(1, Math.ceil(bytes / segmentBytes - REST_SHARE)) - 1 : 0;
    for (let index = 0; index <= last; index++) {
      const end = index === last ? bytes : (index + 1) * segmentBytes;
      yield { file, start: index * segmentBytes, end, format };
    }
  }
}

async function isPacked(file: FileRef, files: FileReader | undefined): Promise<boolean> {
  if (files === undefined) return /\.(gz|tgz|zst|zstd)$/i.test(file.name ?? "");
  const head = new Uint8Array(PACKING_BYTES);
  let filled = 0;
  for await (const chunk of files.readFile(file, { start: 0, end: PACKING_BYTES })) {
    head.set(chunk.subarray(0, PACKING_BYTES - filled), filled);
    filled = Math.min(PACKING_BYTES, filled + chunk.length);
  }
  return packingOf(head.subarray(0, filled)) !== undefined;
}
