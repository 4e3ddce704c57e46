import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { cidOfDigest } from "../../../data/index.ts";
import { blobDamaged, clampRange } from "../../checks.ts";
import type { BlobStat, StoredBlob } from "../../port.ts";
import type { DamagedBlobs } from "../damaged-blobs.ts";
import type { Files } from "../files.ts";
import { BlobIndex, keyOf, type Place } from "./blob-index.ts";
import type { Pack } from "./pack.ts";
import { PackFiles } from "./pack-files.ts";
import type { Copied, Group, Written } from "./pack-group.ts";
import type { IndexRow } from "./pack-index.ts";
import { isGone, loadPacks, setCleanMark, takeCleanMark } from "./pack-load.ts";
import { blobIn, recordBytes } from "./pack-record.ts";
import { PackWriter } from "./pack-writer.ts";

export interface PackedBlobsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: { readonly packBytesTarget: number; readonly packedBlobBytesMax: number };
  readonly strict: boolean;
  readonly nowMs: () => number;
  /** Milliseconds since whenever; says how long writes take. */
  readonly clockMs?: (() => number) | undefined;
  readonly guard?: () => void;
  readonly damaged: DamagedBlobs;
  /** Look only: beside whoever has it open. */
  readonly readOnly?: boolean;
}

/** What was given, or is there already; it is stored when `stored` has said so. */
export type Storing = Pick<Group, "done" | "pack" | "end">;

const CLEAN = "clean";
/** A pack of which less than this is of use is copied and removed. */
const LIVE_SHARE_MIN = 0.5;
/** Rows that are gone through before others come in between. */
const ROWS_AT_ONCE = 4096;

/**
 * Small blobs one behind the other in large files, with an index in memory. What is deleted keeps its place
 * until most of its pack is of no use; then what is of use is copied to the end of the packs.
 */
export class PackedBlobs {
  readonly #options: PackedBlobsOptions;
  readonly #files: PackFiles;
  readonly #index = new BlobIndex();
  #packs = new Map<number, Pack>();
  #writer: PackWriter | undefined;
  /** What is being written, by CID. */
  readonly #pending = new Map<string, Promise<Group>>();
  /** Full packs are synced and their indexes written one after the other, behind what is put. */
  #sealing: Promise<void> = Promise.resolve();
  #compacting: Promise<void> | undefined;
  #isClosed = false;

  private constructor(options: PackedBlobsOptions) {
    this.#options = options;
    this.#files = new PackFiles(options.files, options.directory);
  }

  static async open(options: PackedBlobsOptions): Promise<PackedBlobs> {
    const packed = new PackedBlobs(options);
    await packed.#load();
    return packed;
  }

