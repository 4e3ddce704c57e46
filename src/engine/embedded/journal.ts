import { MusketeersError } from "../../protocol/index.ts";
import { checkRecords, journalClosed, noRecord } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { Journal, JournalEntry, JournalStats, Position } from "../port.ts";
import { FaultMark } from "./fault-mark.ts";
import type { Files } from "./files.ts";
import { HEAD_BYTES, isHeadIntact, isRecordIntact, readHead, viewOf } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { Manifest } from "./manifest.ts";
import { type Recovery, recoverJournal } from "./recovery.ts";
import { baseOfName, SEGMENT_HEADER_BYTES } from "./segment.ts";
import { type HeldSegment, SegmentSet } from "./segment-set.ts";
import { corrupt, manifestMissing } from "./survey.ts";

/**
 * `default`: what was appended survives the end of the process, `kill -9` too; a power cut may cost the
 * newest records. `strict`: it survives a power cut.
 */
export type Durability = "default" | "strict";

export interface OpenJournalOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: EngineLimits;
  readonly durability: Durability;
  /** A number below 2^32 that differs from journal to journal. */
  readonly salt: number;
  /** Names the run of the machine; empty or missing where the system has no name for it. */
  readonly boot?: string;
  /** Milliseconds since 1970; for saying since when something fails. */
  readonly nowMs?: () => number;
  /** Asked before each write; throws a MusketeersError where the directory is no longer this process's. */
  readonly guard?: () => void;
}

