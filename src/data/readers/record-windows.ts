import { MusketeersError } from "../../protocol/index.ts";
import { concatBytes } from "../bytes.ts";

/** Bytes of a file's content, and where they stand in it. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Gives the bytes of `[start, end)` of a file's content. */
export type OpenRange = (start: number, end: number) => AsyncIterable<Uint8Array>;

const LF = 0x0a;
/** What is looked at first behind a segment's end, for that of its last line. */
const TAIL_BYTES = 64 * 1024;
const TAIL_GROWTH = 8;

/** Says where chunks that follow each other stand. */
export async function* placed(chunks: AsyncIterable<Uint8Array>, start = 0): AsyncGenerator<Piece> {
  let offset = start;
  for await (const bytes of chunks) {
    if (bytes.length > 0) yield { bytes, offset };
    offset += bytes.length;
  }
}

/**
 * The lines that begin in `[start, end)` of a content of `size` bytes, in pieces as they come: what stands
 * before the first line that begins there is left out, and the last line is read to its end.
 */
export async function* linesBegunIn(
  open: OpenRange,
  start: number,
  end: number,
  size: number,
): AsyncGenerator<Piece> {
  if (start >= end) return;
  // The byte before tells whether a line begins at `start`.
  const from = Math.max(0, start - 1);
  let begun = start === 0;
  let last = LF;
  for await (const { bytes, offset } of placed(open(from, end), from)) {
    let skipped = 0;
    if (!begun) {
      skipped = bytes.indexOf(LF) + 1;
      if (skipped === 0) continue;
      begun = true;
    }
    last = bytes[bytes.length - 1]!;
    if (skipped < bytes.length) yield { bytes: bytes.subarray(skipped), offset: offset + skipped };
  }
  if (begun && last !== LF) yield* restOfLine(open, end, size);
}

/** What stands at `from` up to the end of the line; opens little at first, because most lines are short. */
async function* restOfLine(open: OpenRange, from: number, size: number): AsyncGenerator<Piece> {
  let reach = TAIL_BYTES;
  for (let at = from; at < size; reach *= TAIL_GROWTH) {
    const to = Math.min(size, at + reach);
    for await (const { bytes, offset } of placed(open(at, to), at)) {
      const length = bytes.indexOf(LF) + 1;
      if (length > 0) {
        yield { bytes: bytes.subarray(0, length), offset };
        return;
      }
      yield { bytes, offset };
    }
    at = to;
  }
}

/**
 * The same bytes, cut where lines end: each window holds whole lines, the last one may lack its end.
 * Windows are views of the pieces; only lines that lie across two of them are copied.
 * @throws MusketeersError `LIMIT_EXCEEDED` for a line over `lineBytesMax`.
 */
export async function* recordWindows(
  pieces: AsyncIterable<Piece>,
  lineBytesMax: number,
  name: string,
): AsyncGenerator<Piece> {
  let parts: Uint8Array[] = [];
  let partsBytes = 0;
  let begun = 0;
  const keep = (bytes: Uint8Array, offset: number) => {
    if (bytes.length === 0) return;
    if (parts.length === 0) begun = offset;
    partsBytes += bytes.length;
    if (partsBytes > lineBytesMax) throw tooLong(name, begun, lineBytesMax);
    parts.push(bytes);
  };
  const taken = (): Piece => {
    const window = { bytes: concatBytes(parts, partsBytes), offset: begun };
    parts = [];
    partsBytes = 0;
    return window;
  };
  for await (const { bytes, offset } of pieces) {
    const whole = bytes.lastIndexOf(LF) + 1;
    let from = 0;
    if (whole > 0 && parts.length > 0) {
      from = bytes.indexOf(LF) + 1;
      keep(bytes.subarray(0, from), offset);
      yield taken();
    }
    if (from < whole) yield { bytes: bytes.subarray(from, whole), offset: offset + from };
    keep(bytes.subarray(whole), offset + whole);
  }
  if (parts.length > 0) yield taken();
}

const tooLong = (name: string, offset: number, lineBytesMax: number) =>
  new MusketeersError(
    "LIMIT_EXCEEDED",
    `${name}: the line at byte ${offset} is longer than lineBytesMax, which is ${lineBytesMax}`,
    { hint: "Is it text at all? Read it whole, or as bytes." },
  );
