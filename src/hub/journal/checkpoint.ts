import type { Position } from "../../engine/index.ts";
import type { Ranges } from "../../protocol/index.ts";
import { type JobSnapshot, jobSnapshot, type RangeSet, type Scheduler } from "../../scheduler/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { GrowingTable, KeptJob, KeptTable } from "./checkpoint-record.ts";
import type { Ledger } from "./ledger.ts";
import { NumberTable, PIECE_ROWS } from "./numbers.ts";

/** Ranges in one record of waiting inputs. */
const WAITING_RANGES_MAX = 16_384;
/** What may be on its way to the journal before the writer waits for it. */
const UNSTORED_BYTES_MAX = 1024 * 1024;

/** The tables of an entry by the name that a checkpoint gives them. */
export const tablesOf = ({
  inputBlocks,
  results,
}: JobEntry): Readonly<Record<GrowingTable, NumberTable>> => ({
  inputs: inputBlocks,
  records: results.records,
  spans: results.spans,
});

/** Rows: input, position, bytes. */
export const SAVED_WIDTH = 3;

function savedTable({ saved }: JobEntry): NumberTable {
  const table = new NumberTable(SAVED_WIDTH);
  for (const [input, { position, bytes }] of saved.entries()) table.push(input, position, bytes);
  return table;
}

/** A job as it was at the mark: what changes is copied, of tables that only grow it is enough to know how far. */
interface Frozen {
  readonly entry: JobEntry;
  readonly kept: KeptJob;
  readonly tables: readonly {
    readonly name: KeptTable;
    readonly table: NumberTable;
    readonly rows: number;
  }[];
  readonly snapshot: JobSnapshot | undefined;
  readonly gone: readonly Ranges[];
}

function freeze(entry: JobEntry, snapshot: JobSnapshot | undefined): Frozen {
  const { spec, submittedAtMs, state, reason, endedAtMs, done, failed, storedBytes } = entry;
  const kept: KeptJob = {
    spec,
    submittedAtMs,
    state,
    reason,
    endedAtMs,
    size: entry.storedSize,
    sealed: entry.storedSealed,
    done,
    failed,
    storedBytes,
    bytes: snapshot?.bytes ?? 0,
    carveMark: snapshot?.carveMark ?? 0,
    perWorker: [...entry.perWorker],
    errors: [...entry.errors].map(([fingerprint, { kind, count, sample }]) =>
      sample === undefined
        ? [fingerprint, kind, count]
        : [fingerprint, kind, count, sample.record, sample.at, sample.input],
    ),
    history: entry.history.bytes(),
    ...(entry.isAdjusted ? { adjusted: { paused: entry.paused, priority: entry.priority } } : {}),
    ...(entry.lost === 0 ? {} : { lost: entry.lost }),
    ...(entry.stages === undefined ? {} : { stages: entry.stages }),
    ...(entry.failure === undefined ? {} : { failure: entry.failure }),
    ...(entry.trust === undefined ? {} : { trust: entry.trust }),
  };
  // The last rows of the inputs may be of blocks that are not stored yet.
  const { inputs, records, spans } = tablesOf(entry);
  let stored = inputs.rows;
  while (stored > 0 && inputs.at(stored - 1, 2) < 0) stored--;
  const saved = savedTable(entry);
  const tables: Frozen["tables"] = [
    { name: "inputs", table: inputs, rows: stored },
    { name: "records", table: records, rows: records.rows },
    { name: "spans", table: spans, rows: spans.rows },
    { name: "saved", table: saved, rows: saved.rows },
  ];
  const gone = rangePieces(entry.gone, WAITING_RANGES_MAX);
  return { entry, kept, tables, snapshot, gone };
}

function rangePieces(inputs: RangeSet, rangesMax: number): Ranges[] {
  const all = [...inputs.ranges()];
  const count = Math.ceil(all.length / rangesMax);
  return Array.from({ length: count }, (_, at) => all.slice(at * rangesMax, (at + 1) * rangesMax));
}

/** Where a checkpoint stands. */
export interface Checkpoint {
  /** All records before it are in the checkpoint. */
  readonly mark: Position;
  /** Its first record behind the mark. */
  readonly start: Position;
  readonly bytes: number;
  /** Rows of tables that it holds. */
  readonly rows: number;
}

/**
 * Writes into the journal what a hub must know to go on from here without what stands before: the
 * catalogue of jobs, where their blocks stand, and which inputs wait for another try. A fuzzy checkpoint:
 * work goes on while it is written, and whoever reads it applies the records from its mark on.
 */
export class CheckpointWriter {
  readonly #jobs: Jobs;
  readonly #scheduler: Scheduler;
  readonly #ledger: Ledger;
  #unstoredBytes = 0;
  #bytes = 0;
  #start: Position | undefined;
  #rows = 0;

  constructor(jobs: Jobs, scheduler: Scheduler, ledger: Ledger) {
    this.#jobs = jobs;
    this.#scheduler = scheduler;
    this.#ledger = ledger;
  }

  /** Resolves when the whole of it would survive as long as the process; the caller syncs. */
  async write(): Promise<Checkpoint> {
    const { mark, frozen } = await this.#freeze();
    let jobs = 0;
    for (const each of frozen) {
      // A job that was forgotten meanwhile is no part of it.
      if (this.#jobs.get(each.kept.spec.job) !== each.entry) continue;
      await this.#writeJob(each);
      jobs++;
    }
    const end = await this.#ledger.store({ type: "checkpointed", mark, jobs });
    return { mark, start: this.#start ?? end, bytes: this.#bytes, rows: this.#rows };
  }

  /**
   * The scheduler knows already what is only on its way to the journal, the catalogue what has arrived: both
   * are taken at the same place of the journal, which is at two times.
   */
  #freeze(): Promise<{ mark: Position; frozen: Frozen[] }> {
    const snapshots = new Map<JobEntry, JobSnapshot | undefined>();
    for (const entry of this.#jobs) snapshots.set(entry, jobSnapshot(this.#scheduler, entry.spec.job));
    return new Promise((resolve) => {
      this.#ledger.append({ type: "mark" }, undefined, (mark) => {
        resolve({ mark, frozen: [...snapshots].map(([entry, snapshot]) => freeze(entry, snapshot)) });
      });
    });
  }

  async #writeJob({ kept, tables, snapshot, gone }: Frozen): Promise<void> {
    const { job } = kept.spec;
    await this.#append({ type: "kept", ...kept });
    for (const { name, table, rows } of tables) {
      this.#rows += rows;
      for (let from = 0; from < rows; from += PIECE_ROWS) {
        const to = Math.min(rows, from + PIECE_ROWS);
        await this.#append({ type: "rows", job, table: name }, table.bytes(from, to));
      }
    }
    for (const ranges of gone) await this.#append({ type: "gone", job, ranges });
    for (const retry of snapshot?.retries(WAITING_RANGES_MAX) ?? []) {
      await this.#append({ type: "waiting", job, retries: [retry] });
    }
  }

  /** Appends, and waits only where much is on its way. */
  async #append(record: Parameters<Ledger["append"]>[0], body?: Uint8Array): Promise<void> {
    let length = 0;
    const stored = new Promise<void>((resolve) => {
      length = this.#ledger.append(record, body, (position) => {
        this.#start ??= position;
        this.#unstoredBytes -= length;
        resolve();
      });
    });
    this.#unstoredBytes += length;
    this.#bytes += length;
    if (this.#unstoredBytes > UNSTORED_BYTES_MAX) await stored;
  }
}
