import { join } from "node:path";
import type { Position } from "../port.ts";
import type { Files } from "./files.ts";
import {
  type FoundSegment,
  type SegmentInfo,
  type Survey,
  Surveyor,
  type SurveyorOptions,
  withFile,
} from "./survey.ts";

/** A torn end that was cut off when the journal was opened. */
export interface Recovery {
  readonly segment: string;
  /** Where in that file the torn batch began. */
  readonly offset: number;
  readonly droppedBytes: number;
  /** Whole records that stood behind what a power cut took: they were appended, but never synced. */
  readonly lostRecords: number;
}

/** What a journal needs to go on writing. */
export interface JournalState {
  readonly segments: readonly SegmentInfo[];
  readonly end: Position;
  /** Check of the last frame. */
  readonly check: number;
  /** Records before `end` since the journal began. */
  readonly records: number;
  readonly recovery: Recovery | undefined;
}

/**
 * Finds the end of a journal and cuts off what a crash left torn there.
 * @throws MusketeersError `JOURNAL_CORRUPT`; then nothing was changed.
 */
export async function recoverJournal(options: SurveyorOptions): Promise<JournalState> {
  const { files, directory } = options;
  const survey = await new Surveyor(options).survey();
  for (const name of survey.surplus) await files.remove(join(directory, name));
  const { segments, end, check, records, tear } = survey;
  if (tear === undefined) return { segments, end, check, records, recovery: undefined };
  const recovery = await cutTear(files, directory, survey, tear);
  return { segments: segments.slice(0, tear.index + 1), end, check, records, recovery };
}

async function cutTear(
  files: Files,
  directory: string,
  { segments }: Survey,
  { index, offset, bytes, lostRecords }: NonNullable<Survey["tear"]>,
): Promise<Recovery> {
  const segment = segments[index] as FoundSegment;
  for (const lost of segments.slice(index + 1).toReversed()) {
    await files.remove(join(directory, lost.name));
  }
  await withFile(files, join(directory, segment.name), "write", async (file) => {
    await file.truncate(offset);
    await file.sync();
  });
  return { segment: segment.name, offset, droppedBytes: bytes, lostRecords };
}
