import { createReadStream, statSync, unlinkSync, utimesSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cidOf, createCidHasher, isCid } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { blobMismatch, blobTooLarge, clampRange, noBlob } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { BlobStat, Blobs, StoredBlob } from "../port.ts";
import { isSystemError } from "./files.ts";
import { nodeFiles } from "./node-files.ts";

const CHUNK_BYTES = 256 * 1024;
const DRAFTS = "drafts";
const FILE_MODE = 0o600;

const storage = (cause: unknown): MusketeersError =>
  cause instanceof MusketeersError
    ? cause
    : new MusketeersError("STORAGE", `A blob cannot be stored: ${(cause as Error).message}`, { cause });

/** Blobs as files named by their CID, in folders by the CID's last two characters. */
export class EmbeddedBlobs implements Blobs {
  readonly #directory: string;
  readonly #limits: EngineLimits;
  readonly #strict: boolean;
  readonly #nowMs: () => number;
  #drafts = 0;

  private constructor(directory: string, limits: EngineLimits, strict: boolean, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#directory = directory;
    this.#limits = limits;
    this.#strict = strict;
  }

  /** Opens the store of a directory, which is made where there is none; forgets what was half stored. */
  static async open(
    directory: string,
    limits: EngineLimits,
    strict: boolean,
    nowMs: () => number,
  ): Promise<EmbeddedBlobs> {
    const drafts = join(directory, DRAFTS);
    await rm(drafts, { recursive: true, force: true });
    await mkdir(drafts, { recursive: true });
    return new EmbeddedBlobs(directory, limits, strict, nowMs);
  }

  async put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly expect?: string; readonly bytesMax?: number } = {},
  ): Promise<BlobStat> {
    const { expect } = options;
    const bytesMax = Math.min(options.bytesMax ?? this.#limits.blobBytesMax, this.#limits.blobBytesMax);
    if (!(bytes instanceof Uint8Array)) {
      // What is there already only has to be what it should be; nothing is written.
      const known = expect === undefined ? undefined : await this.touch(expect);
      return this.#putStream(bytes, bytesMax, expect, known !== undefined);
    }
    if (bytes.length > bytesMax) throw blobTooLarge(bytesMax);
    const cid = cidOf(bytes);
    if (expect !== undefined && expect !== cid) throw blobMismatch(expect, cid);
    return (await this.touch(cid)) ?? this.#putStream([bytes], bytesMax, cid, false);
  }

  async #putStream(
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    bytesMax: number,
    expect: string | undefined,
    known: boolean,
  ): Promise<BlobStat> {
    const draft = join(this.#directory, DRAFTS, String(this.#drafts++));
    const hasher = createCidHasher();
    let length = 0;
    const file = known
      ? undefined
      : await open(draft, "wx", FILE_MODE).catch((cause) => Promise.reject(storage(cause)));
    try {
      for await (const part of parts) {
        length += part.length;
        if (length > bytesMax) throw blobTooLarge(bytesMax);
        hasher.update(part);
        await file?.writeFile(part).catch((cause) => Promise.reject(storage(cause)));
      }
      const cid = hasher.cid();
      if (expect !== undefined && expect !== cid) throw blobMismatch(expect, cid);
      if (file !== undefined) await this.#keep(draft, cid, this.#strict ? () => file.sync() : undefined);
      return { cid, bytes: length };
    } finally {
      await file?.close();
      if (file !== undefined) await rm(draft, { force: true });
    }
  }

  /** Gives a whole draft its name. */
  async #keep(draft: string, cid: string, sync: (() => Promise<void>) | undefined): Promise<void> {
    try {
      const path = this.#path(cid);
      const folder = join(path, "..");
      await mkdir(folder, { recursive: true });
      await sync?.();
      await rename(draft, path);
      const now = new Date(this.#nowMs());
      utimesSync(path, now, now);
      if (sync === undefined) return;
      await nodeFiles.syncDirectory(folder);
      await nodeFiles.syncDirectory(this.#directory);
    } catch (cause) {
      throw storage(cause);
    }
  }

  async stat(cid: string): Promise<BlobStat | undefined> {
    if (!isCid(cid)) return undefined;
    try {
      return { cid, bytes: (await stat(this.#path(cid))).size };
    } catch (error) {
      if (isSystemError(error, "ENOENT")) return undefined;
      throw storage(error);
    }
  }

  async touch(cid: string): Promise<BlobStat | undefined> {
    const found = await this.stat(cid);
    if (found === undefined) return undefined;
    try {
      // At once, as `delete` looks and deletes at once: nothing comes between.
      const now = new Date(this.#nowMs());
      utimesSync(this.#path(cid), now, now);
      return found;
    } catch (error) {
      if (isSystemError(error, "ENOENT")) return undefined;
      throw storage(error);
    }
  }

  async *read(
    cid: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> {
    const found = await this.stat(cid);
    if (found === undefined) throw noBlob(cid);
    const { start, end } = clampRange(range, found.bytes);
    if (start === end) return;
    const stream = createReadStream(this.#path(cid), { start, end: end - 1, highWaterMark: CHUNK_BYTES });
    try {
      yield* stream as AsyncIterable<Buffer>;
    } catch (error) {
      throw isSystemError(error, "ENOENT") ? noBlob(cid) : storage(error);
    }
  }

  async delete(cid: string, unusedSinceMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (!isCid(cid)) return;
    const path = this.#path(cid);
    try {
      if (statSync(path).mtimeMs < unusedSinceMs) unlinkSync(path);
    } catch (error) {
      if (!isSystemError(error, "ENOENT")) throw storage(error);
    }
  }

  async *list(): AsyncIterable<StoredBlob> {
    for (const folder of await readdir(this.#directory)) {
      if (folder === DRAFTS) continue;
      for (const name of await readdir(join(this.#directory, folder))) {
        const found = await stat(join(this.#directory, folder, name)).catch(() => undefined);
        if (found !== undefined && isCid(name)) {
          yield { cid: name, bytes: found.size, usedAtMs: found.mtimeMs };
        }
      }
    }
  }

  /** Only of what `isCid` allows: a path made of anything else could lead anywhere. */
  #path(cid: string): string {
    return join(this.#directory, cid.slice(-2), cid);
  }
}
