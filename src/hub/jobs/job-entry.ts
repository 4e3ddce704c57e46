import type { Position } from "../../engine/index.ts";
import {
  type FailureMark,
  type JobLogMessage,
  type JobProgressMessage,
  type JobSpec,
  type JobState,
  type JobTrustSummary,
  type Limits,
  type Range,
  type StageKind,
  type StageProgress,
  sliceRanges,
} from "../../protocol/index.ts";
import { RangeSet } from "../../scheduler/index.ts";
import type { IndexedBlock } from "../journal/block.ts";
import { NumberTable } from "../journal/numbers.ts";
import { ResultIndex } from "../journal/result-index.ts";
import { SavedStates } from "../journal/saved-states.ts";
import { JobHistory } from "../live/job-history.ts";
import { fingerprintOf, type HubFailureKind } from "./hub-failure.ts";

type EntryLimits = Pick<Limits, "errorGroupsPerJobMax" | "workersPerJobMax">;

/** Workers that came when a job had enough of them are counted together. */
const OTHER_WORKERS = "(others)";

/** Failures that look alike. */
export interface ErrorGroup {
  readonly kind: string;
  count: number;
  /** Where one of them stands: the results record of the submission, or of its map stage, its place in it, its input. */
  readonly sample?: ErrorSample | undefined;
}

export interface ErrorSample {
  readonly record: number;
  readonly at: number;
  readonly input: number;
}

/** Why a shuffle broke. */
export interface MapFailure {
  readonly culprit: number;
  /** One packed record. */
  readonly record: Uint8Array;
}

/** Records of a map stage, some of which are failures. */
export interface FailingRecords {
  readonly ranges: readonly Range[];
  /** A copy of one, packed, by its place among them. */
  recordAt(nth: number): Uint8Array;
}

/** Who keeps an attached job alive. */
export interface Holder {
  /** The job has ended. */
  letGo(job: string): void;
}

/** Who is told what happens to a job. */
export interface Watcher {
  progress(message: JobProgressMessage): void;
  log(message: JobLogMessage, body: Uint8Array): void;
  /** There may be more results, or the end. */
  pump(): void;
}

const progressOf = (kind: StageKind, { size, sealed, done, failed, lost }: JobEntry): StageProgress => ({
  kind,
  size,
  sealed,
  done,
  failed,
  running: 0,
  lost,
});

/** What the hub knows of one job besides what its scheduler does. No object here belongs to a single input. */
export class JobEntry {
  readonly spec: JobSpec;
  readonly submittedAtMs: number;
  /** What the journal holds of it, in bytes. */
  storedBytes = 0;
  state: JobState = "running";
  reason = "";
  endedAtMs: number | null = null;
  /** What it is set to: as it was submitted, or as somebody said since. */
  paused = false;
  priority: number;

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
  readonly errors = new Map<string, ErrorGroup>();
  /** For people to look at. */
  history = new JobHistory();
  readonly watches = new Set<Watcher>();
  /** Clients that hold it; an attached job without any is cancelled after a while. */
  readonly holders = new Set<Holder>();
  abandonTimer: ReturnType<typeof setTimeout> | undefined;

  /** The map stage, of a shuffle that has not ended. */
  map: JobEntry | undefined;
  /** The submission of which this is the map stage. */
  readonly parent: JobEntry | undefined;
  /** Inputs of a map stage whose results are lost and not made anew yet, and how many that ever were. */
  readonly gone = new RangeSet();
  lost = 0;
  /** Rises whenever results of a map stage come or go. */
  generation = 0;
  /** How far its results were believed when it ended, where it asked for a quorum. */
  trust: JobTrustSummary | undefined;
  /** How far the stages of a shuffle were when it ended. */
  stages: readonly StageProgress[] | undefined;
  /** Why a shuffle broke: the input of its map stage that failed, and its failure as a packed record. */
  failure: MapFailure | undefined;
  /** Of a map stage: what was given to the journal with failures in it. Its shuffle ends with the first of them. */
  readonly failing: FailingRecords[] = [];

