import { join } from "node:path";
import { lockDirectory } from "../../data/node.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { type RegistryRow, RegistryTable } from "../registry-table.ts";
import { readWhole, replaceWhole } from "./files.ts";
import { nodeFiles } from "./node-files.ts";
import { decodeTable, encodeTable, REGISTRY_NAME } from "./registry.ts";

/**
 * The keys of a data directory's registry as they were written last, also while a hub runs on it.
 * @throws MusketeersError `JOURNAL_CORRUPT` where the registry is damaged, `STORAGE`.
 */
export async function exportRegistry(directory: string): Promise<readonly RegistryRow[]> {
  const path = join(directory, REGISTRY_NAME);
  const bytes = await storing(directory, () => readWhole(nodeFiles, path));
  return bytes === undefined ? [] : decodeTable(path, bytes, Date.now).rows();
}

/**
 * Gives a data directory that has no registry one with these keys.
 * @returns false where it has one, which stays as it is.
 * @throws MusketeersError `DATA_IN_USE`, `STORAGE`.
 */
export async function importRegistry(directory: string, rows: readonly RegistryRow[]): Promise<boolean> {
  return storing(directory, async () => {
    await nodeFiles.makeDirectory(directory);
    const lock = await lockDirectory(directory);
    try {
      const path = join(directory, REGISTRY_NAME);
      if (nodeFiles.stat(path) !== undefined) return false;
      const revision = rows.reduce((highest, row) => Math.max(highest, row.revision), 0);
      const table = new RegistryTable(Date.now, rows, revision);
      await replaceWhole(nodeFiles, path, encodeTable(table), directory);
      return true;
    } finally {
      await lock.release();
    }
  });
}

async function storing<Value>(directory: string, use: () => Promise<Value>): Promise<Value> {
  try {
    return await use();
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `${directory} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}
