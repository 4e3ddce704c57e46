import type { Engine } from "../../engine/index.ts";
import { MusketeersError, pushRange, type Range } from "../../protocol/index.ts";
import { isStageId, type SchedulerRecord } from "../../scheduler/index.ts";
import type { JobEntry } from "../jobs/job-entry.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { JobHistory } from "../live/index.ts";
import { SAVED_WIDTH, tablesOf } from "./checkpoint.ts";
import type { CheckpointPointer } from "./checkpoint-pointer.ts";
import type { CheckpointRecord, KeptJob } from "./checkpoint-record.ts";
import { decodeLedgerRecord } from "./ledger-record.ts";
import { NumberTable } from "./numbers.ts";

type RecordOf<T extends CheckpointRecord["type"]> = Extract<CheckpointRecord, { type: T }>;

/** Takes a checkpoint back: into the catalogue, and for the scheduler as records that say the same in short. */
export class CheckpointReader {
  readonly #jobs: Jobs;
  readonly #apply: (record: SchedulerRecord) => void;
  #current: { readonly entry: JobEntry; readonly kept: KeptJob } | undefined;
  #count = 0;

  constructor(jobs: Jobs, apply: (record: SchedulerRecord) => void) {
    this.#jobs = jobs;
    this.#apply = apply;
  }

  /** @throws MusketeersError `JOURNAL_CORRUPT` where the checkpoint is not there as a whole. */
  async read(engine: Engine, { mark, start }: CheckpointPointer): Promise<void> {
    for await (const { position, record: bytes } of engine.journal.read(start)) {
      const { record, body } = decodeLedgerRecord(bytes);
      if (record.type === "kept") this.#enterJob(record, position);
      else if (record.type === "rows") this.#enterRows(record, body, position);
      else if (record.type === "gone") this.#enterGone(record, position);
      else if (record.type === "waiting") this.#enterWaiting(record);
      else if (record.type === "checkpointed" && record.mark === mark) {
        this.#finishJob();
        if (record.jobs !== this.#count) throw damaged(position, `it has ${this.#count} jobs`);
        return;
      }
    }
    throw damaged(start, "its end is missing");
  }

  #enterJob(record: RecordOf<"kept">, position: number): void {
    this.#finishJob();
    this.#count++;
    const { type: _, ...kept } = record;
    const { spec, size, sealed, done, failed, storedBytes, perWorker, errors, bytes } = kept;
    const { lost = 0, failure, trust, adjusted } = kept;
    const isStage = isStageId(spec.job);
    const entry = isStage ? this.#jobs.get(spec.job) : this.#jobs.add(spec, kept.submittedAtMs);
    if (entry === undefined) throw damaged(position, `the submission of ${spec.job} is missing`);
    Object.assign(entry, { size, storedSize: size, sealed, storedSealed: sealed, done, failed, storedBytes });
    Object.assign(entry, { lost, failure, trust });
    if (adjusted !== undefined) entry.adjust(adjusted.paused, adjusted.priority);
    for (const [worker, count] of perWorker) entry.perWorker.set(worker, count);
    for (const [fingerprint, kind, count, row, at = 0, input = 0] of errors) {
      const sample = row === undefined ? undefined : { record: row, at, input };
      entry.errors.set(fingerprint, { kind, count, sample });
    }
    if (kept.history !== undefined && kept.state === "running")
      entry.history = JobHistory.resumed(kept.history);
    this.#current = { entry, kept };
    if (kept.state !== "running") return;
    const { job } = spec;
    // A shuffle's submission makes both of its stages, and its partitions are no inputs that came.
    if (!isStage) this.#apply({ type: "submitted", spec });
    if (adjusted !== undefined) this.#apply({ type: "adjusted", job, ...adjusted });
    if (size > 0 && spec.shuffle === undefined) this.#apply({ type: "inputs", job, count: size, bytes });
    if (failed > 0) this.#apply({ type: "results", job, ranges: [], failed, retries: [] });
  }

  #enterRows({ job, table }: RecordOf<"rows">, body: Uint8Array, position: number): void {
    const { entry, kept } = this.#ofJob(job, position);
    const { spans } = entry.results;
    const before = spans.rows;
    if (table === "saved") enterSaved(entry, body);
    else if (table === "spans") entry.results.restoreSpans(body);
    else tablesOf(entry)[table].pushBytes(body);
    if (kept.state !== "running" || spans.rows === before) return;
    this.#apply({ type: "results", job, ranges: rangesOf(spans, before), failed: 0, retries: [] });
  }

  #enterGone({ job, ranges }: RecordOf<"gone">, position: number): void {
    this.#ofJob(job, position).entry.gone.addAll(ranges);
    this.#apply({ type: "lost", job, ranges });
  }

  #enterWaiting({ job, retries }: RecordOf<"waiting">): void {
    this.#apply({ type: "results", job, ranges: [], failed: 0, retries });
  }

  #ofJob(job: string, position: number): { readonly entry: JobEntry; readonly kept: KeptJob } {
    if (this.#current?.kept.spec.job !== job) throw damaged(position, `rows of another job, ${job}`);
    return this.#current;
  }

  #finishJob(): void {
    if (this.#current === undefined) return;
    const { entry, kept } = this.#current;
    const { job } = kept.spec;
    this.#current = undefined;
    if (kept.state === "running") {
      if (kept.carveMark > 0) this.#apply({ type: "carve", job, mark: kept.carveMark });
      if (kept.sealed && kept.spec.shuffle === undefined) this.#apply({ type: "sealed", job });
      return;
    }
    entry.end(kept.state, kept.reason, kept.endedAtMs ?? 0);
    entry.stages = kept.stages;
    if (kept.history !== undefined) entry.history = JobHistory.ended(kept.history);
    this.#jobs.ended();
  }
}

const damaged = (position: number, why: string): MusketeersError =>
  new MusketeersError("JOURNAL_CORRUPT", `The checkpoint at ${position} of the journal is damaged: ${why}`);

function enterSaved({ saved }: JobEntry, body: Uint8Array): void {
  const table = new NumberTable(SAVED_WIDTH);
  table.pushBytes(body);
  for (let row = 0; row < table.rows; row++) {
    saved.set(table.at(row, 0), { position: table.at(row, 1), bytes: table.at(row, 2) });
  }
}

/** What the rows of spans from one on cover, in as few ranges as possible: completion is nearly in order. */
function rangesOf(spans: NumberTable, from: number): Range[] {
  const rows = Uint32Array.from({ length: spans.rows - from }, (_, at) => from + at);
  rows.sort((a, b) => spans.at(a, 0) - spans.at(b, 0));
  const ranges: Range[] = [];
  for (const row of rows) pushRange(ranges, spans.at(row, 0), spans.at(row, 1));
  return ranges;
}
