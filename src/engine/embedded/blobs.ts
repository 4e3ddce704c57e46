import { join } from "node:path";
import { cidOf, codecOf, createCidHasher, createHasherFor, isCid } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { blobDamaged, blobMismatch, blobTooLarge, checkBlock, clampRange, noBlob } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { BlobStat, Blobs, NamedBlock, StoredBlob } from "../port.ts";
import { FaultMark } from "./fault-mark.ts";
import { type FileStat, type Files, isSystemError, type LogFile, writeAll } from "./files.ts";

const CHUNK_BYTES = 256 * 1024;
/** Folders for what is being stored, and for what is no longer what its name says. */
const DRAFTS = "drafts";
const DAMAGED = "damaged";

/** Files that wait for the disk at the same time. */
const SYNCED_TOGETHER = 64;

/** A written block without its name. */
interface Draft {
  readonly cid: string;
  readonly path: string;
  readonly file: LogFile;
}

export interface OpenBlobsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: Pick<EngineLimits, "blobBytesMax">;
  /** Whether what is stored survives a power cut, too. */
  readonly strict: boolean;
  /** Milliseconds since 1970; for saying since when something fails. */
  readonly nowMs: () => number;
  /** Asked before each write; throws a MusketeersError where the directory is no longer this process's. */
  readonly guard?: () => void;
}

/** Blobs as files named by their CID, in folders by the CID's last two characters. */
export class EmbeddedBlobs implements Blobs {
  readonly #files: Files;
  readonly #directory: string;
  readonly #limits: Pick<EngineLimits, "blobBytesMax">;
  readonly #strict: boolean;
  readonly #guard: (() => void) | undefined;
  /** Why storing failed last. */
  readonly fault: FaultMark;
  /** That some are damaged. */
  readonly damage: FaultMark;
  readonly #nowMs: () => number;
  #drafts = 0;

  private constructor(options: OpenBlobsOptions) {
    this.#files = options.files;
    this.#directory = options.directory;
    this.#limits = options.limits;
    this.#strict = options.strict;
    this.#guard = options.guard;
    this.#nowMs = options.nowMs;
    this.fault = new FaultMark(options.nowMs);
    this.damage = new FaultMark(options.nowMs);
  }

  /** Opens the store of a directory, which is made where there is none; forgets what was half stored. */
  static async open(options: OpenBlobsOptions): Promise<EmbeddedBlobs> {
    const { files, directory } = options;
    const drafts = join(directory, DRAFTS);
    await files.makeDirectory(drafts);
    for (const name of await files.list(drafts)) await files.remove(join(drafts, name));
    const blobs = new EmbeddedBlobs(options);
    await blobs.#countDamaged();
    return blobs;
  }

