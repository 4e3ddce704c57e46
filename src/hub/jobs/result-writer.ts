import { countOf, type Limits, type Ranges } from "../../protocol/index.ts";
import { IndexedBlock } from "../journal/block.ts";
import type { Blocks, StoredResults } from "../journal/blocks.ts";
import type { Ledger } from "../journal/ledger.ts";
import type { Throughput } from "../views/throughput.ts";
import { type HubFailureKind, hubFailures, shortReason, splitFailures } from "./hub-failure.ts";
import type { JobEntry } from "./job-entry.ts";
import type { Jobs } from "./jobs.ts";
import type { Notices } from "./notices.ts";

export interface ResultWriterOptions {
  readonly limits: Limits;
  readonly jobs: Jobs;
  readonly blocks: Blocks;
  readonly ledger: Ledger;
  readonly throughput: Throughput;
  /** Told what the journal holds now. */
  readonly live: { stored(entry: JobEntry, count: number, failed: number): void };
  readonly notices: Notices;
}

/** The way of results into the journal, and from there to the catalogue and to whoever watches. */
export class ResultWriter {
  readonly #options: ResultWriterOptions;

  constructor(options: ResultWriterOptions) {
    this.#options = options;
  }

  /** Stores results, or that some are to be tried again. */
  store(record: StoredResults, body: Uint8Array): void {
    const { jobs, ledger, blocks, limits } = this.#options;
    const entry = jobs.get(record.job);
    if (entry === undefined) return;
    if (entry.parent !== undefined && record.failures.length > 0) {
      const { ranges } = record;
      const block = new IndexedBlock(body, countOf(ranges));
      entry.failing.push({ ranges, recordAt: (nth) => block.slice(nth, nth + 1).slice() });
    }
    ledger.append(record, body, (position, bytes) => {
      entry.storedBytes += bytes;
      if (record.ranges.length === 0) return;
      const { worker, ranges, failures } = record;
      entry.addResults(position, worker, ranges, failures, limits);
      blocks.keepResults(position, record, body);
      this.#stored(entry, countOf(ranges), failures.length);
    });
  }

  /** Ends inputs without a worker's word. */
  fail(job: string, all: Ranges, kind: HubFailureKind, inFull: string): void {
    const { jobs, ledger, limits } = this.#options;
    const entry = jobs.get(job);
    if (entry === undefined) return;
    const reason = shortReason(inFull);
    if (entry.parent !== undefined) {
      entry.failing.push({ ranges: all, recordAt: () => hubFailures([[0, 1]], kind, reason).body });
    }
    for (const ranges of splitFailures(all, kind, reason, limits)) {
      ledger.append({ type: "failed", job, ranges, kind, reason }, undefined, (position, bytes) => {
        entry.storedBytes += bytes;
        entry.addFailures(position, ranges, kind, limits);
        const count = countOf(ranges);
        this.#stored(entry, count, count);
      });
    }
  }

  #stored(entry: JobEntry, count: number, failed: number): void {
    this.#options.throughput.add(count, failed);
    this.#options.live.stored(entry, count, failed);
    for (const watch of entry.watches) watch.pump();
    this.#options.notices.changed(entry);
  }
}
