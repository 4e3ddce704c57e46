import { blockFiles, type Key } from "../../data/index.ts";
import type { JobDetails, JobSpec, JobSummary, LogLine, ResultOrder } from "../../protocol/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { abortReason, type TaskError } from "../errors.ts";
import { Pairs, type PutFolder } from "../map-reduce/pairs.ts";
import { collectPartitions } from "../map-reduce/partitions.ts";
import { overridesIn, type TaskOptions } from "../options.ts";
import { JobChannel } from "../session/channel.ts";
import { Gate } from "../session/gate.ts";
import type { Origin } from "../session/inbox.ts";
import type { Session } from "../session/session.ts";
import type { Progress } from "./map.ts";
import { OpenedInputs } from "./opened-inputs.ts";
import { type Inputs, pumpInputs } from "./pump.ts";
import { type Outcome, originOf, ResultStream } from "./stream.ts";
import { prepare, type SubmissionHost } from "./submission.ts";

export interface SubmitOptions extends TaskOptions {
  /** Aborting before all inputs are in stops the job. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface ResultsOptions {
  /** Results in the order of the inputs; else as they finished. */
  readonly ordered?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A job that lives on the hub, whether anybody watches or not. */
export class Job<O = unknown> {
  readonly id: string;
  readonly #session: Session;
  readonly #putFolder: PutFolder;

  /** See `Cluster.job`. */
  constructor(session: Session, id: string, putFolder: PutFolder) {
    this.#session = session;
    this.id = id;
    this.#putFolder = putFolder;
  }

  status(): Promise<JobDetails> {
    return this.#session.call("job", { job: this.id });
  }

  /** Stops it; what has not ended yet ends as cancelled. */
  cancel(): Promise<JobSummary> {
    return this.#session.call("cancel", { job: this.id });
  }

  /** Has nothing more of it begun until `resume`; what runs is finished. It survives a restart of the hub. */
  pause(): Promise<JobSummary> {
    return this.#session.call("adjust", { job: this.id, paused: true });
  }

  /** Lets it go on, with its share of the cluster from now on: what it did not use is not made up for. */
  resume(): Promise<JobSummary> {
    return this.#session.call("adjust", { job: this.id, paused: false });
  }

  /**
   * Changes its priority: each step doubles its share among the jobs that want the same workers.
   * @param priority a whole number from -8 to 8
   * @throws MusketeersError `BAD_ARGUMENT`
   */
  prioritise(priority: number): Promise<JobSummary> {
    return this.#session.call("adjust", { job: this.id, priority });
  }

  /** What its tasks printed, as far as the hub keeps it. */
  logs(): Promise<readonly LogLine[]> {
    return this.#session.call("logs", { job: this.id });
  }

  /**
   * Its results from the first on, those to come included; ends with the job. Leaving the loop leaves the
   * job alone.
   * @throws MusketeersError `JOB_CANCELLED` or `JOB_BROKEN` behind the last result of such a job;
   * `BAD_ARGUMENT` while another loop over this connection reads the same job.
   */
  results(options: ResultsOptions = {}): AsyncIterableIterator<Outcome<O>> {
    const { ordered, signal, onProgress } = options;
    const order: ResultOrder = ordered ? "input" : "completion";
    const stop = () => {
      channel.inbox.drop(abortReason(signal!));
      channel.close();
    };
    const channel = this.#watch(order, onProgress, () => signal?.removeEventListener("abort", stop));
    const stream = new ResultStream<Outcome<O>>({
      inbox: channel.inbox,
      blobs: this.#session.blobs,
      compose: (index: number, value: unknown, error: TaskError | undefined, origin: Origin) =>
        error === undefined
          ? { ok: true, index, value: value as O, ...originOf(origin) }
          : { ok: false, index, error, ...originOf(origin) },
      onLeft: () => {
        signal?.removeEventListener("abort", stop);
        channel.close();
      },
    });
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    else this.#session.attach(channel);
    return stream;
  }

