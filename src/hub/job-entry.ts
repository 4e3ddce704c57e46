import type { Position } from "../engine/index.ts";
import type { FailureKind, FailureMark, JobSpec, JobState, Limits, Range } from "../protocol/index.ts";
import { fingerprintOf, type HubFailureKind } from "./hub-failure.ts";
import type { IndexedBlock } from "./journal/block.ts";
import { NumberTable } from "./journal/numbers.ts";
import { ResultIndex } from "./journal/result-index.ts";
import { SavedStates } from "./journal/saved-states.ts";
import type { Watch } from "./watch.ts";

type EntryLimits = Pick<Limits, "errorGroupsPerJobMax" | "workersPerJobMax">;

/** Workers that came when a job had enough of them are counted together. */
const OTHER_WORKERS = "(others)";

/** Who keeps an attached job alive. */
export interface Holder {
  /** The job has ended. */
  letGo(job: string): void;
}

/** What the hub knows of one job besides what its scheduler does. No object here belongs to a single input. */
export class JobEntry {
  readonly spec: JobSpec;
  readonly submittedAtMs: number;
  /** What the journal holds of it, in bytes. */
  storedBytes = 0;
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
  readonly results = new ResultIndex();
  readonly saved = new SavedStates();

  readonly perWorker = new Map<string, number>();
  readonly errors = new Map<string, { kind: string; count: number }>();
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
    limits: EntryLimits,
  ): void {
    const count = this.#enter(position, ranges);
    this.failed += failures.length;
    const known = this.perWorker.has(worker) || this.perWorker.size < limits.workersPerJobMax;
    const name = known ? worker : OTHER_WORKERS;
    this.perWorker.set(name, (this.perWorker.get(name) ?? 0) + count);
    for (const { fingerprint, kind } of failures) this.#countError(fingerprint, kind, 1, limits);
  }

  /** Enters stored failures that the hub made. */
  addFailures(position: Position, ranges: readonly Range[], kind: HubFailureKind, limits: EntryLimits): void {
    const count = this.#enter(position, ranges);
    this.failed += count;
    this.#countError(fingerprintOf(kind), kind, count, limits);
  }

  /** Enters the latest state of an input. */
  addSaved(input: number, position: Position, bytes: number): void {
    this.storedBytes += bytes - (this.saved.get(input)?.bytes ?? 0);
    this.saved.set(input, { position, bytes });
  }

  /** Says how many inputs the ranges hold. */
  #enter(position: Position, ranges: readonly Range[]): number {
    const count = this.results.add(position, ranges);
    this.done += count;
    this.storedBytes -= this.saved.remove(ranges);
    return count;
  }

  end(state: Exclude<JobState, "running">, reason: string, atMs: number): void {
    this.state = state;
    this.reason = reason;
    this.endedAtMs = atMs;
    clearTimeout(this.abandonTimer);
    this.saved.clear();
    for (const holder of this.holders) holder.letGo(this.spec.job);
    this.holders.clear();
  }

  #countError(fingerprint: string, kind: FailureKind, count: number, limits: EntryLimits): void {
    const group = this.errors.get(fingerprint);
    if (group !== undefined) group.count += count;
    else if (this.errors.size < limits.errorGroupsPerJobMax) this.errors.set(fingerprint, { kind, count });
  }
}
