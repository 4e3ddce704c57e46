import { join } from "node:path";
import { createCidHasher, createHasherFor, isCid } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { blobDamaged, blobMismatch, blobTooLarge, clampRange, noBlob } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { BlobStat, StoredBlob } from "../port.ts";
import type { DamagedBlobs } from "./damaged-blobs.ts";
import type { FaultMark } from "./fault-mark.ts";
import { type FileStat, type Files, isSystemError, type LogFile, writeAll } from "./files.ts";

const CHUNK_BYTES = 256 * 1024;
/** The folder for what is being stored. */
const DRAFTS = "drafts";
/** Others beside those of blobs have longer names. */
const FOLDER_CHARACTERS = 2;

export interface FileBlobsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly limits: Pick<EngineLimits, "blobBytesMax">;
  /** Whether what is stored survives a power cut, too. */
  readonly strict: boolean;
  /** Milliseconds since 1970; for saying since when something fails. */
  readonly nowMs: () => number;
  /** Why storing failed last. */
  readonly fault: FaultMark;
  readonly damaged: DamagedBlobs;
}

/** Large blobs as files named by their CID, in folders by the CID's last two characters. */
export class FileBlobs {
  readonly #files: Files;
  readonly #directory: string;
  readonly #limits: Pick<EngineLimits, "blobBytesMax">;
  readonly #strict: boolean;
  readonly #fault: FaultMark;
  readonly #damaged: DamagedBlobs;
  readonly #nowMs: () => number;
  #drafts = 0;

  private constructor(options: FileBlobsOptions) {
    this.#files = options.files;
    this.#directory = options.directory;
    this.#limits = options.limits;
    this.#strict = options.strict;
    this.#nowMs = options.nowMs;
    this.#fault = options.fault;
    this.#damaged = options.damaged;
  }

  /** Opens the store of a directory, which is made where there is none; forgets what was half stored. */
  static async open(options: FileBlobsOptions): Promise<FileBlobs> {
    const { files, directory } = options;
    const drafts = join(directory, DRAFTS);
    await files.makeDirectory(drafts);
    for (const name of await files.list(drafts)) await files.remove(join(drafts, name));
    return new FileBlobs(options);
  }

  /** The store of a directory as it is, for looking at it beside whoever has it open. */
  static attach(options: FileBlobsOptions): FileBlobs {
    return new FileBlobs(options);
  }

  /** Stores what is not there, piece by piece. */
  async put(
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    {
      bytesMax = this.#limits.blobBytesMax,
      expect,
    }: { readonly bytesMax?: number; readonly expect?: string } = {},
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
      this.#fault.clear();
      return { cid, bytes: length };
    } finally {
      await file.close();
      if (!isNamed) await this.#files.remove(draft).catch(() => {});
    }
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
    await this.#damaged.forget(cid);
  }

  /** Does a part of storing a blob; a disk that refuses is a `STORAGE` error, and is remembered. */
  async #storing<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (cause) {
      throw this.#refused(cause);
    }
  }

  #refused(cause: unknown): MusketeersError {
    const reason = `A blob cannot be stored: ${(cause as Error).message}`;
    this.#fault.set(reason);
    return new MusketeersError("STORAGE", reason, { cause });
  }

  stat(cid: string): BlobStat | undefined {
    const found = this.#statNow(cid);
    return found && { cid, bytes: found.bytes };
  }

  touch(cid: string): BlobStat | undefined {
    const found = this.#statNow(cid);
    if (found === undefined) return undefined;
    try {
      // At once, as `delete` looks and deletes at once: nothing comes between.
      this.#files.touch(this.#path(cid), this.#nowMs());
    } catch (cause) {
      throw this.#refused(cause);
    }
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
    if (file === undefined) throw this.#damaged.has(cid) ? blobDamaged(cid) : noBlob(cid);
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
      if (hasher !== undefined && hasher.cid() !== cid) throw await this.setAside(cid);
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

  /** At once. */
  delete(cid: string, unusedSinceMs = Number.POSITIVE_INFINITY): void {
    if (!isCid(cid)) return;
    try {
      const found = this.#files.stat(this.#path(cid));
      if (found !== undefined && found.usedAtMs >= unusedSinceMs) return;
      if (found !== undefined) this.#files.removeNow(this.#path(cid));
      this.#damaged.removeNow(cid);
    } catch (cause) {
      throw new MusketeersError("STORAGE", `A blob cannot be deleted: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    for (const folder of await this.#namesIn(this.#directory)) {
      if (folder.length !== FOLDER_CHARACTERS) continue;
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
  async setAside(cid: string): Promise<MusketeersError> {
    try {
      // Looked at again, because it may have been stored anew meanwhile.
      if (await this.isIntact(cid)) return blobDamaged(cid);
      await this.#damaged.take(cid, this.#path(cid));
    } catch {
      // Then the next reader tries again.
    }
    return blobDamaged(cid);
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
}

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