  /**
   * Of a map-reduce: its pairs, when all is reduced. They stay on the cluster until they are read.
   * @throws TaskError where a function threw for good; MusketeersError `BAD_ARGUMENT` for a job that is no map-reduce;
   * else as `results`
   */
  async pairs<K extends Key = Key, V = unknown>(
    options: Omit<ResultsOptions, "ordered"> = {},
  ): Promise<Pairs<K, V>> {
    const { stages, title } = await this.status();
    if (stages === undefined) {
      throw new MusketeersError("BAD_ARGUMENT", `Job ${this.id} (${title}) is no map-reduce`, {
        hint: "results() gives what its task gave for each input.",
      });
    }
    const partitions = await collectPartitions(this.results(options));
    return new Pairs<K, V>(this.id, partitions, blockFiles(this.#session.blocks), this.#putFolder);
  }

  /** Waits until it has ended, well or not; says how it is then. */
  async wait(options: Omit<ResultsOptions, "ordered"> = {}): Promise<JobDetails> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    for (;;) {
      const details = await this.status();
      if (details.state !== "running") return details;
      await this.#ended(signal, onProgress);
    }
  }

  /** Resolves when it may have ended. */
  #ended(signal: AbortSignal | undefined, onProgress: ResultsOptions["onProgress"]): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        unobserve();
        reject(abortReason(signal!));
      };
      const unobserve = this.#session.observers.add(this.id, {
        onProgress: (progress) => onProgress?.(progress),
        onOver: (error) => {
          signal?.removeEventListener("abort", abort);
          if (error === undefined) resolve();
          else reject(error);
        },
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #watch(order: ResultOrder, onProgress: ResultsOptions["onProgress"], onOver: () => void): JobChannel {
    if (this.#session.channel(this.id) !== undefined) {
      throw new MusketeersError("BAD_ARGUMENT", `Job ${this.id} is being read by another loop already`, {
        hint: "End that loop first, or use a second connection.",
      });
    }
    return new JobChannel(
      this.#session,
      this.id,
      { results: true, order },
      {
        onOver,
        ...(onProgress === undefined
          ? {}
          : { onProgress: ({ type: _type, ...progress }) => onProgress(progress) }),
      },
    );
  }
}

/** A map-reduce that lives on the hub: its keys and values are those of its definition. */
export interface MapReduceJob<K extends Key = Key, V = unknown> extends Job {
  pairs<A extends Key = K, B = V>(options?: Omit<ResultsOptions, "ordered">): Promise<Pairs<A, B>>;
}

/**
 * Submits a job that needs nobody to stay: gives its id when the hub has stored all inputs.
 * @throws what the inputs throw, or `JOB_CANCELLED`, `JOB_BROKEN` where it ended before they were in.
 */
export async function submitJob<I>(
  host: SubmissionHost,
  task: unknown,
  inputs: Inputs<I>,
  options: SubmitOptions,
): Promise<string> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  return OpenedInputs.use(inputs, async (opened) => {
    const spec = await prepare(host, task, overridesIn(options, ["signal", "onProgress"]), false);
    await handOver(host, spec, opened, { signal, onProgress });
    return spec.job;
  });
}

/** Submits a job and gives it all of its inputs; resolves when the hub has stored them. */
export async function handOver(
  host: SubmissionHost,
  spec: JobSpec,
  inputs: Inputs<unknown>,
  { signal, onProgress }: Pick<SubmitOptions, "signal" | "onProgress">,
): Promise<void> {
  const gate = new Gate();
  let settle!: { resolve: () => void; reject: (error: unknown) => void };
  const settled = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const channel = new JobChannel(
    host.session,
    spec,
    { results: false },
    {
      onRoom: () => gate.open(),
      onSettled: () => settle.resolve(),
      onOver: (error) => {
        gate.open();
        if (error === undefined || channel.outbox?.settled) settle.resolve();
        else settle.reject(error);
      },
      ...(onProgress === undefined
        ? {}
        : { onProgress: ({ type: _type, ...progress }) => onProgress(progress) }),
    },
  );
  const giveUp = (error: unknown) => {
    channel.cancel("its client gave it up before its inputs were in");
    channel.fail(error);
  };
  const abort = () => giveUp(abortReason(signal!));
  signal?.addEventListener("abort", abort, { once: true });
  const outbox = channel.outbox!;
  host.session.attach(channel);
  try {
    pumpInputs(inputs, {
      outbox,
      hasRoom: () => outbox.unstoredBytes < host.limits.inputBytesUnstoredMax,
      gate,
      stopped: () => channel.over,
    }).catch(giveUp);
    await settled;
  } finally {
    signal?.removeEventListener("abort", abort);
    channel.close();
  }
}
