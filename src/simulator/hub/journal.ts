import type { JobId, JobSnapshot } from "../../scheduler/index.ts";
import type { Stored } from "../checks/stored.ts";
import type { EventQueue } from "../environment/event-queue.ts";
import type { HubScenario } from "../types.ts";
import { compacted } from "./checkpoint.ts";

interface Entry {
  readonly record: Stored;
  readonly storedMs: number;
}

const CHECKPOINT_RECORDS = 20_000;
/** What one thing that waits to be stored costs the hub, roughly. */
const PENDING_BYTES = 200;

export interface JournalOptions {
  readonly queue: EventQueue;
  readonly onAppended: (record: Stored) => void;
  /** What an append takes. */
  readonly appendMs: () => number;
  /** Whether anybody will ever read it. */
  readonly keeps: boolean;
  readonly scenario: Pick<HubScenario, "diskFull" | "checkpointRecords">;
  /** What may wait to be stored before the hub stops reading. */
  readonly pendingBytesMax: number;
  /** The hub hears of nothing before this time. */
  readonly awakeMs: () => number;
}

/** The hub's disk: appends take time and end in their order; a crash takes what had not ended. */
export class SimulatedJournal {
  readonly #options: JournalOptions;
  #entries: Entry[] = [];
  #checkpoint: readonly Stored[] = [];
  #checkpointedMs = 0;
  #checkpointing = false;
  #lastMs = 0;
  #life = 0;
  #pendingBytes = 0;
  #fullUntilMs = 0;
  /** The hub reads nothing before this time, because too much waits to be stored. */
  pressedUntilMs = 0;
  /** Records that were appended. */
  appended = 0;
  /** Most records that a start would have had to read. */
  peak = 0;
  checkpoints = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Stores a record; `then` comes when it is stored, unless the hub is dead by then. */
  append(record: Stored, then?: () => void, bytes = 0): void {
    const { queue, appendMs, keeps, onAppended } = this.#options;
    this.appended++;
    onAppended(record);
    const storedMs = Math.max(this.#lastMs, queue.nowMs + appendMs(), this.#whenFree(bytes));
    this.#lastMs = storedMs;
    if (keeps) {
      this.#entries.push({ record, storedMs });
      this.peak = Math.max(this.peak, this.#entries.length + this.#checkpoint.length);
    }
    if (then !== undefined) this.#later(storedMs, then);
  }

  /** Comes when everything appended so far is stored. */
  after(then: () => void): void {
    this.#later(Math.max(this.#lastMs, this.#options.queue.nowMs), then);
  }

  /** So many records stand behind the last checkpoint that another one is due. */
  get isCheckpointDue(): boolean {
    const most = this.#options.scenario.checkpointRecords ?? CHECKPOINT_RECORDS;
    return !this.#checkpointing && this.#entries.length >= most;
  }

  /**
   * Takes a checkpoint while work goes on: of the scheduler as it is now, and of the catalogue when all that was
   * appended up to now is stored. Only when it is written, too, it takes the place of what stands before the mark.
   */
  takeCheckpoint(snapshots: ReadonlyMap<JobId, JobSnapshot>): void {
    const { queue, appendMs } = this.#options;
    this.#checkpointing = true;
    const mark = this.#entries.length;
    this.after(() => {
      const records = compacted([...this.#checkpoint, ...recordsOf(this.#entries.slice(0, mark))], snapshots);
      this.#lastMs = Math.max(this.#lastMs, queue.nowMs + appendMs());
      this.after(() => {
        this.#checkpoint = records;
        this.#entries = this.#entries.slice(mark);
        this.#checkpointedMs = queue.nowMs;
        this.#checkpointing = false;
        this.checkpoints++;
      });
    });
  }

  /** The hub dies. What was not stored by `untilMs` is gone: these records, the latest last. */
  crash(untilMs: number): Stored[] {
    this.#life++;
    this.#checkpointing = false;
    this.#lastMs = this.#options.queue.nowMs;
    this.pressedUntilMs = 0;
    this.#pendingBytes = 0;
    const cutMs = Math.max(untilMs, this.#checkpointedMs);
    let kept = this.#entries.length;
    while (kept > 0 && this.#entries[kept - 1]!.storedMs > cutMs) kept--;
    return recordsOf(this.#entries.splice(kept));
  }

  /** The hub dies, and its disk is gone. @returns all that was on it */
  lose(): Stored[] {
    this.crash(Number.POSITIVE_INFINITY);
    const records = this.read();
    this.#checkpoint = [];
    this.#entries = [];
    return records;
  }

  /** All records in order; older ones as a checkpoint puts them. */
  read(): Stored[] {
    return [...this.#checkpoint, ...recordsOf(this.#entries)];
  }

  /** When something can be stored at all. */
  #whenFree(bytes: number): number {
    const { queue, scenario, pendingBytesMax } = this.#options;
    if (scenario.diskFull === undefined) return 0;
    if (queue.nowMs >= this.#fullUntilMs) {
      this.#pendingBytes = 0;
      this.#fullUntilMs = fullUntilMs(scenario.diskFull, queue.nowMs);
    }
    if (queue.nowMs >= this.#fullUntilMs) return 0;
    this.#pendingBytes += PENDING_BYTES + bytes;
    if (this.#pendingBytes > pendingBytesMax) this.pressedUntilMs = this.#fullUntilMs;
    return this.#fullUntilMs;
  }

  #later(ms: number, then: () => void): void {
    const { queue, awakeMs } = this.#options;
    const life = this.#life;
    queue.at(ms, () => {
      if (this.#life !== life) return;
      if (awakeMs() > queue.nowMs) this.#later(awakeMs(), then);
      else then();
    });
  }
}

const recordsOf = (entries: readonly Entry[]): Stored[] => entries.map(({ record }) => record);

/** The end of the windows that a time is in; before it where it is in none. */
function fullUntilMs(windows: NonNullable<HubScenario["diskFull"]>, nowMs: number): number {
  let endMs = nowMs;
  for (const { fromMs, untilMs } of windows.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (fromMs <= endMs && untilMs > endMs) endMs = untilMs;
  }
  return endMs;
}
