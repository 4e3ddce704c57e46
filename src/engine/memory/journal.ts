import { checkRecords, journalClosed, noRecord } from "../checks.ts";
import type { EngineLimits } from "../options.ts";
import type { Journal, JournalEntry, JournalStats, Position } from "../port.ts";

/** Keeps records in an array; lost with the process. The reference for the other adapters. */
export class MemoryJournal implements Journal {
  readonly #limits: EngineLimits;
  #entries: readonly JournalEntry[] = [];
  #tail: JournalEntry[] = [];
  #end: Position = 0;
  #bytes = 0;
  #closed = false;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  async append(records: readonly Uint8Array[]): Promise<readonly Position[]> {
    if (this.#closed) throw journalClosed();
    checkRecords(records, this.#limits);
    const positions: Position[] = [];
    for (const record of records) {
      const position = this.#end;
      positions.push(position);
      this.#tail.push({ position, record: record.slice() });
      this.#bytes += record.length;
      // Gaps, so that nobody counts on there being none.
      this.#end += record.length + 1;
    }
    return positions;
  }

  read(from: Position = 0): AsyncIterable<JournalEntry> {
    return this.#iterate(this.#all(), from);
  }

  async *#iterate(entries: readonly JournalEntry[], from: Position) {
    for (let index = this.#indexOf(entries, from); index < entries.length; index++) {
      yield entries[index] as JournalEntry;
    }
  }

  async get(position: Position): Promise<Uint8Array> {
    const entries = this.#all();
    const entry = entries[this.#indexOf(entries, position)];
    if (entry === undefined || entry.position !== position) throw noRecord(position);
    return entry.record;
  }

  async dropBefore(position: Position): Promise<void> {
    const entries = this.#all();
    const kept = entries.slice(this.#indexOf(entries, position));
    this.#entries = kept;
    this.#bytes = kept.reduce((bytes, entry) => bytes + entry.record.length, 0);
  }

  async sync(): Promise<void> {}

  stats(): JournalStats {
    return {
      bytes: this.#bytes,
      records: this.#entries.length + this.#tail.length,
      fault: null,
      faultSinceMs: null,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** An array that nobody changes any more, so that readers need no copy. */
  #all(): readonly JournalEntry[] {
    if (this.#tail.length > 0) {
      this.#entries = this.#entries.concat(this.#tail);
      this.#tail = [];
    }
    return this.#entries;
  }

  /** Of the first entry at or after a position. */
  #indexOf(entries: readonly JournalEntry[], position: Position): number {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle] as JournalEntry).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
