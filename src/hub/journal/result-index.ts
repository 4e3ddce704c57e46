import type { Position } from "../../engine/index.ts";
import type { Range } from "../../protocol/index.ts";
import { NumberTable, PIECE_ROWS } from "./numbers.ts";

/** Where the results of a range stand. */
export interface ResultSpan {
  readonly start: number;
  readonly end: number;
  /** Which results record, counted from 0 in order of completion. */
  readonly record: number;
  /** First of them within the record. */
  readonly offset: number;
}

/**
 * Which results a job has and where they stand in the journal: 8 bytes a record and 16 bytes a range,
 * in order of completion. Readers in the order of the inputs look through a `ResultWindow`.
 */
export class ResultIndex {
  /** Rows: position in the journal. */
  readonly records = new NumberTable(1);
  /** Rows: start, end, record, offset within the record. */
  readonly spans = new NumberTable(4, Uint32Array);
  /** Rows: the smallest and the largest start of so many spans, so that most need not be looked at. */
  readonly #bounds = new NumberTable(2, Uint32Array);

  /** Enters a results record; says how many inputs it holds. */
  add(position: Position, ranges: readonly Range[]): number {
    const record = this.records.rows;
    this.records.push(position);
    let offset = 0;
    for (const [start, end] of ranges) {
      this.spans.push(start, end, record, offset);
      this.#bound(this.spans.rows - 1);
      offset += end - start;
    }
    return offset;
  }

  /** Takes over rows that were kept; see `NumberTable.bytes`. */
  restoreSpans(bytes: Uint8Array): void {
    let row = this.spans.rows;
    this.spans.pushBytes(bytes);
    for (; row < this.spans.rows; row++) this.#bound(row);
  }

  span(row: number): ResultSpan {
    const { spans } = this;
    return {
      start: spans.at(row, 0),
      end: spans.at(row, 1),
      record: spans.at(row, 2),
      offset: spans.at(row, 3),
    };
  }

  /** Calls back with each span from a row on that starts within `[from, to)`. */
  each(row: number, from: number, to: number, found: (row: number, start: number) => void): void {
    const { spans } = this;
    for (let at = row; at < spans.rows; ) {
      const piece = Math.floor(at / PIECE_ROWS);
      const pieceEnd = Math.min(spans.rows, (piece + 1) * PIECE_ROWS);
      if (this.#bounds.at(piece, 0) < to && this.#bounds.at(piece, 1) >= from) {
        for (; at < pieceEnd; at++) {
          const start = spans.at(at, 0);
          if (start >= from && start < to) found(at, start);
        }
      }
      at = pieceEnd;
    }
  }

  #bound(row: number): void {
    const piece = Math.floor(row / PIECE_ROWS);
    const start = this.spans.at(row, 0);
    if (piece === this.#bounds.rows) {
      this.#bounds.push(start, start);
      return;
    }
    if (start < this.#bounds.at(piece, 0)) this.#bounds.set(piece, 0, start);
    if (start > this.#bounds.at(piece, 1)) this.#bounds.set(piece, 1, start);
  }
}

/** Inputs that a window shows. */
const WINDOW_INPUTS = 65_536;

/** One reader's look at an index in the order of the inputs: only what starts near its cursor is sorted. */
export class ResultWindow {
  readonly #index: ResultIndex;
  #from = Number.NaN;
  /** Spans that were looked at. */
  #seen = 0;
  /** Rows of the spans in the window, by their start. */
  readonly #rows = new Map<number, number>();
  /** Their starts, sorted; made when asked for. */
  #starts: number[] | undefined;

  constructor(index: ResultIndex) {
    this.#index = index;
  }

  /** The span that starts at an input, once it is there. */
  spanFrom(input: number): ResultSpan | undefined {
    this.#show(input);
    const row = this.#rows.get(input);
    return row === undefined ? undefined : this.#index.span(row);
  }

  /** The first span that starts at or after an input. */
  firstFrom(input: number): ResultSpan | undefined {
    this.#show(input);
    this.#starts ??= [...this.#rows.keys()].sort((a, b) => a - b);
    const starts = this.#starts;
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < input) low = middle + 1;
      else high = middle;
    }
    const start = starts[low];
    if (start !== undefined) return this.spanFrom(start);
    let next = Number.POSITIVE_INFINITY;
    this.#index.each(0, this.#from + WINDOW_INPUTS, next, (_, found) => {
      next = Math.min(next, found);
    });
    return next === Number.POSITIVE_INFINITY ? undefined : this.spanFrom(next);
  }

  #show(input: number): void {
    const from = input - (input % WINDOW_INPUTS);
    if (from !== this.#from) {
      this.#from = from;
      this.#seen = 0;
      this.#rows.clear();
      this.#starts = undefined;
    }
    const { rows } = this.#index.spans;
    if (rows === this.#seen) return;
    this.#index.each(this.#seen, from, from + WINDOW_INPUTS, (row, start) => {
      this.#rows.set(start, row);
      this.#starts = undefined;
    });
    this.#seen = rows;
  }
}
