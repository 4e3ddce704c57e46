import { isWholePages, PAGE_BYTES, pageMemory } from "../../../data/index.ts";
import {
  encodeRecord,
  encodeRecordHead,
  RECORD_HEAD_BYTES,
  type RecordContent,
  recordBytes,
} from "./pack-record.ts";

/** A gap of a page or less before each: a thirty-second of it at most. */
const REFERRED_BYTES_MIN = 32 * PAGE_BYTES;

export const wholePages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** Whether a blob is written from where it is, if it stays there. */
const canRefer = ({ bytes }: RecordContent): boolean =>
  bytes.length >= REFERRED_BYTES_MIN && isWholePages(bytes);

/**
 * The bytes of records that are written together, in one piece of memory of its own, and in that of large blobs that
 * stay where they are: those begin at a page of the group, behind a gap of zeros, so that disks can take them from there.
 */
export class GroupBytes {
  /** Filled from its beginning; what is not filled is not resident. */
  readonly #own: Uint8Array;
  /** As far from a page's beginning as `bytes` is, at any time. */
  #used = 0;
  /** What follows the pieces begins here. */
  #from = 0;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** @param blobBytesMax of the largest blob, for which there is room in any case */
  constructor(bytes: number, blobBytesMax: number) {
    this.#own = pageMemory(wholePages(Math.max(bytes, recordBytes(blobBytesMax) + PAGE_BYTES)));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room for a record, copied or not. */
  hasRoomFor(record: RecordContent): boolean {
    const { length } = record.bytes;
    const end = canRefer(record) ? wholePages(this.#bytes + RECORD_HEAD_BYTES) + length : 0;
    return Math.max(end, this.#bytes + recordBytes(length)) <= this.#own.length;
  }

  /**
   * Adds a record.
   * @param stays whether its blob stays as it is until the group is written
   * @returns where it stands in the group, and whether its blob is needed further on
   */
  add(record: RecordContent, stays: boolean): { readonly at: number; readonly isReferred: boolean } {
    if (stays && canRefer(record)) return { at: this.#refer(record), isReferred: true };
    const at = this.#bytes;
    const bytes = encodeRecord(this.#own, this.#used, record);
    this.#used += bytes;
    this.#bytes += bytes;
    return { at, isReferred: false };
  }

  #refer(record: RecordContent): number {
    const start = wholePages(this.#bytes + RECORD_HEAD_BYTES);
    const head = this.#used + start - this.#bytes - RECORD_HEAD_BYTES;
    this.#own.fill(0, this.#used, head);
    encodeRecordHead(this.#own, head, record);
    this.#used = head + RECORD_HEAD_BYTES;
    this.#pieces.push(this.#own.subarray(this.#from, this.#used), record.bytes);
    this.#from = this.#used;
    this.#bytes = start + record.bytes.length;
    return start - RECORD_HEAD_BYTES;
  }

  /** All of them, with zeros up to so many bytes. */
  pieces(bytes = this.#bytes): readonly Uint8Array[] {
    const end = this.#used + bytes - this.#bytes;
    if (end === this.#from) return this.#pieces;
    this.#own.fill(0, this.#used, end);
    return [...this.#pieces, this.#own.subarray(this.#from, end)];
  }

  /** Holds nothing any more. */
  clear(): void {
    this.#used = 0;
    this.#from = 0;
    this.#pieces = [];
    this.#bytes = 0;
  }
}
