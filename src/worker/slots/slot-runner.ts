import { type BlobStore, type FileStore, inlineOrBlob, isBlobRef, resolveRecord } from "../../data/index.ts";
import {
  decodeResumed,
  eachRecord,
  encodeFailure,
  encodeResumed,
  fingerprint,
  isResumed,
  type Limits,
  MusketeersError,
  packRecords,
  RecordReader,
  RecordWriter,
  type TaskSpec,
  toMusketeersError,
} from "../../protocol/index.ts";
import { taskKey, type WorkerEvent, type WorkerInstruction } from "../core/index.ts";
import type { Diary } from "../diary/diary.ts";
import type { Death, Sandbox, SandboxResults } from "../executors/port.ts";
import { letGo } from "../let-go.ts";
import type { CpuMeter } from "../machine/machine.ts";
import type { CodeCache } from "./code-cache.ts";
import { CpuBank } from "./cpu-bank.ts";
import { RunNotes } from "./run-notes.ts";
import type { SandboxPool } from "./sandbox-pool.ts";

type RunInstruction = Extract<WorkerInstruction, { type: "Run" }>;

export interface SlotContext {
  readonly pool: SandboxPool;
  /** Whose sandboxes these are: none is warm for another hub's tasks. */
  readonly realm: string;
  readonly codes: CodeCache;
  readonly blobs: BlobStore;
  /** What tasks read and write files through. */
  readonly files: FileStore;
  readonly limits: Limits;
  /** Where it is written down what runs. */
  readonly diary?: Diary | undefined;
  readonly newCpuMeter?: (() => CpuMeter) | undefined;
  /** Throws where the task may not run here. */
  readonly admit: (task: TaskSpec) => void;
  readonly onEvent: (event: WorkerEvent) => void;
  readonly onLog: (lease: string, block: Uint8Array, dropped: number) => void;
}

/** What belongs to one sandbox; after a kill it is abandoned as a whole, so nothing late gets through. */
interface Session {
  readonly key: string;
  readonly notes: RunNotes;
  sandbox: Sandbox | undefined;
  readonly runs: { readonly run: number; left: number }[];
  /** Settles when all inputs so far are handed in; undefined: they are. */
  inputs: Promise<void> | undefined;
  /** The same for results on their way out. */
  outputs: Promise<void> | undefined;
  lease: string;
  /** Bytes of results that wait to be stored as blobs. */
  storing: number;
  /** Since when nothing of `outputs` has come to an end, by the clock of the process. */
  outputsSinceMs: number;
  /** Called when results have come. */
  onReported: () => void;
}

/** Inputs that go into the sandbox together. */
interface Part {
  readonly block: Uint8Array;
  readonly count: number;
}

/** Why a stored input cannot be had, however often it is asked for. */
const unavailable: readonly string[] = ["BLOB_MISMATCH", "NOT_FOUND"];

/** The result of an input that cannot be had. */
function failureOf({ code, message }: MusketeersError): SandboxResults {
  const failure = { kind: "error", name: code, message, stack: "" } as const;
  const mark = { at: 0, kind: failure.kind, fingerprint: fingerprint(failure) };
  return { count: 1, block: packRecords([encodeFailure(failure)]), failures: [mark], elapsedMs: 0 };
}

const anyRecord = (block: Uint8Array, test: (record: Uint8Array) => boolean): boolean => {
  const reader = new RecordReader(block);
  for (let record = reader.read(); record !== undefined; record = reader.read()) {
    if (test(record)) return true;
  }
  return false;
};

const mayHoldRefs = (record: Uint8Array): boolean => isBlobRef(record) || isResumed(record);

/** A sandbox may serve one session after the other. */
const banks = new WeakMap<Sandbox, CpuBank>();

/** Performs the core's instructions for one slot: code, sandbox, blobs in, results and blobs out. */
export class SlotRunner {
  readonly #slot: number;
  readonly #context: SlotContext;
  #session: Session | undefined;
  #abort = new AbortController();
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #lastUsedMs = 0;

  constructor(slot: number, context: SlotContext) {
    this.#slot = slot;
    this.#context = context;
  }

