import {
  decodeResumed,
  decodeUnsendable,
  decodeValueWith,
  encodeValue,
  fingerprint,
  isResumed,
  isUnsendable,
  MusketeersError,
  RecordReader,
} from "../../../protocol/index.ts";
import {
  decodeLoad,
  decodeRun,
  encodeSaved,
  FrameReader,
  frameKinds,
  type LoadOrder,
  newFrame,
} from "../sandbox/frames.ts";
import { Blame, recordOf, splitSourceMap } from "./blame.ts";
import { redirectConsole, TaskLog } from "./console.ts";
import { LoadError, loadEntry, sameFunction, type TaskFunction } from "./entry.ts";
import { offerFiles, PipeFiles, sandboxFiles, toHandle } from "./files.ts";
import type { Host } from "./host.ts";
import { Reporter } from "./reporter.ts";
import { failureKindOf } from "./stages/missing.ts";
import { withPlace } from "./stages/place.ts";
import { stageFunction } from "./stages/stage.ts";

/** Nothing larger comes from an agent; the agent's own limit for code and records is below it. */
const FRAME_BYTES_MAX = 0xffff_ffff;

/** The task as it is loaded, or why it is not. */
interface Loaded {
  readonly fn: TaskFunction;
  readonly blame: Blame;
}

/** The life of a sandbox's process: loads one task, runs records until the agent closes its end. */
export function serve(host: Host): void {
  const runs: Uint8Array[] = [];
  let runner: Runner | undefined;
  let files: PipeFiles | undefined;
  let working = false;
  const work = async () => {
    if (working || runner === undefined) return;
    working = true;
    for (let run = runs.shift(); run !== undefined; run = runs.shift()) await runner.run(run);
    working = false;
  };
  const onFrame = (kind: number, payload: Uint8Array) => {
    if (kind === frameKinds.run) {
      runs.push(payload);
      void work();
    } else if (kind === frameKinds.load) {
      files = new PipeFiles((frame) => host.write(frame), decodeLoad(payload).order.fileWindowBytes);
      offerFiles(files);
      void start(host, payload).then((started) => {
        runner = started;
        void work();
      });
    } else files?.receive(kind, payload);
  };
  const reader = new FrameReader(FRAME_BYTES_MAX, onFrame);
  void host.read((bytes) => reader.push(bytes)).then(() => host.exit());
}

async function start(host: Host, payload: Uint8Array): Promise<Runner> {
  const now = performance.now.bind(performance);
  const { order, code: bundle } = decodeLoad(payload);
  const { code, map } = splitSourceMap(bundle);
  const log = new TaskLog(order, (frame) => host.write(frame), now);
  redirectConsole(log);
  const reporter = new Reporter(order, (frame) => host.write(frame), now);
  const loaded = await load(host, code, map, order);
  const runner = new Runner(loaded, order, reporter, log, { write: (frame) => host.write(frame), now });
  offerState(runner);
  host.onStray((error) => runner.stray(error));
  log.flush();
  host.write(newFrame(frameKinds.loaded, 0));
  return runner;
}

async function load(
  host: Host,
  code: string,
  map: string | undefined,
  { entry, stage, memoryBytes }: LoadOrder,
): Promise<Loaded> {
  try {
    const { url, fn } = await loadEntry(host, code, entry);
    const stageFn = () => {
      if (stage === undefined) return fn;
      if (stage.kind === "same") return sameFunction(entry, fn);
      return stageFunction(fn, { ...stage, kind: stage.kind }, sandboxFiles, memoryBytes);
    };
    return { fn: stageFn(), blame: new Blame(url, map) };
  } catch (error) {
    const { thrown, url } = error instanceof LoadError ? error : { thrown: error, url: "" };
    const fn = () => {
      throw thrown;
    };
    return { fn, blame: new Blame(url, map) };
  }
}

/** Bundles find here what `checkpoint` and `restored` do; see the client's task runtime. */
const STATE = Symbol.for("musketeers.state");

function offerState(runner: Runner): void {
  const offer = { save: (state: unknown) => runner.save(state), restored: () => runner.restored() };
  Object.defineProperty(globalThis, STATE, { value: Object.freeze(offer) });
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Partial<PromiseLike<unknown>>).then === "function";

/** Runs records one by one. */
class Runner {
  readonly #fn: TaskFunction;
  readonly #blame: Blame;
  readonly #order: LoadOrder;
  readonly #reporter: Reporter;
  readonly #log: TaskLog;
  readonly #decode = (record: Uint8Array) => decodeValueWith(toHandle, record);
  readonly #encode = encodeValue;
  readonly #write: (frame: Uint8Array) => void;
  readonly #now: () => number;
  #running = false;
  #resumed: Uint8Array | undefined;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  /** Fails the record that is awaited. */
  #reject: ((error: unknown) => void) | undefined;

