import { blockFiles } from "../../data/index.ts";
import { fileRefOf, type JobSpec, MusketeersError } from "../../protocol/index.ts";
import { abortReason, TaskError } from "../errors.ts";
import { handOver } from "../jobs/job.ts";
import type { Progress } from "../jobs/map.ts";
import { OpenedInputs } from "../jobs/opened-inputs.ts";
import { pumpInputs } from "../jobs/pump.ts";
import { type Outcome, ResultStream } from "../jobs/stream.ts";
import { loadedTask, type SubmissionHost, specOf } from "../jobs/submission.ts";
import { overridesIn, type TaskOptions } from "../options.ts";
import { JobChannel } from "../session/channel.ts";
import { Gate } from "../session/gate.ts";
import { Hoist } from "../tasks/hoist.ts";
import { isLoadedTask } from "../tasks/loaded.ts";
import { taskInfo } from "../tasks/task.ts";
import { checkDefinition, checkVotes, optionsOf, type ShuffleOptions, taskOptionsOf } from "./map-reduce.ts";
import { Pairs, type Partition, type PutFolder } from "./pairs.ts";
import { collectPartitions } from "./partitions.ts";
import { type InputOptions, mapInputs, type ShuffleInput } from "./shuffle-input.ts";

/** Options of one map-reduce; the definition's own may be overridden among them. */
export interface MapReduceOptions<I extends ShuffleInput = ShuffleInput> extends TaskOptions, ShuffleOptions {
  /** A dataset, files, URLs, or anything iterable as records themselves. */
  readonly input: I;
  /** By name: what functions that are written here use besides their parameters; data, or functions. */
  readonly with?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const own = ["input", "with", "signal", "onProgress"] as const;

/** What it needs of the cluster's files. */
export interface ShuffleData extends Pick<InputOptions, "fetchFiles"> {
  readonly putFolder: PutFolder;
}

/** See `Cluster.mapReduce`. */
export async function runMapReduce(
  host: SubmissionHost,
  definition: object,
  given: MapReduceOptions | undefined,
  data: ShuffleData,
): Promise<Pairs> {
  const options = optionsIn(definition, given);
  return OpenedInputs.use(options.input, async (input) => {
    const { spec, inputs, files } = await prepareMapReduce(
      host,
      definition,
      { ...options, input },
      data,
      true,
    );
    const outputs = await new ShuffleRun(host, spec, options).run(inputs);
    return new Pairs(spec.job, outputs, files, data.putFolder);
  });
}

/** See `Cluster.submitMapReduce`; gives the job's id. */
export async function submitMapReduce(
  host: SubmissionHost,
  definition: object,
  given: MapReduceOptions | undefined,
  data: ShuffleData,
): Promise<string> {
  const options = optionsIn(definition, given);
  return OpenedInputs.use(options.input, async (input) => {
    const { spec, inputs } = await prepareMapReduce(host, definition, { ...options, input }, data, false);
    await handOver(host, spec, inputs, options);
    return spec.job;
  });
}

/** Whether it stands at the top level of a module; else it is written in the call. */
const isDefined = (definition: object): boolean =>
  isLoadedTask(definition) || taskInfo(definition) !== undefined;

/** The options of a call, which are those of its definition where that is written there. */
function optionsIn(definition: object, given: MapReduceOptions | undefined): MapReduceOptions {
  const options = (isDefined(definition) ? given : definition) as MapReduceOptions | undefined;
  if (options?.input === undefined) {
    throw new MusketeersError("BAD_ARGUMENT", "A map-reduce without an input", {
      hint: 'Write { input: cluster.dataset("…"), … }.',
    });
  }
  options.signal?.throwIfAborted();
  return options;
}

/** What is to be submitted, with its input. */
async function prepareMapReduce(
  host: SubmissionHost,
  definition: object,
  options: MapReduceOptions,
  { fetchFiles }: ShuffleData,
  attached: boolean,
) {
  const defined = isDefined(definition);
  const loaded = await loadedTask(host, defined ? definition : await inlineTask(definition, options.with));
  const all = { ...(loaded.options as ShuffleOptions), ...present(defined ? options : optionsOf(options)) };
  const taskOptions = taskOptionsOf(all);
  checkVotes(taskOptions);
  const overrides = overridesIn(taskOptions, own);
  const { partitionsDefault, partitionsMax } = host.limits;
  const partitions = partitionsOf(all.partitions ?? partitionsDefault, partitionsMax);
  const spec: JobSpec = { ...specOf(loaded, overrides, attached, host, partitions), shuffle: { partitions } };
  await host.session.ensureCode(loaded.bundle);
  const files = blockFiles(host.session.blocks);
  const { format, segmentBytes } = all;
  const inputs = mapInputs(options.input, { format, segmentBytes, files, limits: host.limits, fetchFiles });
  return { spec, inputs, files };
}

/** Without what is undefined, which overrides nothing. */
const present = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;

async function inlineTask(definition: object, given: MapReduceOptions["with"]): Promise<object> {
  checkDefinition(definition, own);
  const { map, combine, reduce, name } = definition as {
    readonly [name: string]: unknown;
    readonly name?: string;
  };
  const hoist = await Hoist.open(given);
  const functions = Object.entries({ map, combine, reduce }).filter(([, fn]) => fn !== undefined);
  const texts = await Promise.all(functions.map(async ([of, fn]) => `${of}: ${await hoist.text(fn, of)}`));
  const inline = hoist.module(name ?? "mapReduce", `mapReduce({ ${texts.join(", ")} })`, ["mapReduce"]);
  return { inline, options: {} };
}

function partitionsOf(partitions: unknown, max: number): number {
  if (Number.isInteger(partitions) && (partitions as number) >= 1 && (partitions as number) <= max) {
    return partitions as number;
  }
  throw new MusketeersError(
    "BAD_ARGUMENT",
    `partitions: ${String(partitions)} is no whole number from 1 to ${max}`,
    { hint: "It says into how many parts keys are divided; 8 are enough for most." },
  );
}

/** One job of two stages, with the loop that reads what its reduces give. */
class ShuffleRun {
  readonly #host: SubmissionHost;
  readonly #options: Pick<MapReduceOptions, "signal" | "onProgress">;
  readonly #gate = new Gate();
  readonly #channel: JobChannel;
  /** Where in the input each map's part is, for whoever has to look for what is wrong there. */
  readonly #places: Place[] = [];