  async #load(): Promise<void> {
    const { files, directory, limits, strict, guard, damaged, nowMs, readOnly = false } = this.#options;
    const { clockMs = () => performance.now() } = this.#options;
    const clean = join(directory, CLEAN);
    if (!readOnly) await files.makeDirectory(directory);
    const isClean = readOnly || (await takeCleanMark(files, directory, clean));
    const blobBytesMax = limits.packedBlobBytesMax;
    const options = { files: this.#files, index: this.#index, blobBytesMax, nowMs: nowMs(), isClean };
    const loaded = await loadPacks(options);
    this.#packs = loaded.packs;
    if (readOnly) return;
    for (const number of loaded.strayIndexes) await this.#files.removeIndex(number);
    for (const head of loaded.damaged) {
      if (this.#index.find(head) === undefined)
        await damaged.keep(cidOfDigest(head.digest, head.codec), new Uint8Array(0));
    }
    const last = [...this.#packs.values()].at(-1);
    // Found in it, so that a sync that fails later takes nothing that was acknowledged before.
    if (strict && last !== undefined && last.synced < last.bytes) await this.#syncFull(last);
    this.#writer = new PackWriter({
      files: this.#files,
      strict,
      packBytesTarget: limits.packBytesTarget,
      blobBytesMax,
      next: loaded.next,
      current: last,
      guard,
      clockMs,
      onPack: (pack) => this.#packs.set(pack.number, pack),
      onWritten: (pack, offset, records) => this.#add(pack, offset, records),
      onFailed: (pack) => this.#dropUnsynced(pack),
      onFull: (pack) => this.#seal(pack),
    });
    for (const pack of this.#packs.values()) if (pack !== last && pack.isStale) this.#seal(pack);
    this.#compactSoon();
  }

  /** How many blobs there are. */
  get count(): number {
    return this.#index.count;
  }

  stat(cid: string): BlobStat | undefined {
    const row = this.#index.find(keyOf(cid));
    return row === undefined ? undefined : { cid, bytes: this.#index.bytes(row) };
  }

  /** What is there is used now. */
  touch(cid: string): (BlobStat & { readonly storing: Storing }) | undefined {
    const row = this.#index.find(keyOf(cid));
    if (row === undefined) return undefined;
    this.#index.use(row, this.#options.nowMs());
    const { pack: number, offset, bytes } = this.#index.place(row);
    const pack = this.#packs.get(number)!;
    pack.isStale = true;
    return { cid, bytes, storing: { done: Promise.resolve(), pack, end: offset + recordBytes(bytes) } };
  }

  /**
   * Takes a blob that is what its CID says, of which it keeps a copy, or what is released later.
   * @throws what the guard throws; then it has taken nothing
   */
  async add(cid: string, bytes: Uint8Array, release?: () => void): Promise<Storing> {
    const known = this.#pending.get(cid) ?? this.touch(cid)?.storing;
    if (known !== undefined) {
      const storing = await known;
      release?.();
      return storing;
    }
    if (this.#isClosed) throw new Error("the store is closed");
    const adding = this.#writer!.add({ key: keyOf(cid), bytes, release });
    this.#pending.set(cid, adding);
    adding
      .then((group) => group.done)
      .catch(() => {})
      .finally(() => this.#pending.delete(cid));
    return adding;
  }

  /** Resolves when what was given is there, as safely as the store promises. @throws what the disk says */
  async stored(storing: Storing): Promise<void> {
    await storing.done;
    const { pack, end } = storing;
    if (this.#options.strict && pack !== undefined) await this.#writer!.sync(pack, end);
  }

  #add(pack: Pack, offset: number, records: readonly Written[]): void {
    const nowMs = this.#options.nowMs();
    pack.isStale = true;
    for (const { key, bytes, at, from } of records) {
      // A copy counts when it is safe. Of what was given twice at once the first counts.
      if (from !== undefined || this.#index.find(key) !== undefined) continue;
      this.#index.add(key, { pack: pack.number, offset: offset + at, bytes }, nowMs);
      pack.live++;
      pack.liveBytes += recordBytes(bytes);
    }
  }

  /** Copies that are safe take the place of what they were made from. */
  #move({ records, pack, start }: Group): void {
    for (const { bytes, at, from } of records) {
      if (from === undefined || !this.#isAt(from)) continue;
      this.#discount(from.place);
      this.#index.move(from.row, { pack: pack!.number, offset: start + at });
      pack!.live++;
      pack!.liveBytes += recordBytes(bytes);
      pack!.isStale = true;
    }
  }

  /** Whether a row is still what it was: rows are used again, places only with their pack. */
  #isAt({ row, place }: Copied): boolean {
    const now = this.#index.place(row);
    return now.pack === place.pack && now.offset === place.offset && now.bytes === place.bytes;
  }

  #discount({ pack: number, bytes }: Place): void {
    const pack = this.#packs.get(number)!;
    pack.live--;
    pack.liveBytes -= recordBytes(bytes);
    pack.isStale = true;
  }

  #remove(row: number): void {
    this.#discount(this.#index.place(row));
    this.#index.remove(row);
  }

  /** Where everything is synced before it is acknowledged, nobody was told of what is lost with a failed sync. */
  #dropUnsynced(pack: Pack): void {
    if (!this.#options.strict) return;
    for (const row of [...this.#rowsOf(pack)]) {
      if (this.#index.place(row).offset >= pack.synced) this.#remove(row);
    }
  }

  *#rowsOf(pack: Pack): Generator<number> {
    for (const row of this.#index.rows()) if (this.#index.place(row).pack === pack.number) yield row;
  }

  #seal(pack: Pack): void {
    this.#sealing = this.#sealing.then(async () => {
      try {
        if (!this.#packs.has(pack.number) || pack.failure !== undefined) return;
        if (pack.synced < pack.bytes) await this.#syncFull(pack);
        if (pack.isStale) await this.#writeIndex(pack, [...this.#rowsOf(pack)], true);
      } catch {
        // Then the next start reads the pack itself.
      }
    });
  }

  async #syncFull(pack: Pack): Promise<void> {
    const { bytes } = pack;
    const file = await this.#options.files.open(this.#files.packPath(pack.number), "write");
    try {
      await file.sync();
      pack.synced = bytes;
    } finally {
      await file.close();
    }
  }

  async #writeIndex(pack: Pack, rows: readonly number[], isSynced: boolean): Promise<void> {
    pack.isStale = false;
    const index = this.#index;
    const row = (at: number): IndexRow => ({
      ...index.key(at),
      ...index.place(at),
      usedAtMs: index.usedAtMs(at),
    });
    try {
      await this.#files.writeIndex(pack.number, { covered: pack.synced, rows: rows.map(row) }, isSynced);
    } catch (error) {
      pack.isStale = true;
      throw error;
    }
  }

