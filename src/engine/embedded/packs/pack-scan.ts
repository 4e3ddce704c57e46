import type { LogFile } from "../files.ts";
import type { IndexRow } from "./pack-index.ts";
import {
  isBlobOf,
  RECORD_ALIGN,
  RECORD_HEAD_BYTES,
  type RecordHead,
  readRecordHead,
  recordBytes,
} from "./pack-record.ts";

export interface Scan {
  readonly rows: readonly Omit<IndexRow, "usedAtMs">[];
  /** Behind the last whole record. */
  readonly end: number;
  /** Heads of records that are not whole, with whole ones behind them: damage, not the end of a write. */
  readonly damaged: readonly RecordHead[];
}

/** Read at once; the largest record fits in. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** A part of a file at a time. */
class Window {
  readonly #file: LogFile;
  readonly #buffer: Uint8Array;
  #from = 0;
  #filled = 0;

  constructor(file: LogFile, bytes: number) {
    this.#file = file;
    this.#buffer = new Uint8Array(bytes);
  }

  /** The bytes from an offset on; fewer than asked for at the file's end. */
  async at(offset: number, bytes: number): Promise<Uint8Array> {
    if (offset < this.#from || offset + bytes > this.#from + this.#filled) {
      this.#from = offset;
      this.#filled = await this.#file.read(this.#buffer, offset);
    }
    const start = offset - this.#from;
    return this.#buffer.subarray(start, Math.min(start + bytes, this.#filled));
  }
}

/**
 * Reads every record of a pack from an offset on, and gives those that are whole by their digest. Behind one
 * that is not, the next is looked for wherever one could begin.
 */
export async function scanPack(file: LogFile, from: number, blobBytesMax: number): Promise<Scan> {
  const window = new Window(file, Math.max(WINDOW_BYTES, recordBytes(blobBytesMax)));
  const rows: Omit<IndexRow, "usedAtMs">[] = [];
  const damaged: RecordHead[] = [];
  let broken: RecordHead[] = [];
  let end = from;
  for (let at = from; ; ) {
    const start = await window.at(at, RECORD_HEAD_BYTES);
    if (start.length < RECORD_HEAD_BYTES) break;
    const head = readRecordHead(start, 0);
    if (head === undefined || head.bytes > blobBytesMax) {
      at += RECORD_ALIGN;
      continue;
    }
    const record = await window.at(at, RECORD_HEAD_BYTES + head.bytes);
    const blob = record.subarray(RECORD_HEAD_BYTES);
    if (blob.length === head.bytes && isBlobOf(head, blob)) {
      const { digest, codec, bytes } = head;
      rows.push({ digest, codec, bytes, offset: at });
      at += recordBytes(bytes);
      end = at;
      damaged.push(...broken);
      broken = [];
      continue;
    }
    broken.push(head);
    at += RECORD_ALIGN;
  }
  return { rows, end, damaged };
}
