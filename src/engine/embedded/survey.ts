import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import type { Position } from "../port.ts";
import type { Files, LogFile } from "./files.ts";
import { type Beyond, FrameReader, framesBeyond } from "./frame-reader.ts";
import { MANIFEST_NAME, type ManifestData } from "./manifest.ts";
import {
  baseOfName,
  decodeSegmentHeader,
  isOlderSegment,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "./segment.ts";

/** Damage that no crash explains: it is never passed over. */
export interface Damage {
  /** Name of the file in the journal's directory. */
  readonly file: string;
  /** Byte of that file. */
  readonly offset: number;
  readonly what: string;
}

/** The error for damage, which is its cause. */
export const corrupt = (directory: string, damage: Damage): MusketeersError =>
  new MusketeersError(
    "JOURNAL_CORRUPT",
    `${join(directory, damage.file)}, offset ${damage.offset}: ${damage.what}`,
    { cause: damage },
  );

export interface SegmentInfo extends SegmentHeader {
  readonly name: string;
}

export interface FoundSegment extends SegmentInfo {
  readonly bytes: number;
}

export const endOf = (segment: FoundSegment): Position => segment.base + segment.bytes;

/** An end that a crash explains: a batch that was being written, or what a power cut took. */
export interface Tear {
  /** Of the segment that is torn. */
  readonly index: number;
  /** Where the torn batch begins in its file. */
  readonly offset: number;
  readonly bytes: number;
  /** Whole records that stand behind the hole which a power cut left. */
  readonly lostRecords: number;
}

/** What a directory holds, read without changing anything. */
export interface Survey {
  /** In order. */
  readonly segments: readonly FoundSegment[];
  /** Files that were dropped before, or were being made: nothing in them is promised. */
  readonly surplus: readonly string[];
  /** Behind the last whole batch. */
  readonly end: Position;
  /** Check of the last frame. */
  readonly check: number;
  /** Records before `end` since the journal began. */
  readonly records: number;
  readonly tear: Tear | undefined;
}

export interface SurveyorOptions {
  readonly files: Files;
  readonly directory: string;
  readonly manifest: ManifestData;
  /**
   * Whether the machine has run since the journal was written: then the system's cache lost nothing, and
   * only a write that was under way may be torn.
   */
  readonly sameBoot: boolean;
}

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

interface Scan {
  readonly from: Position;
  readonly end: Position;
  readonly previous: number;
}

/** Finds the end of a journal, and judges what stands there. */
export class Surveyor {
  readonly #options: SurveyorOptions;

  constructor(options: SurveyorOptions) {
    this.#options = options;
  }

  /**
   * Reads from the last point that is known to be synced.
   * @throws MusketeersError `JOURNAL_CORRUPT`
   */
  async survey(): Promise<Survey> {
    const { segments, surplus } = await this.find();
    const { synced, syncedCheck, syncedRecords } = this.#options.manifest;
    let end: Position = 0;
    let check = 0;
    let records = 0;
    for (const [index, segment] of segments.entries()) {
      const following = segments[index + 1];
      if (following !== undefined && following.base <= synced) {
        this.#refuseGap(segment, following);
        continue;
      }
      const start = segment.base + SEGMENT_HEADER_BYTES;
      const marked = synced > start;
      const from = marked ? synced : start;
      if (from > endOf(segment)) throw this.#corrupt(segment.name, segment.bytes, "the file is cut off");
      const previous = marked ? syncedCheck : segment.previous;
      const range = { from, end: Math.min(endOf(segment), following?.base ?? endOf(segment)), previous };
      const reader = await this.#scan(segment, range);
      end = reader.batch.end;
      check = reader.batch.check ?? 0;
      records = (marked ? syncedRecords : segment.recordsBefore) + reader.batch.records;
      const whole = reader.damage === undefined && reader.batch.end === reader.position;
      if (whole && (following?.base ?? endOf(segment)) === endOf(segment)) continue;
      const tear = await this.#judge(segments, index, reader);
      return { segments, surplus, end, check, records, tear };
    }
    return { segments, surplus, end, check, records, tear: undefined };
  }

  /**
   * The segments in order, with sound headers.
   * @throws MusketeersError `JOURNAL_CORRUPT`
   */
  async find(): Promise<{ segments: FoundSegment[]; surplus: string[] }> {
    const { files, directory, manifest, sameBoot } = this.#options;
    const names = await files.list(directory);
    const bases = names.flatMap((name) => baseOfName(name) ?? []).sort((a, b) => a - b);
    const segments: FoundSegment[] = [];
    const surplus: string[] = [];
    for (const [index, base] of bases.entries()) {
      const name = segmentName(base);
      if (base < manifest.first) {
        surplus.push(name);
        continue;
      }
      const segment = await this.#readHeader(name, base);
      if (segment !== undefined && !("torn" in segment)) {
        segments.push(segment);
        continue;
      }
      // The newest may have been in the making when the process or the machine died.
      const isNewest = base > manifest.last && index === bases.length - 1;
      const isBare = (segment?.torn ?? 0) <= SEGMENT_HEADER_BYTES;
      if (!isNewest || (sameBoot && !isBare)) throw this.#corrupt(name, 0, "the header is damaged");
      surplus.push(name);
    }
    for (const base of manifest.last < 0 ? [] : [manifest.first, manifest.last]) {
      if (!segments.some((segment) => segment.base === base)) {
        throw this.#corrupt(segmentName(base), 0, "the file is missing");
      }
    }
    return { segments, surplus };
  }

  /** A segment; or how long its file is, where its header is damaged. */
  async #readHeader(name: string, base: Position): Promise<FoundSegment | { readonly torn: number }> {
    const { files, directory, manifest } = this.#options;
    return withFile(files, join(directory, name), "read", async (file) => {
      const buffer = new Uint8Array(SEGMENT_HEADER_BYTES);
      const bytes = await file.size();
      const read = buffer.subarray(0, await file.read(buffer, 0));
      const header = decodeSegmentHeader(read);
      if (header === undefined) {
        if (isOlderSegment(read)) {
          throw this.#corrupt(name, 0, "it was written by an older version of Musketeers");
        }
        return { torn: bytes };
      }
      if (header.salt !== manifest.salt) throw this.#corrupt(name, 0, "it belongs to another journal");
      if (header.base !== base) {
        throw this.#corrupt(name, 0, `it is the file ${segmentName(header.base)} under another name`);
      }
      return { ...header, name, bytes };
    });
  }

  #refuseGap(segment: FoundSegment, following: FoundSegment): void {
    if (endOf(segment) === following.base) return;
    const offset = Math.min(segment.bytes, following.base - segment.base);
    throw this.#corrupt(segment.name, offset, "the file does not end where the next one begins");
  }

  #scan(segment: FoundSegment, { from, end, previous }: Scan): Promise<FrameReader> {
    const { files, directory, manifest } = this.#options;
    return withFile(files, join(directory, segment.name), "read", async (file) => {
      const reader = new FrameReader(file, { salt: manifest.salt, base: segment.base, from, end, previous });
      while ((await reader.read()).length > 0) {
        // Only where it ends matters.
      }
      return reader;
    });
  }

  /** Judges what ends the journal before its files do: a tear, or damage. */
  async #judge(segments: readonly FoundSegment[], index: number, reader: FrameReader): Promise<Tear> {
    const segment = segments[index] as FoundSegment;
    const later = segments.slice(index + 1);
    const beyond = await this.#beyond(segment, later, reader.position);
    const { sameBoot } = this.#options;
    const isMidway = sameBoot && (later.length > 0 || beyond.records > 0);
    const isAltered = sameBoot && reader.damage !== undefined && !reader.cutOff;
    if (beyond.synced > reader.position || isMidway || isAltered) {
      const what = `the record there ${reader.damage ?? "is cut off"}`;
      throw this.#corrupt(segment.name, reader.position - segment.base, what);
    }
    const offset = reader.batch.end - segment.base;
    const bytes = later.reduce((sum, each) => sum + each.bytes, segment.bytes - offset);
    return { index, offset, bytes, lostRecords: beyond.records };
  }

  async #beyond(segment: FoundSegment, later: readonly FoundSegment[], damage: Position): Promise<Beyond> {
    const { files, directory, manifest } = this.#options;
    const path = join(directory, segment.name);
    let { synced, records } = await withFile(files, path, "read", async (file) => {
      const rest = new Uint8Array(Math.max(0, endOf(segment) - damage));
      const got = await file.read(rest, damage - segment.base);
      return framesBeyond(rest.subarray(0, got), damage, manifest.salt);
    });
    for (const each of later) {
      // The manifest names a segment only when all before it are synced.
      if (each.base <= manifest.last) synced = Math.max(synced, each.base);
      const from = each.base + SEGMENT_HEADER_BYTES;
      const reader = await this.#scan(each, { from, end: endOf(each), previous: each.previous });
      synced = Math.max(synced, reader.syncedMax);
      records += reader.records;
    }
    return { synced, records };
  }

  #corrupt(file: string, offset: number, what: string): MusketeersError {
    return corrupt(this.#options.directory, { file, offset, what });
  }
}

/** What a journal's directory says about a manifest that should be there. */
export const manifestMissing = (directory: string, segment: string): MusketeersError =>
  corrupt(directory, { file: MANIFEST_NAME, offset: 0, what: `it is missing, although ${segment} is there` });
