import type { Engine, Position } from "../../engine/index.ts";
import { countOf, type Limits } from "../../protocol/index.ts";
import type { SchedulerRecord } from "../../scheduler/index.ts";
import { Jobs } from "../jobs.ts";
import { decodeLedgerRecord, type LedgerRecord } from "./ledger-record.ts";

/** Enters one record of the journal into the catalogue of jobs. */
function enter(jobs: Jobs, record: LedgerRecord, position: Position, limits: Limits): void {
  // What belongs to a job whose beginning was dropped belongs to nobody.
  const entry = record.type === "submitted" ? jobs.add(record.spec, record.atMs) : jobs.get(record.job);
  if (entry === undefined) return;
  switch (record.type) {
    case "submitted":
      entry.firstPosition = position;
      break;
    case "inputs":
      entry.inputBlocks.push(record.from, record.count, position);
      entry.size = record.from + record.count;
      entry.storedSize = entry.size;
      break;
    case "sealed":
      entry.sealed = true;
      entry.storedSealed = true;
      break;
    case "results":
      if (record.ranges.length > 0) {
        entry.addResults(
          position,
          record.worker,
          record.ranges,
          record.failures,
          limits.errorGroupsPerJobMax,
        );
      }
      break;
    case "failed":
      entry.addFailures(position, record.ranges, record.kind, limits.errorGroupsPerJobMax);
      break;
    case "carve":
      break;
    case "ended":
      entry.end(record.state, record.reason, record.atMs);
      jobs.ended();
      // What was forgotten before may still be in the journal, which forgets in larger pieces.
      jobs.evict();
      break;
  }
}

function schedulerRecord(record: LedgerRecord, bodyBytes: number): SchedulerRecord {
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
    case "ended":
      return { type: "ended", job: record.job };
    case "sealed":
    case "carve":
      return record;
  }
}

/**
 * Reads the journal from its beginning: the catalogue of jobs, and for the scheduler what it must know,
 * one record at a time.
 * @throws MusketeersError `JOURNAL_CORRUPT`
 */
export async function readJournal(
  engine: Engine,
  limits: Limits,
  apply: (record: SchedulerRecord) => void,
): Promise<Jobs> {
  const jobs = new Jobs(limits);
  for await (const { position, record: bytes } of engine.journal.read()) {
    const { record, body } = decodeLedgerRecord(bytes);
    enter(jobs, record, position, limits);
    apply(schedulerRecord(record, body.length));
  }
  return jobs;
}