  /** The store of a directory as it is, for looking at it beside whoever has it open. */
  static attach(options: OpenBlobsOptions): EmbeddedBlobs {
    return new EmbeddedBlobs(options);
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly expect?: string; readonly bytesMax?: number } = {},
  ): Promise<BlobStat> {
    this.#guard?.();
    const { expect } = options;
    const bytesMax = Math.min(options.bytesMax ?? this.#limits.blobBytesMax, this.#limits.blobBytesMax);
    if (!(bytes instanceof Uint8Array)) {
      const known = expect === undefined ? undefined : await this.touch(expect);
      if (known !== undefined) return this.#compare(bytes, bytesMax, known);
      return this.#store(bytes, bytesMax, expect);
    }
    if (bytes.length > bytesMax) throw blobTooLarge(bytesMax);
    const cid = cidOf(bytes, expect === undefined ? "raw" : codecOf(expect));
    if (expect !== undefined && expect !== cid) throw blobMismatch(expect, cid);
    const known = await this.touch(cid);
    // Of another length it was damaged, and is stored again.
    return known?.bytes === bytes.length ? known : this.#store([bytes], bytesMax, cid);
  }

  /** What is there already only has to be what it should be; nothing is written. */
  async #compare(parts: AsyncIterable<Uint8Array>, bytesMax: number, known: BlobStat): Promise<BlobStat> {
    const hasher = createHasherFor(known.cid);
    let length = 0;
    for await (const part of parts) {
      length += part.length;
      if (length > bytesMax) throw blobTooLarge(bytesMax);
      hasher.update(part);
    }
    const cid = hasher.cid();
    if (known.cid !== cid) throw blobMismatch(known.cid, cid);
    if (known.bytes !== length) throw await this.#setAside(cid);
    return known;
  }

  async #store(
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    bytesMax: number,
    expect: string | undefined,
  ): Promise<BlobStat> {
    const draft = join(this.#directory, DRAFTS, String(this.#drafts++));
    const file = await this.#storing(() => this.#files.open(draft, "create"));
    let isNamed = false;
    try {
      const hasher = expect === undefined ? createCidHasher() : createHasherFor(expect);
      let length = 0;
      for await (const part of parts) {
        if (length + part.length > bytesMax) throw blobTooLarge(bytesMax);
        hasher.update(part);
        await this.#storing(async () => writeAll(file, [part], part.length, length));
        length += part.length;
      }
      const cid = hasher.cid();
      if (expect !== undefined && expect !== cid) throw blobMismatch(expect, cid);
      await this.#storing(() => this.#name(file, draft, cid));
      isNamed = true;
      this.fault.clear();
      return { cid, bytes: length };
    } finally {
      await file.close();
      if (!isNamed) await this.#files.remove(draft).catch(() => {});
    }
  }

  async putBatch(blocks: AsyncIterable<NamedBlock> | Iterable<NamedBlock>): Promise<number> {
    const together = this.#strict ? SYNCED_TOGETHER : 1;
    let unnamed: Draft[] = [];
    let count = 0;
    try {
      for await (const block of blocks) {
        this.#guard?.();
        checkBlock(block, this.#limits.blobBytesMax);
        count++;
        if ((await this.touch(block.cid))?.bytes === block.bytes.length) continue;
        if (unnamed.push(await this.#draft(block)) < together) continue;
        await this.#storing(() => this.#nameAll(unnamed));
        unnamed = [];
      }
      await this.#storing(() => this.#nameAll(unnamed));
      unnamed = [];
      this.fault.clear();
      return count;
    } finally {
      for (const { file, path } of unnamed) {
        if (this.#strict) await file.close();
        await this.#files.remove(path).catch(() => {});
      }
    }
  }

  /** Writes a block that has no name yet; the file stays open where it is still to be synced. */
  async #draft({ cid, bytes }: NamedBlock): Promise<Draft> {
    const path = join(this.#directory, DRAFTS, String(this.#drafts++));
    const file = await this.#storing(() => this.#files.open(path, "create"));
    let isWritten = false;
    try {
      await this.#storing(async () => writeAll(file, [bytes], bytes.length, 0));
      isWritten = true;
      return { cid, path, file };
    } finally {
      if (!isWritten || !this.#strict) await file.close();
      if (!isWritten) await this.#files.remove(path).catch(() => {});
    }
  }

  async #nameOne({ cid, path }: Draft): Promise<void> {
    const to = this.#path(cid);
    try {
      await this.#files.rename(path, to);
    } catch (cause) {
      if (!isSystemError(cause, "ENOENT")) throw cause;
      await this.#files.makeDirectory(join(to, ".."));
      await this.#files.rename(path, to);
    }
    this.#files.touch(to, this.#nowMs());
    if (this.damage.text === null) return;
    await this.#files.remove(this.#damagedPath(cid)).catch(() => {});
    await this.#countDamaged();
  }

  /** Names drafts; where they are to survive a power cut, when the disk has them, and waits for the names. */
  async #nameAll(drafts: readonly Draft[]): Promise<void> {
    if (!this.#strict) {
      for (const draft of drafts) await this.#nameOne(draft);
      return;
    }
    if (drafts.length === 0) return;
    await Promise.all(drafts.map(({ file }) => file.sync()));
    const folders = new Set([this.#directory]);
    for (const draft of drafts) {
      await this.#nameOne(draft);
      folders.add(join(this.#path(draft.cid), ".."));
    }
    await Promise.all([...folders].map((folder) => this.#files.syncDirectory(folder)));
    for (const { file } of drafts) await file.close();
  }

  /** Gives a whole draft its name. */
  async #name(file: LogFile, draft: string, cid: string): Promise<void> {
    const path = this.#path(cid);
    const folder = join(path, "..");
    await this.#files.makeDirectory(folder);
    if (this.#strict) await file.sync();
    await this.#files.rename(draft, path);
    this.#files.touch(path, this.#nowMs());
    if (this.#strict) {
      await this.#files.syncDirectory(folder);
      await this.#files.syncDirectory(this.#directory);
    }
    if (this.damage.text === null) return;
    await this.#files.remove(this.#damagedPath(cid)).catch(() => {});
    await this.#countDamaged();
  }

  /** Does a part of storing a blob; a disk that refuses is a `STORAGE` error, and is remembered. */
  async #storing<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (cause) {
      const reason = `A blob cannot be stored: ${(cause as Error).message}`;
      this.fault.set(reason);
      throw new MusketeersError("STORAGE", reason, { cause });
    }
  }

  async stat(cid: string): Promise<BlobStat | undefined> {
    const found = this.#statNow(cid);
    return found && { cid, bytes: found.bytes };
  }

  async touch(cid: string): Promise<BlobStat | undefined> {
    const found = this.#statNow(cid);
    if (found === undefined) return undefined;
    // At once, as `delete` looks and deletes at once: nothing comes between.
    await this.#storing(async () => this.#files.touch(this.#path(cid), this.#nowMs()));
    return { cid, bytes: found.bytes };
  }

  #statNow(cid: string): FileStat | undefined {
    if (!isCid(cid)) return undefined;
    try {
      return this.#files.stat(this.#path(cid));
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  async *read(
    cid: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (!isCid(cid)) throw noBlob(cid);
    const file = await this.#openFile(this.#path(cid));
    if (file === undefined) throw this.#isSetAside(cid) ? blobDamaged(cid) : noBlob(cid);
    try {
      const bytes = await file.size();
      const { start, end } = clampRange(range, bytes);
      const hasher = start === 0 && end === bytes ? createHasherFor(cid) : undefined;
      let held: Uint8Array | undefined;
      for (let at = start; at < end; at += held.length) {
        if (held !== undefined) yield held;
        held = await readChunk(file, at, Math.min(CHUNK_BYTES, end - at));
        hasher?.update(held);
      }
      // The last piece is held back until all are known to be right, so that wrong ones never pass for whole.
      if (hasher !== undefined && hasher.cid() !== cid) throw await this.#setAside(cid);
      if (held !== undefined) yield held;
    } finally {
      await file.close();
    }
  }

  /** Whether a blob is what its name says; one that is not is left where it is. */
  async isIntact(cid: string): Promise<boolean> {
    const file = await this.#openFile(this.#path(cid));
    if (file === undefined) return false;
    try {
      const bytes = await file.size();
      const hasher = createHasherFor(cid);
      for (let at = 0; at < bytes; at += CHUNK_BYTES) {
        hasher.update(await readChunk(file, at, Math.min(CHUNK_BYTES, bytes - at)));
      }
      return hasher.cid() === cid;
    } finally {
      await file.close();
    }
  }

  async delete(cid: string, unusedSinceMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (!isCid(cid)) return;
    try {
      const found = this.#files.stat(this.#path(cid));
      if (found !== undefined && found.usedAtMs >= unusedSinceMs) return;
      this.#files.removeNow(this.#path(cid));
      this.#files.removeNow(this.#damagedPath(cid));
    } catch (cause) {
      throw new MusketeersError("STORAGE", `A blob cannot be deleted: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    for (const folder of await this.#namesIn(this.#directory)) {
      if (folder === DRAFTS || folder === DAMAGED) continue;
      for (const name of await this.#namesIn(join(this.#directory, folder))) {
        const found = this.#statNow(name);
        if (found !== undefined) yield { cid: name, ...found };
      }
    }
  }

  async #namesIn(path: string): Promise<readonly string[]> {
    try {
      return await this.#files.list(path);
    } catch (cause) {
      if (isSystemError(cause, "ENOENT")) return [];
      throw unreadable(cause);
    }
  }

  /** Takes a damaged blob out of the way, so that it can be stored anew. Gives the error that says so. */
  async #setAside(cid: string): Promise<MusketeersError> {
    try {
      // Looked at again, because it may have been stored anew meanwhile.
      if (await this.isIntact(cid)) return blobDamaged(cid);
      await this.#files.makeDirectory(join(this.#directory, DAMAGED));
      await this.#files.rename(this.#path(cid), this.#damagedPath(cid));
      await this.#countDamaged();
    } catch {
      // Then the next reader tries again.
    }
    return blobDamaged(cid);
  }

  async #countDamaged(): Promise<void> {
    const names = (await this.#namesIn(join(this.#directory, DAMAGED))).filter(isCid);
    if (names.length === 0) this.damage.clear();
    else this.damage.set(damagedText(names));
  }

  #isSetAside(cid: string): boolean {
    return this.#files.stat(this.#damagedPath(cid)) !== undefined;
  }

  async #openFile(path: string): Promise<LogFile | undefined> {
    try {
      return await this.#files.open(path, "read");
    } catch (cause) {
      if (isSystemError(cause, "ENOENT")) return undefined;
      throw unreadable(cause);
    }
  }

  /** Only of what `isCid` allows: a path made of anything else could lead anywhere. */
  #path(cid: string): string {
    return join(this.#directory, cid.slice(-2), cid);
  }

  #damagedPath(cid: string): string {
    return join(this.#directory, DAMAGED, cid);
  }
}

const damagedText = (names: readonly string[]): string =>
  names.length === 1
    ? `The stored blob ${names[0]} is damaged; submit again what needs it`
    : `${names.length} stored blobs are damaged, ${names[0]} among them; submit again what needs them`;

const unreadable = (cause: unknown): MusketeersError =>
  new MusketeersError("STORAGE", `A blob cannot be read: ${(cause as Error).message}`, { cause });

async function readChunk(file: LogFile, at: number, bytes: number): Promise<Uint8Array> {
  const chunk = new Uint8Array(bytes);
  try {
    const got = await file.read(chunk, at);
    if (got === 0) throw new Error("it became shorter");
    return chunk.subarray(0, got);
  } catch (cause) {
    throw unreadable(cause);
  }
}
