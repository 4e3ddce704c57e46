import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import type { Position } from "../port.ts";
import type { Files, LogFile } from "./files.ts";
import { FrameReader, syncedAccordingTo } from "./frame-reader.ts";
import type { Manifest } from "./manifest.ts";
import {
  baseOfName,
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "./segment.ts";

/** A torn end that was cut off when the journal was opened. */
export interface Recovery {
  readonly segment: string;
  /** Where in that file the torn batch began. */
  readonly offset: number;
  readonly droppedBytes: number;
}

export interface SegmentInfo extends SegmentHeader {
  readonly name: string;
}

/** What a journal needs to go on writing. */
export interface JournalState {
  readonly segments: readonly SegmentInfo[];
  readonly end: Position;
  /** Check of the last frame. */
  readonly check: number;
  /** Records before `end` since the journal began. */
  readonly records: number;
  readonly recovery: Recovery | undefined;
}

export const corrupt = (segment: string, offset: number, what: string): MusketeersError =>
  new MusketeersError("JOURNAL_CORRUPT", `Journal segment ${segment}, offset ${offset}: ${what}`);

interface FoundSegment extends SegmentInfo {
  readonly bytes: number;
}

const endOf = (segment: FoundSegment): Position => segment.base + segment.bytes;

export async function withFile<T>(
  files: Files,
  path: string,
  mode: "read" | "write",
  use: (file: LogFile) => Promise<T>,
): Promise<T> {
  const file = await files.open(path, mode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Finds the end of a journal and cuts off what a crash left torn there. */
export class JournalOpener {
  readonly #files: Files;
  readonly #directory: string;
  readonly #manifest: Manifest;

  constructor(files: Files, directory: string, manifest: Manifest) {
    this.#files = files;
    this.#directory = directory;
    this.#manifest = manifest;
  }

  /** @throws MusketeersError `JOURNAL_CORRUPT` */
  async open(): Promise<JournalState> {
    const segments = await this.#findSegments();
    const { synced, syncedCheck, syncedRecords } = this.#manifest.data;
    let end: Position = 0;
    let check = 0;
    let records = 0;
    for (const [index, segment] of segments.entries()) {
      const following = segments[index + 1];
      if (following !== undefined && following.base <= synced) {
        if (endOf(segment) !== following.base) {
          const offset = Math.min(segment.bytes, following.base - segment.base);
          throw corrupt(segment.name, offset, "the file does not end where the next one begins");
        }
        continue;
      }
      const start = segment.base + SEGMENT_HEADER_BYTES;
      const marked = synced > start;
      const from = marked ? synced : start;
      if (from > endOf(segment)) throw corrupt(segment.name, segment.bytes, "the file is cut off");
      const previous = marked ? syncedCheck : segment.previous;
      const reader = await this.#scan(segment, following, from, previous);
      end = reader.batch.end;
      check = reader.batch.check ?? 0;
      records = (marked ? syncedRecords : segment.recordsBefore) + reader.batch.records;
      const whole = reader.damage === undefined && reader.batch.end === reader.position;
      if (whole && (following?.base ?? endOf(segment)) === endOf(segment)) continue;
      const kept = segments.slice(0, index + 1);
      const recovery = await this.#cut(segments, index, reader);
      return { segments: kept, end, check, records, recovery };
    }
    return { segments, end, check, records, recovery: undefined };
  }

  /** The segments in order, with sound headers; removes what is no longer or not yet one. */
  async #findSegments(): Promise<FoundSegment[]> {
    const { first, last } = this.#manifest.data;
    const names = await this.#files.list(this.#directory);
    const bases = names.flatMap((name) => baseOfName(name) ?? []).sort((a, b) => a - b);
    const segments: FoundSegment[] = [];
    let broken = false;
    for (const base of bases) {
      const name = segmentName(base);
      if (base < first || broken) {
        await this.#files.remove(join(this.#directory, name));
        continue;
      }
      const segment = await this.#readHeader(name, base);
      if (segment !== undefined) {
        segments.push(segment);
      } else if (base > last) {
        // It was being made when the power went: nothing in it was ever promised.
        broken = true;
        await this.#files.remove(join(this.#directory, name));
      } else {
        throw corrupt(name, 0, "the header is damaged");
      }
    }
    for (const base of last < 0 ? [] : [first, last]) {
      if (!segments.some((segment) => segment.base === base)) {
        throw corrupt(segmentName(base), 0, "the file is missing");
      }
    }
    return segments;
  }

  async #readHeader(name: string, base: Position): Promise<FoundSegment | undefined> {
    return withFile(this.#files, join(this.#directory, name), "read", async (file) => {
      const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
      const header = decodeSegmentHeader(bytes.subarray(0, await file.read(bytes, 0)));
      if (header === undefined || header.base !== base) return undefined;
      if (header.salt !== this.#manifest.data.salt) throw corrupt(name, 0, "it belongs to another journal");
      return { ...header, name, bytes: await file.size() };
    });
  }

  #scan(
    segment: FoundSegment,
    following: FoundSegment | undefined,
    from: Position,
    previous: number,
  ): Promise<FrameReader> {
    return withFile(this.#files, join(this.#directory, segment.name), "read", async (file) => {
      const { base } = segment;
      const end = Math.min(endOf(segment), following?.base ?? endOf(segment));
      const { salt } = this.#manifest.data;
      const reader = new FrameReader(file, { salt, base, from, end, previous });
      while ((await reader.read()).length > 0) {
        // Only where it ends matters.
      }
      return reader;
    });
  }

  /** Judges damage behind what is known to be synced: cuts it off, or throws where it cannot be a torn end. */
  async #cut(segments: readonly FoundSegment[], index: number, reader: FrameReader): Promise<Recovery> {
    const segment = segments[index] as FoundSegment;
    const later = segments.slice(index + 1);
    if ((await this.#syncedBehind(segment, later, reader.position)) > reader.position) {
      const offset = reader.position - segment.base;
      throw corrupt(segment.name, offset, `the record there ${reader.damage ?? "is cut off"}`);
    }
    const offset = reader.batch.end - segment.base;
    let droppedBytes = segment.bytes - offset;
    for (const lost of later.toReversed()) {
      droppedBytes += lost.bytes;
      await this.#files.remove(join(this.#directory, lost.name));
    }
    await withFile(this.#files, join(this.#directory, segment.name), "write", async (file) => {
      await file.truncate(offset);
      await file.sync();
    });
    return { segment: segment.name, offset, droppedBytes };
  }

  /** Up to where frames that stand behind damage say that everything was synced. */
  async #syncedBehind(
    segment: FoundSegment,
    later: readonly FoundSegment[],
    damage: Position,
  ): Promise<Position> {
    const { salt, last } = this.#manifest.data;
    let synced = 0;
    const rest = new Uint8Array(Math.max(0, endOf(segment) - damage));
    await withFile(this.#files, join(this.#directory, segment.name), "read", async (file) => {
      const got = await file.read(rest, damage - segment.base);
      synced = syncedAccordingTo(rest.subarray(0, got), damage, salt);
    });
    for (const candidate of later) {
      // The manifest names a segment only when all before it are synced.
      if (candidate.base <= last) synced = Math.max(synced, candidate.base);
      const from = candidate.base + SEGMENT_HEADER_BYTES;
      const reader = await this.#scan(candidate, undefined, from, candidate.previous);
      synced = Math.max(synced, reader.syncedMax);
    }
    return synced;
  }
}
