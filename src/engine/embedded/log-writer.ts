import { join } from "node:path";
import type { EngineLimits } from "../options.ts";
import type { Position } from "../port.ts";
import { FaultMark } from "./fault-mark.ts";
import { type Files, type LogFile, writeAll } from "./files.ts";
import { encodeGroup, scratchBuffer } from "./frame.ts";
import type { Manifest, ManifestData } from "./manifest.ts";
import type { JournalState } from "./recovery.ts";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";
import type { SegmentSet } from "./segment-set.ts";
import type { SegmentInfo } from "./survey.ts";

export interface LogWriterOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: EngineLimits;
  readonly durability: "default" | "strict";
  readonly manifest: Manifest;
  readonly segments: SegmentSet;
  readonly state: Pick<JournalState, "end" | "check" | "records">;
  /** Asked before each write; throws a MusketeersError where the directory is no longer this process's. */
  readonly guard?: () => void;
  readonly nowMs?: () => number;
}

/** What the manifest says of a new segment when everything before it is synced. */
type SyncMark = Omit<ManifestData, "salt" | "first" | "boot">;

/**
 * The end of the log: writes groups of batches, one at a time, and begins new segments. A write that
 * failed leaves the end where it was; what it left behind is cut off before the next.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #scratch = scratchBuffer();
  #file: LogFile | undefined;
  #base: Position = 0;
  #end: Position;
  #check: number;
  #records: number;
  /** Bytes behind the end may stand in the file. */
  #dirty = false;
  #synced: Position;
  /** Files of segments before the current one whose end is not known to be synced. */
  readonly #unsynced: LogFile[] = [];
  /** The newest segment, as long as the manifest does not name it. */
  #unsettled: { readonly file: LogFile; readonly mark: SyncMark } | undefined;
  #settling: Promise<void> | undefined;
  /** Why what was written cannot be synced, if it cannot. */
  readonly fault: FaultMark;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #syncing: Promise<void> | undefined;
  /** As long as it runs its file stays open. */
  #fileSync: Promise<void> | undefined;

  private constructor(options: LogWriterOptions) {
    this.#options = options;
    this.fault = new FaultMark(options.nowMs);
    this.#end = options.state.end;
    this.#check = options.state.check;
    this.#records = options.state.records;
    this.#synced = Math.min(options.manifest.data.synced, options.state.end);
  }

  static async open(options: LogWriterOptions): Promise<LogWriter> {
    const writer = new LogWriter(options);
    const { last } = options.segments;
    if (last === undefined) {
      await writer.#roll();
      await writer.settled();
    } else {
      await writer.#goOn(last.base);
    }
    return writer;
  }

  /** Opens the last segment. What the process before left unsynced is synced, and counts as that. */
  async #goOn(base: Position): Promise<void> {
    const { files, directory, segments } = this.#options;
    for (const { name, base: each } of segments.since(this.#synced)) {
      const file = await files.open(join(directory, name), "write");
      await file.sync();
      if (each === base) this.#file = file;
      else await file.close();
    }
    this.#base = base;
    this.#markSynced();
    // Where it fails the next start looks at more, and trusts less, than it would have to.
    await this.#options.manifest.store().catch(() => {});
  }

  /** Everything before is durable. */
  get end(): Position {
    return this.#end;
  }

  /** Since the journal began. */
  get records(): number {
    return this.#records;
  }

  #cannotSync(error: unknown): void {
    this.fault.set(`The journal cannot be synced: ${(error as Error).message}`);
  }

  /** Makes batches durable, or throws a system error and leaves the log as it was. One call at a time. */
  async write(batches: readonly (readonly Uint8Array[])[]): Promise<readonly Position[]> {
    const strict = this.#options.durability === "strict";
    this.#options.guard?.();
    if (this.#dirty) await this.#clean();
    if (this.#end - this.#base >= this.#options.limits.segmentBytesTarget) await this.#roll();
    if (strict && this.#unsettled !== undefined) await this.settled();
    const group = encodeGroup(batches, {
      salt: this.#options.manifest.data.salt,
      position: this.#end,
      synced: this.#synced,
      previous: this.#check,
      scratch: this.#scratch,
    });
    if (group.bytes === 0) return group.positions;
    const file = this.#file as LogFile;
    this.#dirty = true;
    const written = writeAll(file, group.pieces, group.bytes, this.#end - this.#base);
    if (written !== undefined) await written;
    if (strict) await file.sync();
    this.#dirty = false;
    this.#end += group.bytes;
    this.#check = group.check;
    this.#records += group.positions.length;
    if (strict) this.#synced = this.#end;
    this.#scheduleSync();
    return group.positions;
  }

  #scheduleSync(): void {
    this.#syncTimer ??= setTimeout(() => this.#syncSoon(), this.#options.limits.syncIntervalMs).unref();
  }

  /** Nobody waits for it: a power cut costs a default journal what was appended since, and no more. */
  #syncSoon(): void {
    this.#syncing = this.#syncNow()
      .then(
        () => {
          this.fault.clear();
        },
        (error) => {
          this.#cannotSync(error);
          this.#scheduleSync();
        },
      )
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Syncs what has been written, and says in the manifest up to where, so that the next start knows. */
  async #syncNow(): Promise<void> {
    this.#syncTimer = undefined;
    this.#options.guard?.();
    await this.settled();
    const mark = this.#markNow();
    this.#fileSync = this.#file?.sync();
    await this.#fileSync;
    // Another segment may have been begun meanwhile, and says so itself.
    if (mark.last !== this.#base || mark.synced <= this.#options.manifest.data.synced) return;
    this.#synced = Math.max(this.#synced, mark.synced);
    this.#options.manifest.set(mark);
    await this.#options.manifest.store();
  }

  /** Makes what was written survive a power cut, too. Not while a write runs. */
  async sync(): Promise<void> {
    await this.settled();
    await this.#syncOld();
    await this.#file?.sync();
    this.#synced = this.#end;
  }

  /** Syncs everything and says so in the manifest, so that the next start has nothing to search. */
  async close(): Promise<void> {
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    clearTimeout(this.#syncTimer);
    try {
      // What is another's is left as it is.
      if (!this.#isOurs()) return;
      // What fails here makes the next start slower, no more: it cleans up by itself.
      if (this.#dirty) await this.#clean().catch(() => {});
      await this.#settling?.catch(() => {});
      await this.#syncOld();
      await this.#file?.sync();
      this.#markSynced();
      await this.#options.manifest.store().catch(() => {});
    } finally {
      for (const file of [...this.#unsynced, this.#file]) await file?.close();
      this.#file = undefined;
    }
  }

  #isOurs(): boolean {
    try {
      this.#options.guard?.();
      return true;
    } catch {
      return false;
    }
  }

  async #clean(): Promise<void> {
    await this.#file?.truncate(this.#end - this.#base);
    this.#dirty = false;
  }

  #markNow(): SyncMark {
    return {
      last: this.#base,
      synced: this.#end,
      syncedCheck: this.#check,
      syncedRecords: this.#records,
    };
  }

  #markSynced(): void {
    this.#synced = this.#end;
    this.#options.manifest.set(this.#markNow());
  }

  /** Begins the next segment. At most the two newest are ever unsynced. */
  async #roll(): Promise<void> {
    const { files, directory, segments, manifest } = this.#options;
    await this.settled();
    const base = this.#end;
    const header = {
      salt: manifest.data.salt,
      previous: this.#check,
      base,
      recordsBefore: this.#records,
    };
    const info: SegmentInfo = { ...header, name: segmentName(base) };
    const file = await files.open(join(directory, info.name), "create");
    try {
      await writeAll(file, [encodeSegmentHeader(header)], SEGMENT_HEADER_BYTES, 0);
    } catch (error) {
      await file.close();
      throw error;
    }
    if (this.#file !== undefined) this.#unsynced.push(this.#file);
    this.#file = file;
    this.#base = base;
    this.#end = base + SEGMENT_HEADER_BYTES;
    segments.add(info);
    const mark = { last: base, synced: base, syncedCheck: this.#check, syncedRecords: this.#records };
    this.#unsettled = { file, mark };
    // Nobody waits for it but the next roll and strict writes, which try again what failed.
    this.settled().catch(() => {});
  }

  /** Resolves when the manifest names the newest segment. */
  async settled(): Promise<void> {
    while (this.#unsettled !== undefined) {
      this.#settling ??= this.#settle(this.#unsettled).finally(() => {
        this.#settling = undefined;
      });
      await this.#settling;
    }
  }

  /** Syncs what came before a new segment and the segment's birth, then says so in the manifest. */
  async #settle(unsettled: { readonly file: LogFile; readonly mark: SyncMark }): Promise<void> {
    const { files, directory, manifest } = this.#options;
    try {
      await this.#syncOld();
      await unsettled.file.sync();
      await files.syncDirectory(directory);
      this.#synced = Math.max(this.#synced, unsettled.mark.synced);
      manifest.set(unsettled.mark);
      await manifest.store();
      this.#unsettled = undefined;
      this.fault.clear();
    } catch (error) {
      this.#cannotSync(error);
      throw error;
    }
  }

  async #syncOld(): Promise<void> {
    await this.#fileSync?.catch(() => {});
    for (let file = this.#unsynced[0]; file !== undefined; file = this.#unsynced[0]) {
      await file.sync();
      this.#unsynced.shift();
      await file.close();
    }
  }
}
