import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import type { Position } from "../port.ts";
import type { Files } from "./files.ts";
import { FrameReader, framesBeyond } from "./frame-reader.ts";
import { MANIFEST_NAME, Manifest, type ManifestData } from "./manifest.ts";
import { baseOfName, decodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";
import { type Damage, endOf, type FoundSegment, Surveyor, withFile } from "./survey.ts";

/** Where a journal can be cut so that everything before is whole. */
export interface CutPoint {
  /** Name of the segment that is the last one then. */
  readonly file: string;
  readonly base: Position;
  readonly end: Position;
  /** Check of the last frame. */
  readonly check: number;
  /** Records before since the journal began. */
  readonly records: number;
}

/** What became of reading a whole journal. */
export interface Inspection {
  /** Names of its segments, in order. */
  readonly files: readonly string[];
  readonly bytes: number;
  readonly salt: number | undefined;
  /** Base of the first segment. */
  readonly first: Position | undefined;
  /** Empty where every record is as it was written. */
  readonly damage: readonly Damage[];
  /** Bytes of a last write that was not whole, which the next start cuts off. */
  readonly tornBytes: number;
  /** Records before the first damage. */
  readonly records: number;
  /** Records behind it that are whole in themselves. */
  readonly recordsBehind: number;
  /** Undefined where nothing can be kept. */
  readonly cut: CutPoint | undefined;
}

export interface InspectOptions {
  readonly files: Files;
  readonly directory: string;
  /** Names the run of the machine; see `OpenJournalOptions`. */
  readonly boot?: string;
  /** A hub is writing: only what it has synced is looked at. */
  readonly inUse?: boolean;
}

/**
 * Reads every record of a journal and says where it is damaged; changes nothing.
 * @throws MusketeersError `STORAGE` where the directory cannot be read.
 */
export async function inspectJournal(options: InspectOptions): Promise<Inspection> {
  try {
    return await new Inspector(options).inspect();
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `${options.directory} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

class Inspector {
  readonly #options: InspectOptions;
  readonly #damage: Damage[] = [];
  #manifest: ManifestData | undefined;
  #salt: number | undefined;
  #first: Position | undefined;
  #bytes = 0;
  #records = 0;
  #recordsBehind = 0;
  #cut: CutPoint | undefined;
  /** Everything from here on is not looked at: it is torn, or being written. */
  #until = Number.POSITIVE_INFINITY;
  #surplus: readonly string[] = [];
  /** What the next start would stumble over. */
  #refusal: Damage | undefined;

  constructor(options: InspectOptions) {
    this.#options = options;
  }

  async inspect(): Promise<Inspection> {
    const { files, directory, inUse } = this.#options;
    const names = (await files.list(directory)).filter((name) => baseOfName(name) !== undefined).sort();
    await this.#loadManifest(names);
    const tornBytes = inUse === true ? this.#untilSynced() : await this.#untilTear();
    const { first = 0 } = this.#manifest ?? {};
    const present = names.filter((name) => (baseOfName(name) ?? 0) >= first);
    for (const name of present) await this.#readSegment(name);
    if (this.#damage.length === 0) this.#compareEnd();
    if (this.#damage.length === 0 && this.#refusal !== undefined) this.#damage.push(this.#refusal);
    return {
      files: present,
      bytes: this.#bytes,
      salt: this.#salt,
      first: this.#first,
      damage: this.#damage,
      tornBytes,
      records: this.#records,
      recordsBehind: this.#recordsBehind,
      cut: this.#cut,
    };
  }

  async #loadManifest(names: readonly string[]): Promise<void> {
    const { files, directory } = this.#options;
    try {
      this.#manifest = (await Manifest.load(files, directory))?.data;
      this.#salt = this.#manifest?.salt;
      if (this.#manifest === undefined && names.length > 0) this.#found(MANIFEST_NAME, 0, "it is missing");
    } catch (error) {
      if (!(error instanceof MusketeersError)) throw error;
      this.#found(MANIFEST_NAME, 0, "it does not match its check");
    }
  }

  #untilSynced(): number {
    this.#until = this.#manifest?.synced ?? 0;
    return 0;
  }

  /** Leaves out what the next start would cut off by itself; says how many bytes. */
  async #untilTear(): Promise<number> {
    const { files, directory, boot = "" } = this.#options;
    const manifest = this.#manifest;
    if (manifest === undefined) return 0;
    const sameBoot = boot !== "" && manifest.boot === boot;
    try {
      const { end, tear, surplus } = await new Surveyor({ files, directory, manifest, sameBoot }).survey();
      this.#until = end;
      this.#surplus = surplus;
      return tear?.bytes ?? 0;
    } catch (error) {
      if (!(error instanceof MusketeersError)) throw error;
      this.#refusal = error.cause as Damage;
      return 0;
    }
  }

  async #readSegment(name: string): Promise<void> {
    const { files, directory } = this.#options;
    const base = baseOfName(name) as Position;
    if (base > this.#until || this.#surplus.includes(name)) return;
    await withFile(files, join(directory, name), "read", async (file) => {
      const bytes = await file.size();
      this.#bytes += bytes;
      const buffer = new Uint8Array(SEGMENT_HEADER_BYTES);
      const header = decodeSegmentHeader(buffer.subarray(0, await file.read(buffer, 0)));
      const wrong =
        header === undefined
          ? "the header is damaged"
          : header.base !== base
            ? `it is the file ${segmentName(header.base)} under another name`
            : header.salt !== (this.#salt ?? header.salt)
              ? "it belongs to another journal"
              : undefined;
      if (wrong !== undefined || header === undefined) {
        this.#found(name, 0, wrong ?? "");
        await this.#lookBeyond(name, base, SEGMENT_HEADER_BYTES);
        return;
      }
      this.#salt ??= header.salt;
      const segment: FoundSegment = { ...header, name, bytes };
      this.#compareStart(segment);
      const end = Math.min(endOf(segment), Math.max(this.#until, base + SEGMENT_HEADER_BYTES));
      const from = base + SEGMENT_HEADER_BYTES;
      const { previous } = segment;
      const reader = new FrameReader(file, { salt: header.salt, base, from, end, previous });
      while ((await reader.read()).length > 0) {
        // Only what it counts matters.
      }
      await this.#account(segment, reader);
    });
  }

  /** Whether a segment begins where the one before ended. */
  #compareStart({ name, base, previous }: FoundSegment): void {
    if (this.#isBroken) return;
    if (this.#cut === undefined) {
      const first = this.#manifest?.first ?? base;
      if (base !== first) this.#found(segmentName(first), 0, "the file is missing");
      return;
    }
    const { file, end, base: baseBefore, check } = this.#cut;
    if (base !== end) this.#found(file, end - baseBefore, "the file does not end where the next one begins");
    else if (previous !== check) this.#found(name, 0, "it does not follow the file before it");
  }

  async #account(segment: FoundSegment, reader: FrameReader): Promise<void> {
    const { name, base } = segment;
    const { end, check, records } = reader.batch;
    if (this.#isBroken) {
      this.#recordsBehind += reader.records;
    } else {
      this.#first ??= base;
      this.#records += records;
      const before = segment.recordsBefore;
      this.#cut = { file: name, base, end, check: check ?? 0, records: before + records };
    }
    const isPart = reader.damage === undefined && reader.position > end;
    if (reader.damage === undefined && !isPart) return;
    const offset = (isPart ? end : reader.position) - base;
    this.#found(name, offset, isPart ? "a batch is cut off" : `the record there ${reader.damage}`);
    await this.#lookBeyond(name, base, reader.position - base);
  }

  /** Counts what is whole behind damage in a segment. */
  async #lookBeyond(name: string, base: Position, offset: number): Promise<void> {
    const { files, directory } = this.#options;
    if (this.#salt === undefined) return;
    const salt = this.#salt;
    await withFile(files, join(directory, name), "read", async (file) => {
      const rest = new Uint8Array(Math.max(0, (await file.size()) - offset));
      const got = await file.read(rest, offset);
      this.#recordsBehind += framesBeyond(rest.subarray(0, got), base + offset, salt).records;
    });
  }

  /** What the manifest knows of the end. */
  #compareEnd(): void {
    const manifest = this.#manifest;
    if (manifest === undefined || manifest.last < 0) return;
    const cut = this.#cut;
    if (cut === undefined || cut.base < manifest.last) {
      this.#found(segmentName(manifest.last), 0, "the file is missing");
    } else if (cut.end < manifest.synced) {
      this.#found(cut.file, cut.end - cut.base, "the file is cut off");
    }
  }

  get #isBroken(): boolean {
    return this.#damage.some(({ file }) => file !== MANIFEST_NAME);
  }

  #found(file: string, offset: number, what: string): void {
    this.#damage.push({ file, offset, what });
  }
}
