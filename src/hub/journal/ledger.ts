import type { Journal, Position } from "../../engine/index.ts";
import { encodeLedgerRecord, type LedgerRecord } from "./ledger-record.ts";

/** Told where a record stands and how long it is. */
export type OnDurable = (position: Position, bytes: number) => void;

interface Pending {
  readonly record: Uint8Array | undefined;
  readonly onDurable: OnDurable;
}

/** What one thing that waits costs besides its record, roughly: who asks for receipts only is held to it, too. */
const PENDING_OVERHEAD_BYTES = 200;

/**
 * The journal as the hub writes it: what is appended in one turn of the event loop goes out as one batch,
 * and what waits for durability runs in the order in which it was asked for.
 */
export class Ledger {
  readonly #journal: Journal;
  readonly #pendingBytesMax: number;
  readonly #onFault: (error: unknown) => void;
  #queue: Pending[] = [];
  #scheduled = false;
  #pendingBytes = 0;
  #pressed = false;
  #stored = 0;
  /** Called after records were stored. */
  onStored: () => void = () => {};
  /** Called with true when appends pile up, and with false when they are through. */
  onPressure: (pressed: boolean) => void = () => {};

  /** Records that were stored since it began. */
  get stored(): number {
    return this.#stored;
  }

  get pressed(): boolean {
    return this.#pressed;
  }

  /**
   * @param pendingBytesMax where `onPressure` is called
   * @param onFault the journal refused for good, or a callback threw
   */
  constructor(journal: Journal, pendingBytesMax: number, onFault: (error: unknown) => void) {
    this.#journal = journal;
    this.#pendingBytesMax = pendingBytesMax;
    this.#onFault = onFault;
  }

  /**
   * Appends a record; `onDurable` runs when it would survive, after all that was asked for before.
   * @returns the length of the record
   */
  append(record: LedgerRecord, body: Uint8Array | undefined, onDurable: OnDurable): number {
    const bytes = encodeLedgerRecord(record, body);
    this.#enqueue({ record: bytes, onDurable });
    return bytes.length;
  }

  /** Appends a record; resolves with its position when it would survive. */
  store(record: LedgerRecord, body?: Uint8Array): Promise<Position> {
    return new Promise((resolve) => {
      this.append(record, body, resolve);
    });
  }

  /** Runs when everything that was appended before would survive. */
  after(onDurable: () => void): void {
    this.#enqueue({ record: undefined, onDurable });
  }

  /** Resolves when all that was appended so far would survive. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.after(resolve));
  }

  #enqueue(pending: Pending): void {
    this.#queue.push(pending);
    this.#account(PENDING_OVERHEAD_BYTES + (pending.record?.length ?? 0));
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#queue;
    this.#queue = [];
    const records: Uint8Array[] = [];
    let bytes = batch.length * PENDING_OVERHEAD_BYTES;
    for (const { record } of batch) {
      if (record === undefined) continue;
      records.push(record);
      bytes += record.length;
    }
    this.#journal
      .append(records)
      .then((positions) => {
        this.#account(-bytes);
        let next = 0;
        for (const { record, onDurable } of batch) {
          if (record === undefined) onDurable(-1, 0);
          else onDurable(positions[next++]!, record.length);
        }
        this.#stored += records.length;
        if (records.length > 0) this.onStored();
      })
      .catch(this.#onFault);
  }

  #account(bytes: number): void {
    this.#pendingBytes += bytes;
    if (!this.#pressed && this.#pendingBytes > this.#pendingBytesMax) {
      this.#pressed = true;
      this.onPressure(true);
    } else if (this.#pressed && this.#pendingBytes < this.#pendingBytesMax / 2) {
      this.#pressed = false;
      this.onPressure(false);
    }
  }
}
