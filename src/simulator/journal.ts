import type { Ranges } from "../protocol/index.ts";
import {
  createScheduler,
  type JobId,
  jobIds,
  jobSnapshot,
  recoverRecord,
  type SchedulerConfig,
  type SchedulerRecord,
} from "../scheduler/index.ts";
import type { EventQueue } from "./event-queue.ts";

/** What the hub stores: records of the scheduler, and states that unfinished inputs saved. */
export type Stored =
  | SchedulerRecord
  | { readonly type: "saved"; readonly job: JobId; readonly index: number; readonly state: Uint8Array };

interface Entry {
  readonly record: Stored;
  readonly storedMs: number;
}

const CHECKPOINT_RECORDS = 20_000;
const RETRY_RANGES = 512;

/** The hub's disk: appends take time and end in their order; a crash takes what had not ended. */
export class SimulatedJournal {
  readonly #queue: EventQueue;
  readonly #config: SchedulerConfig;
  readonly #appendMs: () => number;
  readonly #keeps: boolean;
  #entries: Entry[] = [];
  #checkpoint: readonly Stored[] = [];
  #checkpointedMs = 0;
  #lastMs = 0;
  #life = 0;
  /** Records that were appended. */
  appended = 0;
  /** Most records that a start would have had to read. */
  peak = 0;

  /** @param keeps whether anybody will ever read it. */
  constructor(queue: EventQueue, config: SchedulerConfig, appendMs: () => number, keeps: boolean) {
    this.#queue = queue;
    this.#config = config;
    this.#appendMs = appendMs;
    this.#keeps = keeps;
  }

  /** Stores a record; `then` comes when it is stored, unless the hub is dead by then. */
  append(record: Stored, then?: () => void): void {
    this.appended++;
    const storedMs = Math.max(this.#lastMs, this.#queue.nowMs + this.#appendMs());
    this.#lastMs = storedMs;
    if (this.#keeps) {
      this.#entries.push({ record, storedMs });
      this.peak = Math.max(this.peak, this.#entries.length + this.#checkpoint.length);
    }
    if (then !== undefined) this.#later(storedMs, then);
  }

  /** Comes when everything appended so far is stored. */
  after(then: () => void): void {
    this.#later(Math.max(this.#lastMs, this.#queue.nowMs), then);
  }

  /** The hub dies. What was not stored by `untilMs` is gone: these records, the latest last. */
  crash(untilMs: number): Stored[] {
    this.#life++;
    this.#lastMs = this.#queue.nowMs;
    const cutMs = Math.max(untilMs, this.#checkpointedMs);
    let kept = this.#entries.length;
    while (kept > 0 && this.#entries[kept - 1]!.storedMs > cutMs) kept--;
    return this.#entries.splice(kept).map(({ record }) => record);
  }

  /** All records in order; older ones as a checkpoint puts them. */
  read(): Stored[] {
    const records = [...this.#checkpoint, ...this.#entries.map(({ record }) => record)];
    if (this.#entries.length < CHECKPOINT_RECORDS) return records;
    this.#checkpoint = checkpointOf(records, this.#config);
    this.#checkpointedMs = this.#queue.nowMs;
    this.#entries = [];
    return [...this.#checkpoint];
  }

  #later(ms: number, then: () => void): void {
    const life = this.#life;
    this.#queue.at(ms, () => {
      if (this.#life === life) then();
    });
  }
}

/** The same state in few records, made as the hub makes its checkpoints. */
export function checkpointOf(records: readonly Stored[], config: SchedulerConfig): Stored[] {
  const state = createScheduler(config);
  const saved = new Map<string, Stored>();
  for (const record of records) {
    if (record.type === "saved") saved.set(`${record.job} ${record.index}`, record);
    else recoverRecord(state, record);
  }
  const compact: Stored[] = [];
  for (const id of jobIds(state)) {
    const job = state.jobs.get(id)!;
    const snapshot = jobSnapshot(state, id)!;
    const ranges: Ranges = [...job.done.ranges()];
    compact.push({ type: "submitted", spec: job.spec });
    if (job.size > 0) compact.push({ type: "inputs", job: id, count: job.size, bytes: snapshot.bytes });
    compact.push({
      type: "results",
      job: id,
      ranges,
      failed: job.failed,
      retries: [...snapshot.retries(RETRY_RANGES)],
    });
    compact.push({ type: "carve", job: id, mark: snapshot.carveMark });
    if (job.sealed) compact.push({ type: "sealed", job: id });
  }
  return [...compact, ...saved.values()];
}
