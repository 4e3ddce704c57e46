import { type Engine, embeddedEngine, type RepairReport, repairData } from "../../engine/index.ts";
import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import { dropPointer, loadPointer } from "../journal/checkpoint-pointer.ts";
import { readJournal } from "../journal/recovery.ts";

export interface HubRepairReport extends RepairReport {
  /** The latest checkpoint was cut off too, so the next start reads the journal from its beginning. */
  readonly checkpointLost: boolean;
  /** Jobs that a hub finds there now. */
  readonly jobs: number;
}

/**
 * Repairs a hub's data directory by cutting the journal off at its first damage, so that a hub starts from
 * what stands before. What was damaged is kept in the folder `aside`.
 * @throws MusketeersError `DATA_IN_USE`, `NOT_FOUND`, `STORAGE`; `JOURNAL_CORRUPT` where that did not help.
 */
export async function repairHubData(directory: string, aside: string): Promise<HubRepairReport> {
  const report = await repairData(directory, aside);
  const engine = await embeddedEngine(directory);
  try {
    return { ...report, ...(await readable(engine)) };
  } finally {
    await engine.close();
  }
}

/** Makes sure that a hub can read the journal, without its checkpoint if it must be. */
async function readable(engine: Engine): Promise<{ checkpointLost: boolean; jobs: number }> {
  const read = async () => (await readJournal(engine, defaultLimits, () => {})).jobs.size;
  try {
    return { checkpointLost: false, jobs: await read() };
  } catch (error) {
    if (!(error instanceof MusketeersError) || (await hasNoPointer(engine))) throw error;
    await dropPointer(engine.registry);
    return { checkpointLost: true, jobs: await read() };
  }
}

async function hasNoPointer(engine: Engine): Promise<boolean> {
  try {
    return (await loadPointer(engine.registry)) === undefined;
  } catch {
    return false;
  }
}
