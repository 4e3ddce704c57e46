import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { lockDirectory } from "../../data/node.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { type EngineOptions, engineLimits } from "../options.ts";
import type { Engine, Journal, StorageFault } from "../port.ts";
import { EmbeddedBlobs } from "./blobs.ts";
import { bootName } from "./boot.ts";
import { claimDirectory } from "./claim.ts";
import type { FaultMark } from "./fault-mark.ts";
import { type Durability, EmbeddedJournal } from "./journal.ts";
import { nodeFiles } from "./node-files.ts";
import type { Recovery } from "./recovery.ts";
import { EmbeddedRegistry } from "./registry.ts";

export interface EmbeddedOptions extends EngineOptions {
  readonly durability?: Durability;
  /** Told once when the directory is found to be another's, or gone; nothing more is stored then. */
  readonly onLost?: (error: MusketeersError) => void;
}

export interface EmbeddedEngine extends Engine {
  /** The torn end that a crash had left, where there was one; it was cut off. */
  readonly recovery: Recovery | undefined;
}

/**
 * Opens the engine of a directory, which is made where there is none, and holds the directory until it is
 * closed or the process ends.
 * @throws MusketeersError `DATA_IN_USE`, `JOURNAL_CORRUPT`, or `STORAGE` where the directory cannot be used.
 */
export async function embeddedEngine(
  directory: string,
  options: EmbeddedOptions = {},
): Promise<EmbeddedEngine> {
  try {
    await nodeFiles.makeDirectory(directory);
    const lock = await lockDirectory(directory);
    try {
      const claim = claimDirectory(directory);
      try {
        return await openParts(directory, options, tellingOnce(claim.guard, options.onLost), async () => {
          claim.release();
          await lock.release();
        });
      } catch (error) {
        claim.release();
        throw error;
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `${directory} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function tellingOnce(guard: () => void, onLost: EmbeddedOptions["onLost"]): () => void {
  let isTold = false;
  return () => {
    try {
      guard();
    } catch (error) {
      if (!isTold && error instanceof MusketeersError) onLost?.(error);
      isTold = true;
      throw error;
    }
  };
}

async function openParts(
  directory: string,
  options: EmbeddedOptions,
  guard: () => void,
  release: () => Promise<void>,
): Promise<EmbeddedEngine> {
  const limits = engineLimits(options);
  const { durability = "default", nowMs = Date.now } = options;
  const strict = durability === "strict";
  const files = nodeFiles;
  const blobsDirectory = join(directory, "blobs");
  const blobs = await EmbeddedBlobs.open({ files, directory: blobsDirectory, limits, strict, nowMs, guard });
  const registry = await EmbeddedRegistry.open({ files, directory, limits, nowMs, guard });
  const journal = await EmbeddedJournal.open({
    files,
    directory: join(directory, "journal"),
    limits,
    durability,
    salt: randomBytes(4).readUInt32LE(),
    boot: bootName(),
    guard,
    nowMs,
  });
  return {
    journal,
    registry,
    blobs,
    recovery: journal.recovery,
    faults: () => [
      ...journalFaults(journal),
      ...faultsOf([journal.damage, blobs.damage]),
      ...recentFaults([blobs.fault, registry.fault]),
    ],
    async close() {
      try {
        await journal.close();
        await registry.close();
        await blobs.close();
      } finally {
        await release();
      }
    },
  };
}

function journalFaults(journal: Journal): StorageFault[] {
  const { fault, faultSinceMs } = journal.stats();
  return fault === null || faultSinceMs === null ? [] : [{ text: fault, sinceMs: faultSinceMs }];
}

const faultsOf = (marks: readonly FaultMark[]): StorageFault[] =>
  marks.flatMap(({ text, sinceMs }) => (text === null || sinceMs === null ? [] : [{ text, sinceMs }]));

const recentFaults = (marks: readonly FaultMark[]): StorageFault[] =>
  faultsOf(marks.filter(({ isRecent }) => isRecent));
