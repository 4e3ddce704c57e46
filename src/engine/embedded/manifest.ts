import { join } from "node:path";
import { crc32 } from "node:zlib";
import { MusketeersError } from "../../protocol/index.ts";
import type { Position } from "../port.ts";
import { type Files, isSystemError, readWhole, replaceWhole, writeAll } from "./files.ts";

/** Its line is padded to this length, so that another one can be written over it. */
const LINE_BYTES = 384;

/** What a journal knows about itself besides its segments: how a missing first or last one shows. */
export interface ManifestData {
  readonly salt: number;
  /** Base of the first segment that was not dropped. */
  readonly first: Position;
  /** Base of the last segment that must be there; -1 where there was none yet. */
  readonly last: Position;
  /** Everything before is synced; what follows are its check and the count of records before it. */
  readonly synced: Position;
  readonly syncedCheck: number;
  readonly syncedRecords: number;
  /** Names the run of the machine in which it was written; empty where the system has no name for it. */
  readonly boot: string;
}

export const MANIFEST_NAME = "manifest";
const numberNames = ["salt", "first", "last", "synced", "syncedCheck", "syncedRecords"] as const;

const checkOf = (text: string): string => crc32(text).toString(16).padStart(8, "0");

export function encodeManifest(data: ManifestData): Uint8Array {
  const text = JSON.stringify(data).padEnd(LINE_BYTES - 10);
  return new TextEncoder().encode(`${checkOf(text)} ${text}\n`);
}

function decodeManifest(path: string, bytes: Uint8Array): ManifestData {
  const line = new TextDecoder().decode(bytes);
  const text = line.slice(9, -1);
  if (line.slice(0, 9) !== `${checkOf(text)} ` || line.at(-1) !== "\n") {
    throw new MusketeersError("JOURNAL_CORRUPT", `${path}, offset 0: the manifest is damaged`);
  }
  const data = JSON.parse(text) as ManifestData;
  if (numberNames.some((name) => typeof data[name] !== "number")) {
    throw new MusketeersError("JOURNAL_CORRUPT", `${path}, offset 0: the manifest lacks a field`);
  }
  if (typeof data.boot !== "string") {
    throw new MusketeersError("JOURNAL_CORRUPT", `${path} was written by an older version of Musketeers`, {
      hint: "Finish its jobs with the version that wrote it, then start with an empty data directory.",
    });
  }
  return data;
}

/** The manifest's file; writes go out one after the other, and only the newest of those that wait. */
export class Manifest {
  readonly #files: Files;
  readonly #directory: string;
  #data: ManifestData;
  #stored: ManifestData | undefined;
  #writing: Promise<void> | undefined;

  private constructor(files: Files, directory: string, data: ManifestData, stored: boolean) {
    this.#files = files;
    this.#directory = directory;
    this.#data = data;
    this.#stored = stored ? data : undefined;
  }

  /** Undefined where there is none. */
  static async load(files: Files, directory: string): Promise<Manifest | undefined> {
    const path = join(directory, MANIFEST_NAME);
    const bytes = await readWhole(files, path);
    return bytes && new Manifest(files, directory, decodeManifest(path, bytes), true);
  }

  static create(files: Files, directory: string, salt: number, boot = ""): Manifest {
    const data = { salt, first: 0, last: -1, synced: 0, syncedCheck: 0, syncedRecords: 0, boot };
    return new Manifest(files, directory, data, false);
  }

  get data(): ManifestData {
    return this.#data;
  }

  set(changes: Partial<ManifestData>): void {
    this.#data = { ...this.#data, ...changes };
  }

  /** Resolves when what was set so far is on disk. A failed write is made up for by the next. */
  async store(): Promise<void> {
    while (this.#stored !== this.#data) {
      this.#writing ??= this.#write(this.#data).finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async #write(data: ManifestData): Promise<void> {
    const path = join(this.#directory, MANIFEST_NAME);
    const bytes = encodeManifest(data);
    try {
      await replaceWhole(this.#files, path, bytes, this.#directory);
    } catch (error) {
      if (this.#stored === undefined || !isFull(error)) throw error;
      // Dropping segments makes room, and has to be said here first. Lines are of one length, and less than
      // what a disk writes at once, so this one takes no room and does not tear.
      await overwrite(this.#files, path, bytes);
    }
    this.#stored = data;
  }
}

const isFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].some((code) => isSystemError(error, code));

async function overwrite(files: Files, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, "write");
  try {
    await writeAll(file, [bytes], bytes.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}
