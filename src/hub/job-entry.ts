import type { Position } from "../engine/index.ts";
import {
  eachRecord,
  type FailureMark,
  type JobSpec,
  type JobState,
  type LogLine,
  type Range,
} from "../protocol/index.ts";
import type { IndexedBlock } from "./block.ts";
import { NumberTable } from "./numbers.ts";
import type { Watch } from "./watch.ts";

const decoder = new TextDecoder();

/** Where an ordered reader finds the results of the range that starts at an input. */
export interface ResultSpan {
  readonly end: number;
  /** Which results record, counted from 0. */
  readonly record: number;
  /** First of them within the record. */
  readonly offset: number;
}

/** What the hub knows of one job besides what its scheduler does. No object here belongs to a single input. */
export class JobEntry {
  readonly spec: JobSpec;
  readonly submittedAtMs: number;
  /** Where its first record stands in the journal. */
  firstPosition: Position = Number.POSITIVE_INFINITY;
  state: JobState = "running";
  reason = "";
  endedAtMs: number | null = null;

  /** Inputs received, and how many of them are in the journal. */
  size = 0;
  storedSize = 0;
  sealed = false;
  /** Rows: first input, count, position in the journal. Sorted by the first. */
  readonly inputBlocks = new NumberTable(3);
  /** Blocks that are not in the journal yet, by their first input. */
  readonly unstored = new Map<number, IndexedBlock>();

  done = 0;
  failed = 0;
  /** Positions of the results records, in order of completion. */
  readonly resultRecords = new NumberTable(1);
  /** Rows: start, end, record, offset within the record. */
  readonly resultSpans = new NumberTable(4);
  #spansByStart: Map<number, ResultSpan> | undefined;

  readonly perWorker = new Map<string, number>();
  readonly errors = new Map<string, { kind: string; count: number }>();
  readonly logs: LogLine[] = [];
  readonly watches = new Set<Watch>();
  /** Clients that hold it; an attached job without any is cancelled after a while. */
  readonly holders = new Set<object>();
  abandonTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(spec: JobSpec, submittedAtMs: number) {
    this.spec = spec;
    this.submittedAtMs = submittedAtMs;
  }

  /** Enters stored results; `worker` is empty for failures that the hub made. */
  addResults(
    position: Position,
    worker: string,
    ranges: readonly Range[],
    failures: readonly FailureMark[],
    errorGroupsMax: number,
  ): void {
    const record = this.resultRecords.rows;
    this.resultRecords.push(position);
    let offset = 0;
    for (const [start, end] of ranges) {
      this.resultSpans.push(start, end, record, offset);
      this.#spansByStart?.set(start, { end, record, offset });
      offset += end - start;
    }
    this.done += offset;
    this.failed += failures.length;
    if (worker !== "") this.perWorker.set(worker, (this.perWorker.get(worker) ?? 0) + offset);
    for (const failure of failures) this.#countError(failure, errorGroupsMax);
  }

  /** The results that begin with this input, once they are there. */
  spanFrom(start: number): ResultSpan | undefined {
    if (this.#spansByStart === undefined) {
      const spans = new Map<number, ResultSpan>();
      const table = this.resultSpans;
      for (let row = 0; row < table.rows; row++) {
        spans.set(table.at(row, 0), {
          end: table.at(row, 1),
          record: table.at(row, 2),
          offset: table.at(row, 3),
        });
      }
      this.#spansByStart = spans;
    }
    return this.#spansByStart.get(start);
  }

  /** The first input at or after this one that has a result: where an ended job has gaps. */
  firstResultFrom(input: number): number | undefined {
    let first: number | undefined;
    const table = this.resultSpans;
    for (let row = 0; row < table.rows; row++) {
      const start = table.at(row, 0);
      if (start >= input && (first === undefined || start < first)) first = start;
    }
    return first;
  }

  end(state: Exclude<JobState, "running">, reason: string, atMs: number): void {
    this.state = state;
    this.reason = reason;
    this.endedAtMs = atMs;
    clearTimeout(this.abandonTimer);
  }

  /** Keeps the latest lines that a worker's task printed. */
  addLog(worker: string, dropped: number, lines: Uint8Array, linesMax: number): void {
    if (dropped > 0) this.logs.push({ worker, line: `… ${dropped} lines dropped: too much output` });
    for (const line of eachRecord(lines)) this.logs.push({ worker, line: decoder.decode(line) });
    // In steps, so that a talkative task does not pay for the shift at each line.
    if (this.logs.length > linesMax * 1.1) this.logs.splice(0, this.logs.length - linesMax);
  }

  #countError({ fingerprint, kind }: FailureMark, groupsMax: number): void {
    const group = this.errors.get(fingerprint);
    if (group !== undefined) group.count++;
    else if (this.errors.size < groupsMax) this.errors.set(fingerprint, { kind, count: 1 });
  }
}
