import type { JournalEntry, Position } from "../port.ts";
import type { LogFile } from "./files.ts";
import { HEAD_BYTES, isHeadIntact, isRecordIntact, readHead, viewOf } from "./frame.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface FrameReaderOptions {
  readonly salt: number;
  /** Position of the file's first byte. */
  readonly base: Position;
  /** Where the first frame to read begins. */
  readonly from: Position;
  /** Where the last one ends. */
  readonly end: Position;
  /** Check of the frame before `from`, where it is known. */
  readonly previous?: number;
}

/** Where the last whole batch ended. */
export interface BatchMark {
  readonly end: Position;
  readonly check: number | undefined;
  /** Since the reader began. */
  readonly records: number;
}

/** Reads the frames of one segment in order and checks each, until the end or the first damage. */
export class FrameReader {
  readonly #file: LogFile;
  readonly #options: FrameReaderOptions;
  #position: Position;
  #previous: number | undefined;
  #records = 0;
  #batch: BatchMark;
  #damage: string | undefined;
  #cutOff = false;
  #syncedMax = 0;

  constructor(file: LogFile, options: FrameReaderOptions) {
    this.#file = file;
    this.#options = options;
    this.#position = options.from;
    this.#previous = options.previous;
    this.#batch = { end: options.from, check: options.previous, records: 0 };
  }

  /** Of the next frame, or of the damaged one. */
  get position(): Position {
    return this.#position;
  }

  get batch(): BatchMark {
    return this.#batch;
  }

  /** Frames that were read, of batches that are not whole too. */
  get records(): number {
    return this.#records;
  }

  /** What is wrong with the frame at `position`. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Whether the damage is that the file ends within the frame. */
  get cutOff(): boolean {
    return this.#cutOff;
  }

  /** The frames so far say that everything before was synced. */
  get syncedMax(): Position {
    return this.#syncedMax;
  }

  /** The next frames, as views into a buffer that is theirs; none at the end and at damage. */
  async read(): Promise<readonly JournalEntry[]> {
    let want = CHUNK_BYTES;
    for (;;) {
      const left = this.#options.end - this.#position;
      if (left === 0 || this.#damage !== undefined) return [];
      const bytes = new Uint8Array(Math.min(want, left));
      const got = await this.#file.read(bytes, this.#position - this.#options.base);
      const { entries, missing } = this.#parse(bytes.subarray(0, got));
      if (entries.length > 0 || this.#damage !== undefined) return entries;
      if (got < bytes.length || missing > left) {
        this.#damage = "is cut off";
        this.#cutOff = true;
        return [];
      }
      want = missing;
    }
  }

  /** Takes the whole frames at the start of some bytes; says how long the first one is where none is whole. */
  #parse(bytes: Uint8Array): { entries: JournalEntry[]; missing: number } {
    const view = viewOf(bytes);
    const entries: JournalEntry[] = [];
    let at = 0;
    for (;;) {
      if (at + HEAD_BYTES > bytes.length) return { entries, missing: HEAD_BYTES };
      const head = readHead(view, at);
      const next = at + HEAD_BYTES + head.length;
      if (!isHeadIntact(bytes, at, head, this.#options.salt, this.#position)) {
        this.#damage = "has a head that does not match its check";
      } else if (this.#previous !== undefined && this.#previous !== head.previous) {
        this.#damage = "does not follow the record before it";
      } else if (next > bytes.length) {
        return { entries, missing: next - at };
      } else if (!isRecordIntact(bytes, at, head)) {
        this.#damage = "does not match its check";
      }
      if (this.#damage !== undefined) return { entries, missing: 0 };
      entries.push({ position: this.#position, record: bytes.subarray(at + HEAD_BYTES, next) });
      this.#syncedMax = Math.max(this.#syncedMax, this.#position - head.behind);
      this.#previous = head.check;
      this.#position += next - at;
      this.#records++;
      if (head.batchEnd) {
        this.#batch = { end: this.#position, check: head.check, records: this.#records };
      }
      at = next;
    }
  }
}

/** What stands behind damage. */
export interface Beyond {
  /** Up to where whole frames there promise that everything was synced; 0 where there are none. */
  readonly synced: Position;
  /** Whole frames. */
  readonly records: number;
}

/** Looks for whole frames behind damage at the start of some bytes, at any offset. */
export function framesBeyond(bytes: Uint8Array, position: Position, salt: number): Beyond {
  const view = viewOf(bytes);
  let synced = 0;
  let records = 0;
  for (let at = 1; at + HEAD_BYTES <= bytes.length; ) {
    const head = readHead(view, at);
    const next = at + HEAD_BYTES + head.length;
    // Zeros are what power cuts leave; their check costs nothing to compare.
    const isZero = head.check === 0 && head.headCheck === 0;
    if (
      isZero ||
      next > bytes.length ||
      !isHeadIntact(bytes, at, head, salt, position + at) ||
      !isRecordIntact(bytes, at, head)
    ) {
      at++;
      continue;
    }
    records++;
    synced = Math.max(synced, position + at - head.behind);
    at = next;
  }
  return { synced, records };
}
