import { join } from "node:path";
import { type DirectoryLock, lockDirectory } from "../../data/node.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { engineLimits } from "../options.ts";
import { EmbeddedBlobs } from "./blobs.ts";
import { bootName } from "./boot.ts";
import { isSystemError } from "./files.ts";
import { type Inspection, inspectJournal } from "./inspection.ts";
import { nodeFiles } from "./node-files.ts";
import { EmbeddedRegistry, REGISTRY_NAME } from "./registry.ts";
import { cutJournal } from "./repair.ts";
import type { Damage } from "./survey.ts";

/* What an operator can ask about a data directory, and do about it, while no hub has it open. */

/** What a data directory holds, and whether it is as it was written. */
export interface DataReport {
  readonly directory: string;
  readonly state: "sound" | "damaged";
  /** A hub has it open: what it has not synced yet was not looked at. */
  readonly inUse: boolean;
  readonly journal: {
    readonly files: number;
    readonly bytes: number;
    /** Whole records, up to the first damage. */
    readonly records: number;
    /** Behind the first damage, whole in themselves. */
    readonly recordsBehind: number;
    /** Of a write that was under way in a crash; the next start cuts them off. */
    readonly tornBytes: number;
  };
  /** Of files of the journal, and of the registry; paths are below the directory. */
  readonly damage: readonly Damage[];
  /** Undefined where they were not asked for. */
  readonly blobs?: { readonly count: number; readonly bytes: number; readonly damaged: readonly string[] };
}

export interface CheckOptions {
  /** Read every blob, too. */
  readonly blobs?: boolean;
  readonly signal?: AbortSignal;
}

/** What a repair did. */
export interface RepairReport {
  /** Where the damaged files are kept; undefined where nothing was damaged. */
  readonly aside: string | undefined;
  readonly files: readonly string[];
  /** Records that are left. */
  readonly records: number;
  /** Records behind the damage that were whole in themselves, and are only in the files put aside now. */
  readonly recordsBehind: number;
}

const journalOf = (directory: string): string => join(directory, "journal");

async function registryDamage(directory: string): Promise<Damage | undefined> {
  try {
    await EmbeddedRegistry.open({ files: nodeFiles, directory, limits: engineLimits({}), nowMs: () => 0 });
    return undefined;
  } catch (error) {
    if (!(error instanceof MusketeersError) || error.code !== "JOURNAL_CORRUPT") throw error;
    return { file: REGISTRY_NAME, offset: 0, what: "it does not match its check" };
  }
}

async function inspect(directory: string, inUse: boolean): Promise<Inspection> {
  const path = journalOf(directory);
  try {
    return await inspectJournal({ files: nodeFiles, directory: path, boot: bootName(), inUse });
  } catch (error) {
    if (!isSystemError((error as Error).cause, "ENOENT")) throw error;
    throw new MusketeersError("NOT_FOUND", `There is no journal in ${directory}`, {
      hint: "Name the data directory of a hub, as for `musketeers up --data`.",
      cause: error,
    });
  }
}

/** The directory's lock, or undefined where a hub has it. */
async function tryLock(directory: string): Promise<DirectoryLock | undefined> {
  try {
    return await lockDirectory(directory);
  } catch (error) {
    if (error instanceof MusketeersError && error.code === "DATA_IN_USE") return undefined;
    if (isSystemError(error, "ENOENT")) {
      throw new MusketeersError("NOT_FOUND", `There is no directory ${directory}`, {
        hint: "Name the data directory of a hub, as for `musketeers up --data`.",
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * Reads everything in a data directory and says what is damaged; changes nothing. Of a directory that a
 * hub has open only what the hub has synced is looked at.
 * @throws MusketeersError `NOT_FOUND`, `STORAGE`
 */
export async function checkData(directory: string, options: CheckOptions = {}): Promise<DataReport> {
  const lock = await tryLock(directory);
  try {
    const inUse = lock === undefined;
    const found = await inspect(directory, inUse);
    const registry = await registryDamage(directory);
    const damage = found.damage.map((each) => ({ ...each, file: join("journal", each.file) }));
    if (registry !== undefined) damage.push(registry);
    const blobs = options.blobs === true ? await checkBlobs(directory, options.signal) : undefined;
    const isSound = damage.length === 0 && (blobs?.damaged.length ?? 0) === 0;
    const { bytes, records, recordsBehind, tornBytes } = found;
    return {
      directory,
      state: isSound ? "sound" : "damaged",
      inUse,
      journal: { files: found.files.length, bytes, records, recordsBehind, tornBytes },
      damage,
      ...(blobs === undefined ? {} : { blobs }),
    };
  } finally {
    await lock?.release();
  }
}

async function checkBlobs(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<NonNullable<DataReport["blobs"]>> {
  const store = await EmbeddedBlobs.attach({
    files: nodeFiles,
    directory: join(directory, "blobs"),
    limits: engineLimits({}),
    strict: false,
    nowMs: Date.now,
  });
  const damaged: string[] = [];
  let count = 0;
  let bytes = 0;
  for await (const blob of store.list()) {
    signal?.throwIfAborted();
    count++;
    bytes += blob.bytes;
    if (!(await store.isIntact(blob.cid))) damaged.push(blob.cid);
  }
  return { count, bytes, damaged };
}

/**
 * Cuts the journal off at its first damage, and takes a damaged registry away. What is damaged is kept
 * aside, whole.
 * @param aside where to; a folder that is made.
 * @throws MusketeersError `DATA_IN_USE`, `NOT_FOUND`, `STORAGE`
 */
export async function repairData(directory: string, aside: string): Promise<RepairReport> {
  const lock = await tryLock(directory);
  if (lock === undefined) {
    throw new MusketeersError("DATA_IN_USE", `A hub uses ${directory}`, { hint: "Stop it, then repair." });
  }
  try {
    const found = await inspect(directory, false);
    const registry = await registryDamage(directory);
    const { records, recordsBehind } = found;
    if (found.damage.length === 0 && registry === undefined) {
      return { aside: undefined, files: [], records, recordsBehind };
    }
    await nodeFiles.makeDirectory(aside);
    const files: string[] = [];
    if (found.damage.length > 0) {
      const options = { files: nodeFiles, directory: journalOf(directory), aside, boot: bootName() };
      files.push(...(await cutJournal(found, options)));
    }
    if (registry !== undefined) {
      await nodeFiles.rename(join(directory, REGISTRY_NAME), join(aside, REGISTRY_NAME));
      await nodeFiles.syncDirectory(directory);
      files.push(REGISTRY_NAME);
    }
    return { aside, files, records, recordsBehind };
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `${directory} was not repaired: ${(cause as Error).message}`, {
      cause,
    });
  } finally {
    await lock.release();
  }
}