  /** @param parent where this is a map stage */
  constructor(spec: JobSpec, submittedAtMs: number, parent?: JobEntry) {
    this.spec = spec;
    this.submittedAtMs = submittedAtMs;
    this.parent = parent;
    this.priority = spec.options.priority;
  }

  adjust(paused: boolean, priority: number): void {
    this.paused = paused;
    this.priority = priority;
  }

  get isAdjusted(): boolean {
    return this.paused || this.priority !== this.spec.options.priority;
  }

  /** What the submitter knows it as: a map stage is a part of its submission. */
  get submission(): JobEntry {
    return this.parent ?? this;
  }

  /** What the submission's inputs belong to: of a shuffle its map stage. */
  get intake(): JobEntry {
    return this.map ?? this;
  }

  /** How many of the submission's inputs are stored, and whether there are no more; also when it has ended. */
  get taken(): { readonly size: number; readonly sealed: boolean } {
    const [first] = this.stages ?? [];
    if (this.map === undefined && first !== undefined) return first;
    const { storedSize, storedSealed } = this.intake;
    return { size: storedSize, sealed: storedSealed };
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
    this.history.add(worker, ranges, failures);
    this.submission.#countWork(worker, count, limits);
    for (const { fingerprint, kind, at } of failures) {
      const group = { kind, count: 1, sample: this.#sample(ranges, at) };
      this.submission.#countError(fingerprint, group, limits);
    }
  }

  /** Forgets results of a map stage. */
  forget(ranges: readonly Range[]): void {
    const count = this.gone.addAll(ranges);
    this.history.band.forget(ranges);
    this.done -= count;
    this.lost += count;
    this.generation++;
  }

  /** Enters stored failures that the hub made. */
  addFailures(position: Position, ranges: readonly Range[], kind: HubFailureKind, limits: EntryLimits): void {
    const count = this.#enter(position, ranges);
    this.failed += count;
    this.history.band.add("", ranges);
    for (const [start, end] of ranges) this.history.band.fail(start, end);
    this.submission.#countError(
      fingerprintOf(kind),
      { kind, count, sample: this.#sample(ranges, 0) },
      limits,
    );
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
    this.generation++;
    if (this.gone.count > 0) this.gone.removeAll(ranges);
    this.storedBytes -= this.saved.remove(ranges);
    return count;
  }

  end(state: Exclude<JobState, "running">, reason: string, atMs: number): void {
    this.state = state;
    this.reason = reason;
    this.endedAtMs = atMs;
    clearTimeout(this.abandonTimer);
    this.saved.clear();
    // Nobody asks for what the map stage had any more, but how much it was.
    if (this.map !== undefined) this.stages = [progressOf("map", this.map), progressOf("reduce", this)];
    this.history.end(this.map?.history);
    this.map = undefined;
    for (const holder of this.holders) holder.letGo(this.spec.job);
    this.holders.clear();
  }

  #countWork(worker: string, count: number, { workersPerJobMax }: EntryLimits): void {
    const known = this.perWorker.has(worker) || this.perWorker.size < workersPerJobMax;
    const name = known ? worker : OTHER_WORKERS;
    this.perWorker.set(name, (this.perWorker.get(name) ?? 0) + count);
  }

  #countError(fingerprint: string, { kind, count, sample }: ErrorGroup, limits: EntryLimits): void {
    const group = this.errors.get(fingerprint);
    if (group !== undefined) group.count += count;
    else if (this.errors.size < limits.errorGroupsPerJobMax)
      this.errors.set(fingerprint, { kind, count, sample });
  }

  /** Where a failure of the newest results record stands; of a map stage nobody reads one. */
  #sample(ranges: readonly Range[], at: number): ErrorSample | undefined {
    const [[input] = [-1]] = sliceRanges(ranges, at, at + 1);
    if (this.parent !== undefined || input < 0) return undefined;
    return { record: this.results.records.rows - 1, at, input };
  }
}
