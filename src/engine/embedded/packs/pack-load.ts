import { type Files, isSystemError } from "../files.ts";
import type { BlobIndex } from "./blob-index.ts";
import { newPack, type Pack } from "./pack.ts";
import type { PackFiles } from "./pack-files.ts";
import type { IndexRow } from "./pack-index.ts";
import { PACK_HEAD_BYTES, type RecordHead, recordBytes } from "./pack-record.ts";
import { scanPack } from "./pack-scan.ts";

export interface LoadOptions {
  readonly files: PackFiles;
  readonly index: BlobIndex;
  readonly blobBytesMax: number;
  /** What is found without saying when it was used, was used now. */
  readonly nowMs: number;
  /** When something was used last is known from index files only if the last run closed them all. */
  readonly isClean: boolean;
}

export interface Loaded {
  readonly packs: Map<number, Pack>;
  /** A number that no pack has had. */
  readonly next: number;
  /** Index files without a pack. */
  readonly strayIndexes: readonly number[];
  /** Heads of blobs that are not whole. */
  readonly damaged: readonly RecordHead[];
}

/** Fills an index with what is in a directory of packs; changes nothing there. */
export async function loadPacks(options: LoadOptions): Promise<Loaded> {
  const { packs: numbers, indexes } = await options.files.numbers();
  const packs = new Map<number, Pack>();
  const damaged: RecordHead[] = [];
  const found: Pack[] = [];
  // The latest first: what was stored again for being damaged is found in its place.
  for (const number of numbers.toReversed()) {
    try {
      const { pack, broken } = await loadPack(number, options);
      found.push(pack);
      damaged.push(...broken);
    } catch (error) {
      // Whoever has the directory open removed it meanwhile.
      if (!isGone(error)) throw error;
    }
  }
  for (const pack of found.reverse()) packs.set(pack.number, pack);
  const next = Math.max(0, ...numbers.slice(-1), ...indexes.slice(-1)) + 1;
  return { packs, next, strayIndexes: indexes.filter((number) => !packs.has(number)), damaged };
}

async function loadPack(
  number: number,
  { files, index, blobBytesMax, nowMs, isClean }: LoadOptions,
): Promise<{ pack: Pack; broken: readonly RecordHead[] }> {
  const size = files.bytes(number);
  const known = await files.readIndex(number);
  const covered = Math.max(PACK_HEAD_BYTES, Math.min(known?.covered ?? 0, size));
  const pack = newPack(number, covered);
  pack.synced = known === undefined ? 0 : covered;
  pack.isStale = known === undefined || !isClean;
  const add = (row: IndexRow): void => {
    pack.records++;
    if (index.find(row) !== undefined) return;
    index.add(row, { pack: number, offset: row.offset, bytes: row.bytes }, row.usedAtMs);
    pack.live++;
    pack.liveBytes += recordBytes(row.bytes);
  };
  const addKnown = (): void => {
    for (const row of known?.rows ?? []) {
      if (row.offset + row.bytes <= size) add(isClean ? row : { ...row, usedAtMs: nowMs });
    }
  };
  if (size <= covered) {
    addKnown();
    return { pack, broken: [] };
  }
  const file = await files.files.open(files.packPath(number), "read");
  try {
    const scan = await scanPack(file, covered, blobBytesMax);
    if (scan.rows.length > 0) pack.isStale = true;
    for (const row of scan.rows) add({ ...row, usedAtMs: nowMs });
    addKnown();
    pack.bytes = scan.end;
    return { pack, broken: scan.damaged };
  } finally {
    await file.close();
  }
}

/** Whether the last run closed its packs; from now on it is not so any more. */
export async function takeCleanMark(files: Files, directory: string, path: string): Promise<boolean> {
  if (files.stat(path) === undefined) return false;
  files.removeNow(path);
  await files.syncDirectory(directory);
  return true;
}

/** Says that all index files are as the packs are. */
export async function setCleanMark(files: Files, path: string): Promise<void> {
  const file = await files.open(path, "create");
  await file.close();
}

export const isGone = (error: unknown): boolean => isSystemError(error, "ENOENT");