interface Pending {
  readonly records: readonly Uint8Array[];
  /** Whether it waits for the sync, whatever the durability. */
  readonly sync: boolean;
  readonly bytes: number;
  readonly resolve: (positions: readonly Position[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Enough for most records in one read. */
const FIRST_READ_BYTES = 64 * 1024;

/** The journal in files: segments of chained, checked frames; many writers share one write. */
export class EmbeddedJournal implements Journal {
  readonly #limits: EngineLimits;
  readonly #directory: string;
  readonly #writer: LogWriter;
  readonly #segments: SegmentSet;
  readonly #manifest: Manifest;
  readonly #salt: number;
  /** What was cut off when it was opened. */
  readonly recovery: Recovery | undefined;
  #queue: Pending[] = [];
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #stop = new AbortController();
  readonly #fault: FaultMark;
  /** That damage was found while reading. */
  readonly damage: FaultMark;
  readonly #guard: (() => void) | undefined;

  private constructor(
    options: OpenJournalOptions,
    parts: { writer: LogWriter; segments: SegmentSet; manifest: Manifest },
    recovery: Recovery | undefined,
  ) {
    this.#limits = options.limits;
    this.#directory = options.directory;
    this.#guard = options.guard;
    this.#fault = new FaultMark(options.nowMs);
    this.damage = new FaultMark(options.nowMs);
    this.#writer = parts.writer;
    this.#segments = parts.segments;
    this.#manifest = parts.manifest;
    this.#salt = parts.manifest.data.salt;
    this.recovery = recovery;
  }

  /**
   * Opens the journal of a directory, which is made where there is none. Reads what follows the last
   * point that is known to be synced, at most two segments.
   * @throws MusketeersError `JOURNAL_CORRUPT` at damage other than a torn end.
   */
  static async open(options: OpenJournalOptions): Promise<EmbeddedJournal> {
    const { files, directory, boot = "" } = options;
    await files.makeDirectory(directory);
    let manifest = await Manifest.load(files, directory);
    if (manifest === undefined) {
      const names = await files.list(directory);
      const segment = names.find((name) => baseOfName(name) !== undefined);
      if (segment !== undefined) throw manifestMissing(directory, segment);
      manifest = Manifest.create(files, directory, options.salt, boot);
      await manifest.store();
    }
    const sameBoot = boot !== "" && manifest.data.boot === boot;
    const state = await recoverJournal({ files, directory, manifest: manifest.data, sameBoot });
    manifest.set({ boot });
    const segments = new SegmentSet(files, directory, state.segments);
    const writer = await LogWriter.open({ ...options, manifest, segments, state });
    return new EmbeddedJournal(options, { writer, segments, manifest }, state.recovery);
  }

  append(records: readonly Uint8Array[]): Promise<readonly Position[]> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw journalClosed();
      checkRecords(records, this.#limits);
      const bytes = records.reduce((sum, record) => sum + HEAD_BYTES + record.length, 0);
      this.#enqueue({ records, sync: false, bytes, resolve, reject });
    });
  }

  async sync(): Promise<void> {
    await new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw journalClosed();
      this.#enqueue({ records: [], sync: true, bytes: 0, resolve, reject });
    });
  }

  #enqueue(pending: Pending): void {
    this.#queue.push(pending);
    // Behind the present turn, so that what is appended in it goes out together.
    this.#draining ??= Promise.resolve().then(() => this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const group = this.#takeGroup();
        try {
          const positions = await this.#store(group.map(({ records }) => records));
          let next = 0;
          for (const { records, sync, resolve } of group) {
            if (!sync) resolve(group.length === 1 ? positions : positions.slice(next, next + records.length));
            next += records.length;
          }
          // What was appended stays so, whatever becomes of the sync.
          if (group.some(({ sync }) => sync)) await this.#sync();
          for (const { sync, resolve } of group) if (sync) resolve([]);
        } catch (error) {
          for (const { reject } of group) reject(error);
        }
      }
    } finally {
      this.#draining = undefined;
    }
  }

  /** As many appends as fit into one write; at least one. */
  #takeGroup(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const pending of this.#queue) {
      bytes += pending.bytes;
      if (count > 0 && bytes > this.#limits.commitBytesMax) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /** Writes until it succeeds; after `close` a failure is final. */
  async #store(batches: readonly (readonly Uint8Array[])[]): Promise<readonly Position[]> {
    const { storageRetryMinMs, storageRetryMaxMs } = this.#limits;
    for (let pauseMs = storageRetryMinMs; ; pauseMs = Math.min(pauseMs * 2, storageRetryMaxMs)) {
      try {
        const positions = await this.#writer.write(batches);
        this.#fault.clear();
        return positions;
      } catch (cause) {
        // Not the disk's: another process has the directory.
        if (cause instanceof MusketeersError) throw cause;
        const reason = (cause as Error).message;
        this.#fault.set(`The journal cannot be written, so nothing is acknowledged: ${reason}`);
        if (this.#stop.signal.aborted) {
          throw new MusketeersError("STORAGE", `Not stored, the journal was closed: ${reason}`, { cause });
        }
        await pause(pauseMs, this.#stop.signal);
      }
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#writer.sync();
    } catch (cause) {
      throw new MusketeersError("STORAGE", `The journal cannot be synced: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  read(from: Position = 0): AsyncIterable<JournalEntry> {
    return this.#readUntil(from, this.#writer.end);
  }

  async *#readUntil(from: Position, end: Position): AsyncGenerator<JournalEntry, void, undefined> {
    const held = this.#segments.hold(from, end);
    try {
      let previous: number | undefined;
      for (const segment of held) {
        const reader = await this.#readerFrom(segment, from, previous);
        for (let entries = await reader.read(); entries.length > 0; entries = await reader.read()) {
          for (const entry of entries) if (entry.position >= from) yield entry;
        }
        this.#refuseDamage(segment, reader);
        previous = reader.batch.check;
        await segment.release();
      }
    } catch (cause) {
      throw unreadable(cause);
    } finally {
      for (const segment of held) await segment.release();
    }
  }

  /** A reader at the first record of a segment that is at or after a position, or some before it. */
  async #readerFrom(
    segment: HeldSegment,
    from: Position,
    previous: number | undefined,
  ): Promise<FrameReader> {
    const file = await segment.file();
    const { base } = segment.info;
    const start = base + SEGMENT_HEADER_BYTES;
    const range = { salt: this.#salt, base, end: segment.end };
    if (previous !== undefined && previous !== segment.info.previous) {
      throw this.#corrupt(segment, 0, "it does not follow the segment before it");
    }
    if (from <= start)
      return new FrameReader(file, { ...range, from: start, previous: segment.info.previous });
    // Most ask from a record on, or from just behind one; others are found from the segment's start.
    for (const candidate of [from, from - 1]) {
      if (candidate < start || (await this.#frameAt(segment, candidate)) === undefined) continue;
      return new FrameReader(file, { ...range, from: candidate });
    }
    return new FrameReader(file, { ...range, from: start, previous: segment.info.previous });
  }

  #refuseDamage(segment: HeldSegment, reader: FrameReader): void {
    if (reader.damage === undefined) return;
    throw this.#corrupt(segment, reader.position - segment.info.base, `the record there ${reader.damage}`);
  }

  #corrupt({ info }: HeldSegment, offset: number, what: string): MusketeersError {
    const error = corrupt(this.#directory, { file: info.name, offset, what });
    this.damage.set(`The journal is damaged (see \`musketeers journal check\`): ${error.message}`);
    return error;
  }

  async get(position: Position): Promise<Uint8Array> {
    const segment = this.#segments.holdAt(position, this.#writer.end);
    if (segment === undefined) throw noRecord(position);
    try {
      const record = await this.#frameAt(segment, position);
      return record ?? (await this.#missing(segment, position));
    } catch (cause) {
      throw unreadable(cause);
    } finally {
      await segment.release();
    }
  }

  /** The record of an intact frame at a position, or undefined where there is none. */
  async #frameAt(segment: HeldSegment, position: Position): Promise<Uint8Array | undefined> {
    const { base } = segment.info;
    const left = segment.end - position;
    if (position < base + SEGMENT_HEADER_BYTES || left < HEAD_BYTES) return undefined;
    const file = await segment.file();
    let bytes = new Uint8Array(Math.min(left, FIRST_READ_BYTES));
    if ((await file.read(bytes, position - base)) < bytes.length) return undefined;
    const head = readHead(viewOf(bytes), 0);
    if (!isHeadIntact(bytes, 0, head, this.#salt, position)) return undefined;
    const length = HEAD_BYTES + head.length;
    if (length > left) return undefined;
    if (length > bytes.length) {
      const rest = bytes.length;
      const whole = new Uint8Array(length);
      whole.set(bytes);
      if ((await file.read(whole.subarray(rest), position - base + rest)) < length - rest) return undefined;
      bytes = whole;
    }
    if (!isRecordIntact(bytes, 0, head)) return undefined;
    // A copy where much would be left over: nobody should keep a whole buffer for a small record.
    return bytes.length === length ? bytes.subarray(HEAD_BYTES) : bytes.slice(HEAD_BYTES, length);
  }

  /** Says why there is no record at a position: there never was, or it is damaged. */
  async #missing(segment: HeldSegment, position: Position): Promise<never> {
    const { base, previous } = segment.info;
    const from = base + SEGMENT_HEADER_BYTES;
    const range = { salt: this.#salt, base, from, end: segment.end, previous };
    const reader = new FrameReader(await segment.file(), range);
    while (reader.position <= position && (await reader.read()).length > 0) {
      // Up to the position, or to damage before it.
    }
    if (reader.position <= position) this.#refuseDamage(segment, reader);
    throw noRecord(position);
  }

  async dropBefore(position: Position): Promise<void> {
    const first = this.#segments.firstAfterDrop(position);
    if (first === undefined) return;
    if (first === this.#segments.first?.base && !this.#segments.hasLeftover) return;
    this.#guard?.();
    try {
      // What the manifest names has to be there after a power cut, the newest segment too.
      await this.#writer.settled();
      this.#manifest.set({ first });
      // The manifest goes first: what it does not name may be missing.
      await this.#manifest.store();
      await this.#segments.drop(first);
    } catch (cause) {
      throw new MusketeersError("STORAGE", `Old segments stay: ${(cause as Error).message}`, { cause });
    }
  }

  stats(): JournalStats {
    const { first } = this.#segments;
    return {
      bytes: this.#writer.end - (first?.base ?? 0),
      records: this.#writer.records - (first?.recordsBefore ?? 0),
      fault: this.#fault.text ?? this.#writer.fault.text,
      faultSinceMs: this.#fault.sinceMs ?? this.#writer.fault.sinceMs,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#draining;
    try {
      await this.#writer.close();
    } catch (cause) {
      throw new MusketeersError("STORAGE", `The journal was closed unsynced: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      await this.#segments.close();
    }
  }
}

const unreadable = (cause: unknown): MusketeersError =>
  cause instanceof MusketeersError
    ? cause
    : new MusketeersError("STORAGE", `The journal cannot be read: ${(cause as Error).message}`, {
        hint: "Look into the system's log: the disk may be failing.",
        cause,
      });

/** Waits, or less where the signal is given. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener("abort", end);
  });
}
