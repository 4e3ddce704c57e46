import {
  eachRecord,
  type FailureMark,
  isResumed,
  isUnsendable,
  type Limits,
  MusketeersError,
  RecordReader,
  sliceRecords,
} from "../../../protocol/index.ts";
import { letGo } from "../../let-go.ts";
import {
  type Death,
  type Sandbox,
  type SandboxHandlers,
  type SandboxOrder,
  type SandboxResults,
  silent,
} from "../port.ts";
import {
  decodeLog,
  decodePiece,
  decodeResults,
  encodeLoad,
  encodeRunHead,
  FrameReader,
  frameKinds,
  type LoadOrder,
  type ResultsFrame,
} from "./frames.ts";
import { LargeRecord } from "./large-record.ts";
import { SandboxFiles } from "./sandbox-files.ts";
import type { MemoryLook, Spawned, SpawnedEnd } from "./spawned.ts";

const MiB = 1024 * 1024;
/** What a full report of failures may take beside its block. */
const MARKS_BYTES_MAX = 16 * MiB;

/** The agent's end of a sandbox, whatever runs it: limits, time-outs, checks of all that comes out. */
export class SandboxProcess implements Sandbox {
  handlers: SandboxHandlers;
  readonly #spawned: Spawned;
  readonly #order: SandboxOrder;
  readonly #limits: Limits;
  readonly #memory: MemoryLook;
  /** Fulfilled when the process is gone. */
  readonly gone: Promise<void>;
  #state: "loading" | "ready" | "dying" | "gone" = "loading";
  #outstanding = 0;
  #large: LargeRecord | undefined;
  #paused = false;
  #frozen = false;
  readonly #files: SandboxFiles;
  /** Since when it waits for bytes of files that the agent has not got. */
  #waitsSinceMs: number | undefined;
  /** The sandbox said that the first record without a result waits for something. */
  #pending = false;
  #loaded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAtMs: number;
  #verdict: Pick<Death, "kind" | "message"> | undefined;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  #logWindow = { startMs: 0, bytes: 0 };

