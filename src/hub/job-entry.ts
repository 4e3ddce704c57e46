import type { Position } from "../engine/index.ts";
import {
  eachRecord,
  type FailureKind,
  type FailureMark,
  type JobSpec,
  type JobState,
  type Limits,
  type LogLine,
  type Range,
} from "../protocol/index.ts";
import { fingerprintOf, type HubFailureKind } from "./hub-failure.ts";
import type { IndexedBlock } from "./journal/block.ts";
import { NumberTable } from "./journal/numbers.ts";
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

/** Who keeps an attached job alive. */
export interface Holder {
  /** The job has ended. */
  letGo(job: string): void;
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
  storedSealed = false;
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
  #sortedStarts: Float64Array | undefined;

  readonly perWorker = new Map<string, number>();
  readonly errors = new Map<string, { kind: string; count: number }>();
  readonly logs: LogLine[] = [];
  readonly watches = new Set<Watch>();
  /** Clients that hold it; an attached job without any is cancelled after a while. */
  readonly holders = new Set<Holder>();
  abandonTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(spec: JobSpec, submittedAtMs: number) {
    this.spec = spec;
    this.submittedAtMs = submittedAtMs;
  }

  /** Enters stored results. */
  addResults(
    position: Position,
    worker: string,
    ranges: readonly Range[],
    failures: readonly FailureMark[],
    errorGroupsMax: number,
  ): void {
    const count = this.#enter(position, ranges);
    this.failed += failures.length;
    this.perWorker.set(worker, (this.perWorker.get(worker) ?? 0) + count);
    for (const { fingerprint, kind } of failures) this.#countError(fingerprint, kind, 1, errorGroupsMax);
  }

  /** Enters stored failures that the hub made. */
  addFailures(
    position: Position,
    ranges: readonly Range[],
    kind: HubFailureKind,
    errorGroupsMax: number,
  ): void {
    const count = this.#enter(position, ranges);
    this.failed += count;
    this.#countError(fingerprintOf(kind), kind, count, errorGroupsMax);
  }

  /** Says how many inputs the ranges hold. */
  #enter(position: Position, ranges: readonly Range[]): number {
    const record = this.resultRecords.rows;
    this.resultRecords.push(position);
    let offset = 0;
    for (const [start, end] of ranges) {
      this.resultSpans.push(start, end, record, offset);
      this.#spansByStart?.set(start, { end, record, offset });
      offset += end - start;
    }
    this.done += offset;
    return offset;
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

  /** The first span of results that begins at or after this input: where an ended job has gaps. */
  firstResultFrom(input: number): number | undefined {
    const { resultSpans: table } = this;
    if (this.#sortedStarts?.length !== table.rows) {
      this.#sortedStarts = new Float64Array(table.rows);
      for (let row = 0; row < table.rows; row++) this.#sortedStarts[row] = table.at(row, 0);
      this.#sortedStarts.sort();
    }
    const starts = this.#sortedStarts;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < input) low = middle + 1;
      else high = middle;
    }
    return starts[low];
  }

  end(state: Exclude<JobState, "running">, reason: string, atMs: number): void {
    this.state = state;
    this.reason = reason;
    this.endedAtMs = atMs;
    clearTimeout(this.abandonTimer);
    for (const holder of this.holders) holder.letGo(this.spec.job);
    this.holders.clear();
  }

  /** Keeps the latest lines that a worker's task printed. */
  addLog(
    worker: string,
    dropped: number,
    lines: Uint8Array,
    limits: Pick<Limits, "logLinesPerJobMax" | "logLineBytesMax">,
  ): void {
    const { logLinesPerJobMax: linesMax, logLineBytesMax } = limits;
    // Workers cut lines, too; but a worker may be anyone.
    for (const line of eachRecord(lines)) {
      this.logs.push({ worker, line: decoder.decode(line.subarray(0, logLineBytesMax)) });
    }
    if (dropped > 0) this.logs.push({ worker, line: `… ${dropped} lines dropped: too much output` });
    // In steps, so that a talkative task does not pay for the shift at each line.
    if (this.logs.length > linesMax * 1.1) this.logs.splice(0, this.logs.length - linesMax);
  }

  #countError(fingerprint: string, kind: FailureKind, count: number, groupsMax: number): void {
    const group = this.errors.get(fingerprint);
    if (group !== undefined) group.count += count;
    else if (this.errors.size < groupsMax) this.errors.set(fingerprint, { kind, count });
  }
}