  run(instruction: RunInstruction): void {
    const session = this.#sessionFor(instruction);
    session.lease = instruction.lease;
    session.notes.began(instruction.lease, instruction.block.length);
    session.runs.push({ run: instruction.run, left: instruction.count });
    this.#watchIdle();
    const refusal = this.#refusalOf(instruction);
    const direct =
      refusal === undefined &&
      session.inputs === undefined &&
      session.sandbox?.alive === true &&
      !anyRecord(instruction.block, mayHoldRefs);
    if (direct) {
      session.sandbox?.run(instruction.block, instruction.count, instruction.careful);
      return;
    }
    const before = session.inputs ?? Promise.resolve();
    const mine = before
      .then(() => {
        if (refusal !== undefined) throw refusal;
        return this.#handIn(session, instruction);
      })
      .catch((error: unknown) => this.#refuse(session, instruction.run, error))
      .finally(() => {
        if (session.inputs === mine) session.inputs = undefined;
      });
    session.inputs = mine;
  }

  /** Looks now and then whether the sandbox has had nothing to do for `sandboxIdleTtlMs`, and lets go of it then. */
  #watchIdle(waitMs: number = this.#context.limits.sandboxIdleTtlMs): void {
    if (this.#idleTimer !== undefined) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#session === undefined) return;
      const { runs, outputs } = this.#session;
      const isBusy = runs.length > 0 || outputs !== undefined;
      const leftMs = this.#lastUsedMs + this.#context.limits.sandboxIdleTtlMs - performance.now();
      if (isBusy || leftMs > 0) this.#watchIdle(isBusy ? undefined : leftMs);
      else this.kill();
    }, waitMs);
    letGo(this.#idleTimer);
  }