  constructor(
    { fn, blame }: Loaded,
    order: LoadOrder,
    reporter: Reporter,
    log: TaskLog,
    { write, now }: { write: (frame: Uint8Array) => void; now: () => number },
  ) {
    this.#write = write;
    this.#now = now;
    this.#fn = fn;
    this.#blame = blame;
    this.#order = order;
    this.#reporter = reporter;
    this.#log = log;
  }

  async run(payload: Uint8Array): Promise<void> {
    const { careful, block } = decodeRun(payload);
    const reporter = this.#reporter;
    const records = new RecordReader(block);
    const fn = this.#fn;
    reporter.begin(careful);
    this.#running = true;
    for (let record = records.read(); record !== undefined; record = records.read()) {
      this.#resumed = undefined;
      if (isUnsendable(record)) {
        const message = decodeUnsendable(record);
        const failure = { kind: "unserializable", name: "Unserializable", message, stack: "" } as const;
        reporter.fail(failure, recordOf, fingerprint);
        reporter.settled();
        continue;
      }
      try {
        const outcome = fn(this.#argumentOf(record));
        this.#succeed(isThenable(outcome) ? await this.#settled(outcome) : outcome);
      } catch (error) {
        const kind = this.#order.stage === undefined ? "error" : failureKindOf(error);
        reporter.fail(withPlace(this.#blame.failureOf(error, kind), error), recordOf, fingerprint);
      }
      if (reporter.settled()) this.#log.flush();
    }
    this.#running = false;
    this.#log.flush();
    reporter.end();
  }

  /** What `checkpoint` of the task runtime does: keeps the state of the running record, unless it did lately. */
  save(state: unknown): void {
    if (this.#order.stage !== undefined) {
      throw new MusketeersError("BAD_ARGUMENT", "checkpoint is for tasks, not for what a map-reduce runs", {
        hint: "What runs again is a segment or a partition: give smaller segmentBytes, or more partitions.",
      });
    }
    const nowMs = this.#now();
    if (!this.#running || nowMs - this.#savedAtMs < this.#order.checkpointIntervalMs) return;
    const record = this.#encode(state);
    if (record.length > this.#order.stateBytesMax) {
      throw new MusketeersError(
        "UNSERIALIZABLE",
        `The state has ${record.length} bytes; ${this.#order.stateBytesMax} may be kept`,
      );
    }
    this.#savedAtMs = nowMs;
    // So that the state is surely that of the first record without a result.
    this.#reporter.waiting();
    this.#write(encodeSaved(record));
  }

  /** What an earlier attempt of the running record saved. */
  restored(): unknown {
    return this.#resumed === undefined ? undefined : this.#decode(this.#resumed);
  }

  #argumentOf(record: Uint8Array): unknown {
    if (!isResumed(record)) return this.#decode(record);
    const { input, state } = decodeResumed(record);
    if (this.#order.stage?.kind === "same") return [this.#decode(input), this.#decode(state)];
    this.#resumed = state;
    return this.#decode(input);
  }

  /** An error that nobody caught: most likely of the record that is awaited. */
  stray(error: unknown): void {
    const { name, message, stack } = this.#blame.failureOf(error);
    this.#log.print(`Uncaught ${name}: ${message}${stack === "" ? "" : `\n${stack}`}`);
    if (this.#reject === undefined) this.#log.flush();
    else this.#reject(error);
  }

  #settled(outcome: PromiseLike<unknown>): Promise<unknown> {
    const timer = setInterval(() => {
      this.#log.flush();
      this.#reporter.waiting();
    }, this.#order.progressIntervalMs);
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      outcome.then(resolve, reject);
    }).finally(() => {
      clearInterval(timer);
      this.#reject = undefined;
    });
  }

  #succeed(value: unknown): void {
    let record: Uint8Array;
    try {
      record = this.#encode(value);
      if (record.length > this.#order.valueBytesMax) {
        throw new MusketeersError(
          "UNSERIALIZABLE",
          `The result has ${record.length} bytes; ${this.#order.valueBytesMax} may be sent`,
        );
      }
    } catch (error) {
      const failure = { ...this.#blame.failureOf(error, "unserializable"), name: "Unserializable" };
      const { props: _props, ...plain } = failure as typeof failure & { props?: unknown };
      this.#reporter.fail(plain, recordOf, fingerprint);
      return;
    }
    this.#reporter.push(record);
  }
}
