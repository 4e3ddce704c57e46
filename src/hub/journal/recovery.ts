import type { Engine, Position } from "../../engine/index.ts";
import { countOf, type Limits } from "../../protocol/index.ts";
import type { SchedulerRecord } from "../../scheduler/index.ts";
import { Jobs } from "../jobs/jobs.ts";
import { loadPointer } from "./checkpoint-pointer.ts";
import { CheckpointReader } from "./checkpoint-reader.ts";
import { decodeLedgerRecord, isJobRecord, type JobRecord } from "./ledger-record.ts";
import type { Leftover } from "./leftovers.ts";

/** Enters one record of the journal into the catalogue of jobs. */
export function enterRecord(
  jobs: Jobs,
  record: JobRecord,
  position: Position,
  bytes: number,
  limits: Limits,
  body: Uint8Array = new Uint8Array(0),
): void {
  // What belongs to a job whose beginning was dropped belongs to nobody.
  const entry = record.type === "submitted" ? jobs.add(record.spec, record.atMs) : jobs.get(record.job);
  if (entry === undefined) return;
  switch (record.type) {
    case "submitted":
      break;
    case "inputs": {
      const { intake } = entry;
      intake.storedBytes += bytes;
      intake.inputBlocks.push(record.from, record.count, position);
      intake.size = record.from + record.count;
      intake.storedSize = intake.size;
      break;
    }
    case "sealed":
      entry.intake.sealed = true;
      entry.intake.storedSealed = true;
      break;
    case "lost":
      entry.forget(record.ranges);
      break;
    case "results":
      if (record.ranges.length > 0) {
        entry.storedBytes += bytes;
        entry.addResults(position, record.worker, record.ranges, record.failures, limits);
      }
      break;
    case "failed":
      entry.storedBytes += bytes;
      entry.addFailures(position, record.ranges, record.kind, limits);
      break;
    case "saved":
      if (entry.state === "running") entry.addSaved(record.input, position, bytes);
      break;
    case "adjusted":
      entry.adjust(record.paused, record.priority);
      break;
    case "carve":
      break;
    case "ended":
      if (record.timeline !== undefined) entry.history.restoreTimeline(record.timeline);
      entry.end(record.state, record.reason, record.atMs);
      entry.trust = record.trust;
      if (record.culprit !== undefined) entry.failure = { culprit: record.culprit, record: body.slice() };
      jobs.ended();
      break;
  }
}

/** What a record tells the scheduler. */
export function schedulerRecord(record: JobRecord, bodyBytes: number): SchedulerRecord | undefined {
  switch (record.type) {
    case "submitted":
      return { type: "submitted", spec: record.spec };
    case "inputs":
      return { type: "inputs", job: record.job, count: record.count, bytes: bodyBytes };
    case "results": {
      const { job, ranges, failures, retries } = record;
      return { type: "results", job, ranges, failed: failures.length, retries };
    }
    case "failed": {
      const { job, ranges } = record;
      return { type: "results", job, ranges, failed: countOf(ranges), retries: [] };
    }
    case "saved":
      return undefined;
    case "ended":
      return { type: "ended", job: record.job };
    case "sealed":
    case "lost":
    case "carve":
    case "adjusted":
      return record;
  }
}

/** What of the journal was read at the start of a hub. */
export interface Recovered {
  readonly jobs: Jobs;
  /** Records that were read one by one, behind the checkpoint if there is one. */
  readonly records: number;
  /** Of shuffles that ended since the checkpoint: what they had made for themselves may still be there. */
  readonly leftovers: readonly Leftover[];
}

/**
 * Reads what the journal holds: its latest checkpoint and what came after, or everything. Fills the
 * catalogue of jobs, and tells the scheduler what it must know, one record at a time.
 * @throws MusketeersError `JOURNAL_CORRUPT`
 */
export async function readJournal(
  engine: Engine,
  limits: Limits,
  apply: (record: SchedulerRecord) => void,
): Promise<Recovered> {
  const jobs = new Jobs(limits);
  const pointer = await loadPointer(engine.registry);
  if (pointer !== undefined) await new CheckpointReader(jobs, apply).read(engine, pointer);
  let records = 0;
  const leftovers: Leftover[] = [];
  for await (const { position, record: bytes } of engine.journal.read(pointer?.mark ?? 0)) {
    const { record, body } = decodeLedgerRecord(bytes);
    if (!isJobRecord(record)) continue;
    const map = record.type === "ended" ? jobs.get(record.job)?.map : undefined;
    if (map !== undefined) leftovers.push({ rows: map.results.records, cids: [] });
    enterRecord(jobs, record, position, bytes.length, limits, body);
    const told = schedulerRecord(record, body.length);
    if (told !== undefined) apply(told);
    records++;
  }
  return { jobs, records, leftovers };
}