  /** What was let in before may be so no more: a certificate ended, or its owner took it back. */
  #refusalOf({ task }: RunInstruction): MusketeersError | undefined {
    try {
      this.#context.admit(task);
      return undefined;
    } catch (thrown) {
      return toMusketeersError(thrown);
    }
  }

  kill(): void {
    const sandbox = this.#end()?.sandbox;
    if (sandbox !== undefined) this.#context.pool.drop(sandbox);
  }

  /** As `kill`, for runs whose results nobody wants: a sandbox that is done soon is kept for the next ones. */
  abandon(): void {
    const session = this.#end();
    if (session?.sandbox === undefined) return;
    const { pool, files } = this.#context;
    const left = session.runs.reduce((sum, run) => sum + run.left, 0);
    // What is not handed in yet never comes, and a paused one is not waited for.
    if (session.inputs !== undefined || session.storing > 0) pool.drop(session.sandbox);
    else pool.leave(session.key, session.sandbox, { left, files });
  }

  /** Ends the session at hand, whose sandbox is somebody else's from now on. */
  #end(): Session | undefined {
    const session = this.#session;
    this.#session = undefined;
    this.#abort.abort(new MusketeersError("JOB_CANCELLED", "The run was stopped"));
    this.#abort = new AbortController();
    session?.notes.spent(session.sandbox);
    return session;
  }

  /** How long its sandbox has had nothing to do but wait until the hub stores results; 0: it does not. */
  get stalledMs(): number {
    const session = this.#session;
    if (session?.outputs === undefined) return 0;
    const waits = session.runs.length === 0 || session.storing > this.#context.limits.resultBytesUnackedMax;
    return waits ? performance.now() - session.outputsSinceMs : 0;
  }

  /** Lets go of a sandbox that has nothing to do; another may want it, or its memory. */
  rest(): void {
    const session = this.#session;
    if (session === undefined || session.runs.length > 0) return;
    this.#session = undefined;
    session.notes.spent(session.sandbox);
    if (session.sandbox !== undefined) this.#context.pool.give(session.key, session.sandbox);
  }

  #sessionFor({ task }: RunInstruction): Session {
    const key = this.#context.realm + taskKey(task);
    const current = this.#session;
    // One that is dying with runs in it will report its death, with this run too.
    const usable = current?.sandbox === undefined || current.sandbox.alive || current.runs.length > 0;
    if (current?.key === key && usable) return current;
    if (current?.sandbox !== undefined) {
      // A finished slot has nothing in its sandbox; anything else was killed before.
      if (current.runs.length === 0) this.#context.pool.give(current.key, current.sandbox);
      else this.#context.pool.drop(current.sandbox);
    }
    current?.notes.spent(current.sandbox);
    this.#session = {
      key,
      notes: new RunNotes(this.#context.diary, task, this.#context.newCpuMeter),
      sandbox: undefined,
      runs: [],
      inputs: undefined,
      outputs: undefined,
      lease: "",
      storing: 0,
      outputsSinceMs: 0,
      onReported: () => {},
    };
    return this.#session;
  }

  async #handIn(session: Session, { task, run, block, count, careful }: RunInstruction): Promise<void> {
    if (this.#session !== session) return;
    const { signal } = this.#abort;
    if (session.sandbox === undefined) {
      const code = await this.#context.codes.get(task.bundle);
      await this.#context.pool.prepare({ task, code });
      if (this.#session !== session) return;
      session.sandbox = this.#context.pool.take(
        session.key,
        { task, code, onDenied: session.notes.denied },
        {
          files: this.#context.files,
          onResults: (results) => this.#onResults(session, results),
          onSaved: (state) => this.#onSaved(session, state),
          onLog: (lines, dropped) => this.#context.onLog(session.lease, lines, dropped),
          onDeath: (death) => this.#onDeath(session, death),
        },
      );
    }
    let left = count;
    for (const part of await this.#resolve(block, count, signal)) {
      if (this.#session !== session) return;
      left -= part.count;
      if (!("failures" in part)) session.sandbox.run(part.block, part.count, careful);
      else {
        // Results are positional: what was handed in before comes first.
        await this.#reported(session, run, left + part.count);
        if (this.#session === session) this.#onResults(session, part);
      }
    }
  }

  /** Resolves when all but so many results of a run, and all of the runs before it, have come. */
  #reported(session: Session, run: number, left: number): Promise<void> {
    return new Promise((resolve) => {
      session.onReported = () => {
        const first = session.runs[0];
        if (first?.run !== run || first.left > left) return;
        session.onReported = () => {};
        resolve();
      };
      session.onReported();
    });
  }

  /** The inputs of a block with what they refer to; what cannot be had fails, and costs the others nothing. */
  async #resolve(block: Uint8Array, count: number, signal: AbortSignal): Promise<(Part | SandboxResults)[]> {
    if (!anyRecord(block, mayHoldRefs)) return [{ block, count }];
    const parts: (Part | SandboxResults)[] = [];
    let writer = new RecordWriter(block.length);
    const close = () => {
      if (writer.count > 0) parts.push({ count: writer.count, block: writer.take() });
      writer = new RecordWriter();
    };
    for (const record of eachRecord(block)) {
      try {
        writer.push(await this.#resolveOne(record, signal));
      } catch (thrown) {
        const error = toMusketeersError(thrown);
        if (!unavailable.includes(error.code)) throw error;
        close();
        parts.push(failureOf(error));
      }
    }
    close();
    return parts;
  }

  async #resolveOne(record: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { blobs } = this.#context;
    if (!isResumed(record)) return resolveRecord(record, blobs, { signal });
    const { input, state } = decodeResumed(record);
    const whole = await resolveRecord(input, blobs, { signal });
    return encodeResumed(whole, await resolveRecord(state, blobs, { signal }));
  }

  /** Stores a large state as a blob, and passes on where it is. */
  #onSaved(session: Session, state: Uint8Array): void {
    const run = session.runs[0]?.run;
    if (this.#session !== session || run === undefined) return;
    const { blobs, limits } = this.#context;
    const { signal } = this.#abort;
    this.#later(session, run, async () => {
      const record = await inlineOrBlob(state, blobs, limits.inlineValueBytesMax, { signal });
      if (this.#session !== session) return;
      this.#context.onEvent({ type: "StateSaved", slot: this.#slot, run, state: record });
    });
  }

  #onResults(session: Session, measured: SandboxResults): void {
    if (this.#session !== session) return;
    const results = { ...measured, ...this.#cpuOf(session, measured.elapsedMs) };
    const current = session.runs[0];
    // Runs are reported apart and blocks are cut at their target; what is not so is no sandbox of ours.
    if (current === undefined || results.count > current.left || this.#isFlood(results.block)) {
      this.#onDeath(session, { kind: "crash", message: "The sandbox broke its protocol", exact: false });
      return;
    }
    const { run } = current;
    current.left -= results.count;
    if (current.left === 0) session.runs.shift();
    this.#lastUsedMs = performance.now();
    session.onReported();
    session.notes.ran(results, session.sandbox);
    const { inlineValueBytesMax } = this.#context.limits;
    const large = results.block.length > inlineValueBytesMax;
    const store = large && anyRecord(results.block, (record) => record.length > inlineValueBytesMax);
    if (!store && results.stored === undefined && session.outputs === undefined) {
      this.#context.onEvent({ type: "RunProgressed", slot: this.#slot, run, results });
      return;
    }
    const waiting = store ? results.block.length : 0;
    this.#hold(session, waiting);
    this.#later(session, run, async () => {
      // Whoever is told of a file has to find it.
      await results.stored;
      const stored = store ? { ...results, block: await this.#store(results.block) } : results;
      this.#hold(session, -waiting);
      if (this.#session !== session) return;
      this.#context.onEvent({ type: "RunProgressed", slot: this.#slot, run, results: stored });
    });
  }

  /** What results that took so long cost of a processor, where the system tells. */
  #cpuOf({ sandbox }: Session, elapsedMs: number): { readonly cpuMs?: number } {
    const { newCpuMeter } = this.#context;
    if (sandbox === undefined || newCpuMeter === undefined) return {};
    const bank = banks.get(sandbox) ?? new CpuBank(newCpuMeter());
    banks.set(sandbox, bank);
    const cpuMs = bank.take(sandbox.pid, elapsedMs, performance.now());
    return cpuMs === undefined ? {} : { cpuMs };
  }

  /** Counts what waits to be stored; a sandbox that is too far ahead has to wait. */
  #hold(session: Session, bytes: number): void {
    session.storing += bytes;
    if (session.storing > this.#context.limits.resultBytesUnackedMax) session.sandbox?.pause();
    else session.sandbox?.resume();
  }

  /** Whether a block, without what goes into blobs, is more than one report can hold. */
  #isFlood(block: Uint8Array): boolean {
    const { frameBytesMax, inlineValueBytesMax } = this.#context.limits;
    if (block.length <= frameBytesMax / 2) return false;
    let bytes = 0;
    for (const { length } of eachRecord(block)) bytes += length > inlineValueBytesMax ? 128 : length + 5;
    return bytes > frameBytesMax / 2;
  }

  /** Keeps the order of results while some of them are being stored. */
  #later(session: Session, run: number, action: () => Promise<void>): void {
    if (session.outputs === undefined) session.outputsSinceMs = performance.now();
    const mine = (session.outputs ?? Promise.resolve())
      .then(action)
      .catch((error: unknown) => this.#refuse(session, run, error))
      .finally(() => {
        session.outputsSinceMs = performance.now();
        if (session.outputs === mine) session.outputs = undefined;
      });
    session.outputs = mine;
  }

  async #store(block: Uint8Array): Promise<Uint8Array> {
    const { blobs, limits } = this.#context;
    const { signal } = this.#abort;
    const writer = new RecordWriter();
    for (const record of eachRecord(block)) {
      writer.push(await inlineOrBlob(record, blobs, limits.inlineValueBytesMax, { signal }));
    }
    return writer.take();
  }

  #onDeath(session: Session, death: Death): void {
    if (this.#session !== session) return;
    const run = session.runs[0]?.run;
    session.notes.ended(`${death.kind}: ${death.message}`);
    const bury = () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      if (session.sandbox !== undefined) this.#context.pool.drop(session.sandbox);
      if (run !== undefined) {
        this.#context.onEvent({ type: "SandboxDied", slot: this.#slot, run, ...death });
      }
    };
    if (session.outputs === undefined) bury();
    else this.#later(session, run ?? 0, async () => bury());
  }

  #refuse(session: Session, run: number, thrown: unknown): void {
    if (this.#session !== session) return;
    const error = toMusketeersError(thrown);
    // Damaged code is so for every try.
    const reason = error.retryable && error.code !== "BLOB_MISMATCH" ? "overload" : "refused";
    const message = `${error.message} (${error.code})`.slice(0, 1000);
    session.notes.ended(`${reason}: ${message}`);
    this.#context.onEvent({ type: "RunRefused", slot: this.#slot, run, reason, message });
    // The core kills what has runs; a refused start has none that matter.
    if (this.#session === session) this.kill();
  }
}