  constructor(spawned: Spawned, order: SandboxOrder, handlers: SandboxHandlers, limits: Limits) {
    this.#spawned = spawned;
    this.#order = order;
    this.handlers = handlers;
    this.#limits = limits;
    this.#heardAtMs = performance.now();
    this.#files = new SandboxFiles({
      pipe: {
        write: (parts, onWritten) => (this.alive ? spawned.write(parts, onWritten) : undefined),
      },
      store: () => this.handlers.files,
      limits,
      onWaiting: (isWaiting) => this.#onWaiting(isWaiting),
    });
    this.gone = this.#follow();
    const bytesMax = order.task.memoryBytes + limits.sandboxBaseBytes;
    this.#memory = spawned.watchMemory(bytesMax, () => this.#condemn("crash", this.#tooMuchMemory()));
    void spawned.write([encodeLoad(loadOrder(order, limits), order.code)]);
    this.#arm(limits.sandboxLoadTimeoutMs);
  }

  get alive(): boolean {
    return this.#state === "loading" || this.#state === "ready";
  }

  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  run(block: Uint8Array, count: number, careful = false): void {
    if (!this.alive) return;
    if (this.#outstanding === 0) this.#heardAtMs = performance.now();
    this.#outstanding += count;
    void this.#spawned.write([encodeRunHead(count, block.length, careful), block]);
    if (this.#state === "ready" && this.#timer === undefined) this.#arm(this.#patienceMs());
  }

  pause(): void {
    if (!this.alive || this.#paused) return;
    this.#paused = true;
    this.#spawned.hold(true);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#spawned.hold(false);
    this.#heardAtMs = performance.now();
    if (this.alive && this.#outstanding > 0) this.#arm(this.#patienceMs());
  }

  freeze(): boolean {
    if (!this.alive) return true;
    if (!this.#frozen && !this.#spawned.stop(true)) return false;
    this.#frozen = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    if (!this.alive) return;
    this.#spawned.stop(false);
    this.#heardAtMs = performance.now();
    if (this.#state === "loading") this.#arm(this.#limits.sandboxLoadTimeoutMs);
    else if (this.#outstanding > 0) this.#arm(this.#patienceMs());
  }

  get pid(): number | undefined {
    return this.#spawned.pid();
  }

  kill(): Promise<void> {
    if (this.alive) this.#end();
    this.handlers = silent;
    return this.gone;
  }

  /** What it waits for its agent is not its own time. */
  #onWaiting(isWaiting: boolean): void {
    const now = performance.now();
    if (isWaiting) this.#waitsSinceMs = now;
    else if (this.#waitsSinceMs !== undefined) {
      this.#heardAtMs += now - Math.max(this.#waitsSinceMs, this.#heardAtMs);
      this.#waitsSinceMs = undefined;
    }
  }

  /** Follows it to its end; resolves when it is gone. */
  #follow(): Promise<void> {
    const reader = new FrameReader(this.#limits.sandboxFrameBytesMax + MARKS_BYTES_MAX, (kind, payload) =>
      this.#receive(kind, payload),
    );
    const onBytes = (bytes: Uint8Array) => {
      if (!this.alive) return;
      try {
        reader.push(bytes);
      } catch (error) {
        if (!(error instanceof MusketeersError) && !(error instanceof RangeError)) throw error;
        this.#condemn("crash", "The task broke the protocol of its sandbox; does it write to stdout itself?");
      }
    };
    return new Promise((resolve) => {
      const onGone = ({ why, isMemory }: SpawnedEnd) => {
        if (this.#state === "gone") return;
        const died = this.#state !== "dying" || this.#verdict !== undefined;
        this.#end();
        this.#state = "gone";
        if (died) this.#announce(isMemory ? this.#tooMuchMemory() : why);
        this.#spawned.cleanUp().then(resolve, () => resolve());
      };
      this.#spawned.listen({ onBytes, onGone });
    });
  }

  #announce(why: string): void {
    const { kind, message } = this.#verdict ?? { kind: "crash" as const, message: why };
    // Code that kills its process while it loads kills it for each record alike.
    const exact = this.#pending || this.#outstanding === 1 || !this.#loaded;
    this.handlers.onDeath({ kind, message, exact });
  }

  #tooMuchMemory(): string {
    return `It used more than ${Math.round(this.#order.task.memoryBytes / MiB)} MB of memory`;
  }

  /** Kills it for a reason; the death is announced when it is gone. */
  #condemn(kind: Death["kind"], message: string): void {
    if (!this.alive) return;
    this.#verdict = { kind, message };
    this.#end();
  }

  #end(): void {
    if (this.#state !== "gone") this.#state = "dying";
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#memory.stop();
    this.#files.end();
    this.#spawned.kill();
  }

  /** How long a report may be missing: an input's time, and what reports may lag behind. */
  #patienceMs(): number {
    return this.#order.task.timeoutMs + 2 * this.#limits.progressIntervalMs;
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#paused || this.#frozen) return;
    // Node fires longer timers at once; a task may have a month.
    this.#timer = setTimeout(() => this.#look(), Math.min(delayMs, 2 ** 31 - 1));
    letGo(this.#timer);
  }

  #look(): void {
    this.#timer = undefined;
    if (!this.alive || (this.#state === "ready" && this.#outstanding === 0)) return;
    const allowedMs = this.#state === "loading" ? this.#limits.sandboxLoadTimeoutMs : this.#patienceMs();
    const waitedMs =
      this.#waitsSinceMs === undefined
        ? 0
        : performance.now() - Math.max(this.#waitsSinceMs, this.#heardAtMs);
    const leftMs = this.#heardAtMs + waitedMs + allowedMs - performance.now();
    if (leftMs > 0) {
      this.#arm(leftMs);
      return;
    }
    // After a stall of the agent's own, what the sandbox said may still wait to be read.
    const heardAtMs = this.#heardAtMs;
    this.#spawned.afterInput(() => {
      if (this.#heardAtMs !== heardAtMs) this.#arm(1);
      else this.#overdue();
    });
  }

  #overdue(): void {
    if (this.#state === "loading") {
      this.#condemn("crash", `Its code did not load within ${this.#limits.sandboxLoadTimeoutMs} ms`);
    } else {
      this.#condemn("timeout", `It took longer than ${this.#order.task.timeoutMs} ms`);
    }
  }

  #receive(kind: number, payload: Uint8Array): void {
    if (!this.alive) return;
    switch (kind) {
      case frameKinds.loaded:
        if (this.#state !== "loading") break;
        this.#state = "ready";
        this.#loaded = true;
        this.#heardAtMs = performance.now();
        clearTimeout(this.#timer);
        this.#timer = undefined;
        if (this.#outstanding > 0) this.#arm(this.#patienceMs());
        break;
      case frameKinds.results:
        this.#results(decodeResults(payload));
        break;
      case frameKinds.log:
        this.#log(payload);
        break;
      case frameKinds.saved:
        this.#saved(payload);
        break;
      case frameKinds.piece:
        this.#piece(payload);
        break;
      default:
        if (this.#files.receive(kind, payload)) break;
        throw new MusketeersError("PROTOCOL", `A sandbox frame of unknown kind ${kind}`);
    }
  }

  #results(frame: ResultsFrame): void {
    const now = performance.now();
    if (frame.count > this.#outstanding || this.#state !== "ready") {
      throw new MusketeersError("PROTOCOL", "Results that nobody asked for");
    }
    // Only what has been running can be waiting, and only results are progress.
    if (frame.count === 0 && !frame.pending) throw new MusketeersError("PROTOCOL", "Empty results");
    const results = checkBlock(this.#withLarge(frame), now - this.#heardAtMs);
    if (frame.count > 0) this.#heardAtMs = now;
    this.#outstanding -= frame.count;
    this.#pending = frame.pending && this.#outstanding > 0;
    if (frame.count === 0) return;
    const stored = this.#files.stored();
    for (const part of split(results, this.#limits)) {
      this.handlers.onResults(stored === undefined ? part : { ...part, stored });
    }
  }

  #piece(payload: Uint8Array): void {
    if (this.#outstanding === 0 || this.#state !== "ready") {
      throw new MusketeersError("PROTOCOL", "A result that nobody asked for");
    }
    this.#large ??= new LargeRecord(decodePiece(payload).recordBytes, this.#limits.valueBytesMax);
    this.#large.add(payload);
  }

  /** Puts a large record, which came before, where the results have its place. */
  #withLarge(frame: ResultsFrame): ResultsFrame {
    const large = this.#large;
    if (large === undefined) return frame;
    this.#large = undefined;
    const isPlace = frame.count === 1 && frame.block.length === 1 && frame.block[0] === 0;
    if (!large.whole || !isPlace || frame.failures.length > 0) {
      throw new MusketeersError("PROTOCOL", "Results without the large one that was begun");
    }
    return { ...frame, block: large.block };
  }

  /** An honest sandbox saves at most each interval; of a hostile one what comes sooner is dropped. */
  #saved(payload: Uint8Array): void {
    if (this.#outstanding === 0 || this.#state !== "ready") {
      throw new MusketeersError("PROTOCOL", "A state of a record that does not run");
    }
    if (isReserved(payload)) throw new MusketeersError("PROTOCOL", "A state that is no value");
    const now = performance.now();
    if (now - this.#savedAtMs < this.#limits.checkpointIntervalMs / 2) return;
    this.#savedAtMs = now;
    this.handlers.onSaved(payload.slice());
  }

  /** The sandbox keeps to its budget by itself; a hostile one is held to twice of it. */
  #log(payload: Uint8Array): void {
    const { dropped, block } = decodeLog(payload);
    const now = performance.now();
    if (now - this.#logWindow.startMs >= 1000) this.#logWindow = { startMs: now, bytes: 0 };
    this.#logWindow.bytes += block.length + 1;
    if (this.#logWindow.bytes > 2 * this.#limits.logBytesPerSecondMax) return;
    // Walks it whole, so that what is passed on is well formed.
    for (const _line of eachRecord(block));
    this.handlers.onLog(block.slice(), dropped);
  }
}

/** What the sandbox has to know of its limits. */
function loadOrder({ task }: SandboxOrder, limits: Limits): LoadOrder {
  const { progressIntervalMs, blockBytesTarget, reportRecordsMax, valueBytesMax } = limits;
  const { logLineBytesMax, logBytesPerSecondMax, checkpointIntervalMs, fileWindowBytes } = limits;
  return {
    entry: task.entry,
    progressIntervalMs,
    blockBytesTarget,
    reportRecordsMax,
    valueBytesMax,
    stateBytesMax: Math.floor(limits.sandboxFrameBytesMax / 2),
    logLineBytesMax,
    logBytesPerSecondMax,
    checkpointIntervalMs,
    fileWindowBytes,
    memoryBytes: task.memoryBytes,
    ...(task.stage === undefined ? {} : { stage: task.stage }),
  };
}

/** Whether a record pretends to be what only agents and hubs make. */
const isReserved = (record: Uint8Array): boolean =>
  (record[0] === 0xd8 && record[1] === 42) || isResumed(record) || isUnsendable(record);

/** Checks that a block holds its records, and that none of them pretends to be a blob. */
function checkBlock(frame: ResultsFrame, elapsedMsMax: number): SandboxResults {
  const reader = new RecordReader(frame.block);
  let count = 0;
  for (let record = reader.read(); record !== undefined; record = reader.read()) {
    count++;
    if (record.length === 0) throw new MusketeersError("PROTOCOL", "A result without a value");
    if (isReserved(record)) {
      throw new MusketeersError("PROTOCOL", "A result that pretends to be a blob");
    }
  }
  if (count !== frame.count) throw new MusketeersError("PROTOCOL", "Results that do not fit their count");
  return {
    count,
    failures: frame.failures,
    elapsedMs: Math.min(frame.elapsedMs, Math.max(0, elapsedMsMax)),
    // A view of what was read keeps all of it; what came in pieces is by itself.
    block: frame.block.byteOffset === 0 ? frame.block : frame.block.slice(),
  };
}

/** An honest sandbox never sends more than a report may hold; what another sends is cut. */
function* split(results: SandboxResults, limits: Limits): Generator<SandboxResults> {
  if (results.count <= limits.reportRecordsMax) {
    yield results;
    return;
  }
  for (let from = 0; from < results.count; from += limits.reportRecordsMax) {
    const to = Math.min(results.count, from + limits.reportRecordsMax);
    const failures: FailureMark[] = [];
    for (const mark of results.failures) {
      if (mark.at >= from && mark.at < to) failures.push({ ...mark, at: mark.at - from });
    }
    const block = sliceRecords(results.block, from, to);
    yield { count: to - from, block, failures, elapsedMs: (results.elapsedMs * (to - from)) / results.count };
  }
}