  /**
   * The blob, or a part of it: always whole pieces of what was stored.
   * @returns undefined where it is not in a pack
   * @throws MusketeersError `BLOB_MISMATCH` for a damaged one, which is put aside; what the disk says.
   */
  async read(
    cid: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array | undefined> {
    const key = keyOf(cid);
    for (;;) {
      const row = this.#index.find(key);
      if (row === undefined) return undefined;
      const place = this.#index.place(row);
      const { start, end } = clampRange(range, place.bytes);
      const record = await this.#readRecord(place);
      const blob = record && blobIn(record, key);
      if (blob !== undefined) return blob.subarray(start, end);
      // It was moved or deleted meanwhile.
      if (!this.#isAt({ row, place })) continue;
      await this.#setAside(row, cid, record ?? new Uint8Array(0));
      throw blobDamaged(cid);
    }
  }

  /** Undefined where there is no such pack any more. */
  async #readRecord({ pack, offset, bytes }: Place): Promise<Uint8Array | undefined> {
    try {
      return await this.#files.read(pack, offset, recordBytes(bytes));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async #setAside(row: number, cid: string, left: Uint8Array): Promise<void> {
    const place = this.#index.place(row);
    try {
      await this.#options.damaged.keep(cid, left);
      if (this.#isAt({ row, place })) this.#remove(row);
      else await this.#options.damaged.forget(cid);
    } catch {
      // Then the next reader tries again.
    }
  }

  /** Whether a blob is what its name says; one that is not is left where it is. Undefined: not in a pack. */
  async isIntact(cid: string): Promise<boolean | undefined> {
    const key = keyOf(cid);
    const row = this.#index.find(key);
    if (row === undefined) return undefined;
    const record = await this.#readRecord(this.#index.place(row));
    return record !== undefined && blobIn(record, key) !== undefined;
  }

  /** At once. */
  delete(cid: string, unusedSinceMs: number): void {
    const row = this.#index.find(keyOf(cid));
    if (row === undefined || this.#index.usedAtMs(row) >= unusedSinceMs) return;
    this.#remove(row);
    this.#compactSoon();
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    let count = 0;
    for (const row of this.#index.rows()) {
      yield { cid: this.#index.cid(row), bytes: this.#index.bytes(row), usedAtMs: this.#index.usedAtMs(row) };
      if (++count % ROWS_AT_ONCE === 0) await setImmediate();
    }
  }

  /** Resolves when nothing is done behind what was asked for. */
  async idle(): Promise<void> {
    await this.#compacting;
    await this.#sealing;
  }

  #wasted(): Pack | undefined {
    for (const pack of this.#packs.values()) {
      const isEmpty = pack.records === 0 && this.#writer!.writesTo(pack);
      if (!isEmpty && (pack.live === 0 || pack.liveBytes < pack.bytes * LIVE_SHARE_MIN)) return pack;
    }
    return undefined;
  }

  #compactSoon(): void {
    if (this.#compacting !== undefined || this.#isClosed || this.#wasted() === undefined) return;
    this.#compacting = this.#compactAll()
      // Such as for want of space; tried again when more is deleted.
      .catch(() => {})
      .finally(() => {
        this.#compacting = undefined;
      });
  }

  async #compactAll(): Promise<void> {
    for (;;) {
      await setImmediate();
      const pack = this.#wasted();
      if (pack === undefined || this.#isClosed) return;
      await this.#compact(pack);
    }
  }

  /** Copies what is of use in a pack, and removes it when the copies are safe. */
  async #compact(pack: Pack): Promise<void> {
    const writer = this.#writer!;
    if (writer.writesTo(pack)) await writer.roll();
    const groups = new Set<Group>();
    for (const row of [...this.#rowsOf(pack)]) {
      if (this.#isClosed) return;
      const place = this.#index.place(row);
      if (place.pack !== pack.number) continue;
      const key = this.#index.key(row);
      const record = await this.#readRecord(place);
      const blob = record && blobIn(record, key);
      if (!this.#isAt({ row, place })) continue;
      if (blob !== undefined) groups.add(await writer.add({ key, bytes: blob, from: { row, place } }));
      else await this.#setAside(row, cidOfDigest(key.digest, key.codec), record ?? new Uint8Array(0));
    }
    for (const group of groups) await group.done;
    for (const { pack: to, end } of groups) await this.#synced(to!, end);
    for (const group of groups) this.#move(group);
    if (pack.live > 0) throw new Error("a damaged blob cannot be put aside");
    // An index that does not know the copies would hide them.
    await this.#sealing;
    for (const to of new Set([...groups].map((group) => group.pack!))) {
      if (!writer.writesTo(to) && to.isStale) await this.#writeIndex(to, [...this.#rowsOf(to)], true);
    }
    this.#packs.delete(pack.number);
    await this.#files.remove(pack.number);
  }

  /** Resolves when a part of a pack survives a power cut, whether it is written to or was meanwhile finished. */
  async #synced(pack: Pack, end: number): Promise<void> {
    while (pack.synced < end) {
      if (pack.failure !== undefined) throw pack.failure;
      if (this.#writer!.writesTo(pack)) {
        await this.#writer!.sync(pack, end);
        continue;
      }
      const sealing = this.#sealing;
      await sealing;
      if (pack.synced < end && sealing === this.#sealing) await this.#syncFull(pack);
    }
  }

  /** Waits for what is under way, and leaves all as the next start likes it. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#compacting;
    for (const adding of [...this.#pending.values()]) await adding.then(({ done }) => done).catch(() => {});
    try {
      await this.#writer?.roll();
      await this.#sealing;
      await this.#writeIndexes();
      if (this.#writer !== undefined)
        await setCleanMark(this.#options.files, join(this.#options.directory, CLEAN));
    } catch {
      // The next start finds out by itself, with more reading.
      await this.#writer?.roll().catch(() => {});
    }
    await this.#files.close();
  }

  async #writeIndexes(): Promise<void> {
    const rows = new Map<Pack, number[]>();
    for (const pack of this.#packs.values())
      if (pack.isStale && pack.failure === undefined) rows.set(pack, []);
    if (rows.size === 0) return;
    for (const row of this.#index.rows()) rows.get(this.#packs.get(this.#index.place(row).pack)!)?.push(row);
    for (const [pack, own] of rows) {
      if (pack.synced < pack.bytes) await this.#syncFull(pack);
      await this.#writeIndex(pack, own, false);
    }
  }
}
