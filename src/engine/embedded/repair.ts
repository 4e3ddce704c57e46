import { basename, join } from "node:path";
import type { Files } from "./files.ts";
import { readWhole, replaceWhole } from "./files.ts";
import type { Inspection } from "./inspection.ts";
import { encodeManifest, MANIFEST_NAME } from "./manifest.ts";
import { baseOfName } from "./segment.ts";
import { withFile } from "./survey.ts";

export interface RepairOptions {
  readonly files: Files;
  readonly directory: string;
  /** Where what is cut off is kept; made where it is not there. */
  readonly aside: string;
  readonly boot?: string;
}

/**
 * Cuts a journal off at its first damage. The damaged file is kept aside whole, and so is every one behind
 * it, and the manifest. After a crash in between it can be done again.
 * @returns the names of the files that were put aside.
 */
export async function cutJournal(inspection: Inspection, options: RepairOptions): Promise<readonly string[]> {
  const { files, directory, aside, boot = "" } = options;
  const { cut, salt, first } = inspection;
  await files.makeDirectory(aside);
  const cutBase = cut?.base ?? -1;
  const gone = inspection.files.filter((name) => (baseOfName(name) ?? 0) > cutBase);
  const altered = cut === undefined ? [MANIFEST_NAME] : [cut.file, MANIFEST_NAME];
  const kept: string[] = [];
  for (const name of altered) {
    if (await copyAside(files, join(directory, name), aside)) kept.push(name);
  }
  for (const name of gone) await files.rename(join(directory, name), join(aside, name));
  await files.syncDirectory(aside);
  if (cut === undefined || salt === undefined || first === undefined) {
    await files.remove(join(directory, MANIFEST_NAME));
  } else {
    await withFile(files, join(directory, cut.file), "write", async (file) => {
      await file.truncate(cut.end - cut.base);
      await file.sync();
    });
    const mark = { synced: cut.end, syncedCheck: cut.check, syncedRecords: cut.records };
    const manifest = encodeManifest({ salt, first, last: cut.base, ...mark, boot });
    await replaceWhole(files, join(directory, MANIFEST_NAME), manifest, directory);
  }
  await files.syncDirectory(directory);
  return [...kept, ...gone];
}

/** A segment is read whole for it: it has `segmentBytesTarget` and one write more at most. */
async function copyAside(files: Files, path: string, aside: string): Promise<boolean> {
  const bytes = await readWhole(files, path);
  if (bytes === undefined) return false;
  await replaceWhole(files, join(aside, basename(path)), bytes);
  return true;
}
