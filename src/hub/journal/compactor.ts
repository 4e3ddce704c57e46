import type { Journal, Position } from "../../engine/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Ledger } from "./ledger.ts";
import { decodeLedgerRecord } from "./ledger-record.ts";
import type { NumberTable } from "./numbers.ts";

/** What may be on its way to the journal before the next record is read. */
const UNSTORED_BYTES_MAX = 4 * 1024 * 1024;
/** So finely it is looked where in the journal live records are. */
const STRETCH_BYTES = 16 * 1024 * 1024;
/** A beginning of the journal is worth copying where at most this share of it is live. */
const LIVE_SHARE_MAX = 0.5;

/** The columns that say where an entry's records stand. */
const placesOf = ({ inputBlocks, results }: JobEntry): readonly [table: NumberTable, column: number][] => [
  [inputBlocks, 2],
  [results.records, 0],
];

/** The oldest record that any job needs; infinity where there is none. */
export function firstLivePosition(jobs: Jobs): Position {
  let first = Number.POSITIVE_INFINITY;
  for (const entry of jobs) {
    for (const [table, column] of placesOf(entry)) {
      for (let row = 0; row < table.rows; row++) {
        const position = table.at(row, column);
        if (position >= 0 && position < first) first = position;
      }
    }
    for (const [, { position }] of entry.saved.entries()) first = Math.min(first, position);
  }
  return first;
}

/**
 * The furthest position before which at most half is live, so that copying that half forward frees at least
 * as much as it costs. Reckons with the mean size of each job's records.
 */
export function worthMovingUntil(jobs: Jobs, first: Position, end: Position): Position {
  const stretches = new Float64Array(Math.max(1, Math.ceil((end - first) / STRETCH_BYTES)));
  for (const entry of jobs) {
    const rows = entry.inputBlocks.rows + entry.results.records.rows;
    const bytes = entry.storedBytes / Math.max(1, rows);
    for (const [table, column] of placesOf(entry)) {
      for (let row = 0; row < table.rows; row++) {
        const at = Math.floor((table.at(row, column) - first) / STRETCH_BYTES);
        if (at >= 0 && at < stretches.length) stretches[at]! += bytes;
      }
    }
  }
  let live = 0;
  let until = first;
  for (const [at, bytes] of stretches.entries()) {
    live += bytes;
    const stretchEnd = Math.min(end, first + (at + 1) * STRETCH_BYTES);
    if (live <= (stretchEnd - first) * LIVE_SHARE_MAX) until = stretchEnd;
  }
  return until;
}

/**
 * Copies records that jobs still need to the end of the journal, so that its beginning can be dropped: the
 * cleaning of a log-structured file system (Rosenblum and Ousterhout 1992). The tables of the jobs then
 * name the copies; the next checkpoint makes that last.
 */
export class Compactor {
  readonly #jobs: Jobs;
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  #unstoredBytes = 0;

  constructor(jobs: Jobs, journal: Journal, ledger: Ledger) {
    this.#jobs = jobs;
    this.#journal = journal;
    this.#ledger = ledger;
  }

  /**
   * Copies what stands before a position.
   * @throws MusketeersError `JOURNAL_CORRUPT` at a damaged record, which stays where it is.
   */
  async move(until: Position, signal: AbortSignal): Promise<void> {
    for (const entry of [...this.#jobs]) {
      for (const [input, saved] of [...entry.saved.entries()]) {
        if (saved.position >= until) continue;
        await this.#moveOne(saved.position, (position) => {
          if (entry.saved.get(input) === saved) entry.saved.set(input, { ...saved, position });
        });
      }
      for (const [table, column] of placesOf(entry)) {
        for (let row = 0; row < table.rows; row++) {
          const position = table.at(row, column);
          if (position < 0 || position >= until) continue;
          if (this.#jobs.get(entry.spec.job) !== entry) break;
          await this.#moveOne(position, (to) => table.set(row, column, to));
          signal.throwIfAborted();
        }
      }
    }
    await this.#ledger.settled();
  }

  /** Resolves when the next one may be read. */
  async #moveOne(position: Position, onMoved: (to: Position) => void): Promise<void> {
    const stored = await this.#journal.get(position);
    const { record, body } = decodeLedgerRecord(stored);
    // What was moved before is not wrapped twice.
    const whole = record.type === "moved" ? body : stored;
    this.#unstoredBytes += whole.length;
    const arrived = this.#ledger.store({ type: "moved" }, whole).then((to) => {
      onMoved(to);
      this.#unstoredBytes -= whole.length;
    });
    if (this.#unstoredBytes > UNSTORED_BYTES_MAX) await arrived;
  }
}