  constructor(host: SubmissionHost, spec: JobSpec, options: MapReduceOptions) {
    this.#host = host;
    this.#options = options;
    const { onProgress } = options;
    this.#channel = new JobChannel(
      host.session,
      spec,
      { results: true },
      {
        onRoom: () => this.#gate.open(),
        onOver: () => this.#gate.open(),
        ...(onProgress === undefined
          ? {}
          : { onProgress: ({ type: _type, ...progress }) => onProgress(progress) }),
      },
    );
  }

  async run(inputs: AsyncIterable<unknown>): Promise<Partition[]> {
    const { signal } = this.#options;
    const { session, limits } = this.#host;
    const channel = this.#channel;
    const abort = () => this.#giveUp("its client aborted it", abortReason(signal!));
    signal?.addEventListener("abort", abort, { once: true });
    const results = this.#results();
    session.attach(channel);
    try {
      const outbox = channel.outbox!;
      pumpInputs(inputs, {
        outbox,
        hasRoom: () => outbox.unstoredBytes < limits.inputBytesUnstoredMax,
        gate: this.#gate,
        stopped: () => channel.over,
        onInput: (index, input) => {
          this.#places[index] = placeOf(input);
        },
      }).catch((error: unknown) => this.#giveUp("its input failed", error));
      return await collectPartitions(results);
    } catch (error) {
      throw this.#placed(error);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #results(): ResultStream<Outcome<unknown>> {
    return new ResultStream<Outcome<unknown>>({
      inbox: this.#channel.inbox,
      blobs: this.#host.session.blobs,
      compose: (index, value, error, { worker }) =>
        error === undefined ? { ok: true, index, value, worker } : { ok: false, index, error, worker },
      onLeft: () => this.#giveUp("one of its partitions failed", undefined),
    });
  }

  #giveUp(reason: string, error: unknown): void {
    if (this.#channel.over) return;
    this.#channel.cancel(reason);
    if (error === undefined) this.#channel.close();
    else this.#channel.fail(error);
  }

  /** An error of a map with where in the input it is. */
  #placed(error: unknown): unknown {
    if (!(error instanceof TaskError) || error.input === undefined) return error;
    const place = this.#places[error.input];
    // What the map itself threw says it better; what killed its sandbox says nothing.
    if (place === undefined || place.text === "" || error.message.includes(place.name)) return error;
    const { kind, name, message, stack = "", props, worker, input } = error;
    const frames = stack.split("\n").slice(message.split("\n").length).join("\n");
    return new TaskError(
      { kind, name, message: `${message} (${place.text})`, stack: frames, props },
      worker,
      input,
    );
  }
}

interface Place {
  /** Of the file, in quotes. */
  readonly name: string;
  readonly text: string;
}

function placeOf(input: unknown): Place {
  const ref = Array.isArray(input) ? fileRefOf(input[0]) : undefined;
  if (ref === undefined) return { name: "", text: "" };
  const { bytes, start = 0, end = bytes } = ref;
  const name = JSON.stringify(ref.name ?? ref.cid);
  const part = start === 0 && end === bytes ? "" : `, in the bytes from ${start} to ${end}`;
  return { name, text: `in ${name}${part}` };
}
