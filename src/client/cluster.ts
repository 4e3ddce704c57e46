import type { BlobHandle, FormatOption, Key } from "../data/index.ts";
import type {
  CallMethod,
  Calls,
  CreditSummary,
  DatasetStatus,
  DatasetSummary,
  FileRef,
  HubStatus,
  JobSummary,
  Limits,
  PersonSummary,
  Role,
  TopicName,
  WorkerSummary,
} from "../protocol/index.ts";
import { MusketeersError } from "../protocol/index.ts";
import {
  ClusterData,
  type ImportOptions,
  type OpenOptions,
  type PutOptions,
} from "./datasets/cluster-data.ts";
import type { Dataset } from "./datasets/dataset.ts";
import type { Content, ListPath, PutFiles, PutSource } from "./datasets/put-source.ts";
import { Job, type MapReduceJob, type SubmitOptions, submitJob } from "./jobs/job.ts";
import { type MapOptions, MapResults } from "./jobs/map.ts";
import type { Inputs } from "./jobs/pump.ts";
import { RunBatch } from "./jobs/run-batch.ts";
import { checkInputs, type SubmissionHost } from "./jobs/submission.ts";
import { type Iterated, type IterateOptions, iterate } from "./map-reduce/iterate.ts";
import type { MapReduce, MapReduceDefinition, RecordIn } from "./map-reduce/map-reduce.ts";
import type { Pairs } from "./map-reduce/pairs.ts";
import {
  type MapReduceOptions,
  runMapReduce,
  type ShuffleData,
  submitMapReduce,
} from "./map-reduce/shuffle.ts";
import type { ShuffleInput } from "./map-reduce/shuffle-input.ts";
import { overridesIn, type TaskOptions } from "./options.ts";
import type { FollowOptions } from "./session/live.ts";
import type { Session } from "./session/session.ts";
import type { ContainerTask } from "./tasks/container-task.ts";
import type { LoadedTask, LoadTask } from "./tasks/loaded.ts";
import type { InputOf, OutputOf, Task } from "./tasks/task.ts";

/** Options of one `run`; the task's own options may be overridden among them. */
export interface RunOptions extends TaskOptions {
  readonly signal?: AbortSignal;
}

type Runnable = Task | ContainerTask<never> | LoadedTask;

/** A task that needs no input can be run without one. */
type RunArguments<I> = undefined extends I
  ? [input?: I, options?: RunOptions]
  : [input: I, options?: RunOptions];

/** A hub that one is connected to, with all its workers. It reconnects by itself. */
export class Cluster implements AsyncDisposable {
  readonly #session: Session;
  readonly #host: SubmissionHost;
  readonly #data: ClusterData;
  readonly #shuffleData: ShuffleData = {
    fetchFiles: async (url) => (await this.put(url)).files(),
    putFolder: (files, options) => this.put({ files }, options),
  };
  readonly #batches = new Map<unknown, Map<string, RunBatch>>();

  /** See `connect`. */
  constructor(session: Session, loadTask: LoadTask, limits: Limits, listPath?: ListPath) {
    this.#session = session;
    this.#data = new ClusterData(session, listPath);
    this.#host = { session, loadTask, limits };
  }

  /** The hub's name. */
  get hub(): string {
    return this.#session.welcome?.hub ?? "";
  }

  /** What the invite allows. */
  get role(): Role | undefined {
    return this.#session.welcome?.role;
  }

  /** Whether there is a connection at this moment. */
  get connected(): boolean {
    return this.#session.up;
  }

  /**
   * Runs a task once, elsewhere. Parallel runs travel together.
   * @throws TaskError where the task fails for good; `TASK_UNKNOWN`, `BUNDLE_FAILED`, …; the signal's reason.
   */
  async run<T extends Runnable>(
    task: T,
    ...[input, options = {}]: RunArguments<InputOf<T>>
  ): Promise<OutputOf<T>> {
    const overrides = overridesIn(options, ["signal"]);
    return (await this.#batch(task, overrides).run(input, options.signal)) as OutputOf<T>;
  }

  /**
   * Runs a task over inputs; gives results as they finish. Inputs are taken as results are consumed. The
   * job ends with this program.
   */
  map<T extends Runnable>(
    task: T,
    inputs: Inputs<InputOf<T>>,
    options: MapOptions = {},
  ): MapResults<InputOf<T>, OutputOf<T>> {
    checkInputs(inputs);
    return new MapResults(this.#host, task, inputs, options);
  }

  /** Submits a job that goes on without this program; resolves when all inputs are stored. */
  async submit<T extends Runnable>(
    task: T,
    inputs: Inputs<InputOf<T>>,
    options: SubmitOptions = {},
  ): Promise<Job<OutputOf<T>>> {
    checkInputs(inputs);
    return this.job(await submitJob(this.#host, task, inputs, options));
  }

  /**
   * Maps an input to pairs of keys and values, brings those of each key together, and reduces them; where the
   * input is large and workers come and go as well. The functions are either those of a definition that stands at
   * the top level of a module (`mapReduce`), or written here: then they may use nothing but their parameters and
   * what is handed over as `with`. Resolves when all is done; the result stays on the cluster until it is read.
   * @throws TaskError where a function throws for good; `BAD_ARGUMENT`; `TASK_UNKNOWN` for functions that use what
   * is not there on a worker; `JOB_CANCELLED`, …; the signal's reason
   */
  mapReduce<
    I extends ShuffleInput,
    K extends Key = string,
    V = number,
    O = number,
    const F extends FormatOption = "lines",
  >(
    options: MapReduceDefinition<RecordIn<I, F>, K, V, O, F> & Omit<MapReduceOptions<I>, "format">,
  ): Promise<Pairs<K, O>>;
  mapReduce<K extends Key, O>(
    definition: MapReduce<K, O> | LoadedTask,
    options: MapReduceOptions,
  ): Promise<Pairs<K, O>>;
  mapReduce(definition: object, options?: MapReduceOptions): Promise<Pairs> {
    return runMapReduce(this.#host, definition, options, this.#shuffleData);
  }

  /**
   * Submits a map-reduce that goes on without this program; resolves when all of its input is known to the hub. The job
   * gives the pairs when it has ended, here or in another program: `cluster.job(id).pairs()`.
   * @throws as `mapReduce`, for what is wrong before it runs
   */
  submitMapReduce<
    I extends ShuffleInput,
    K extends Key = string,
    V = number,
    O = number,
    const F extends FormatOption = "lines",
  >(
    options: MapReduceDefinition<RecordIn<I, F>, K, V, O, F> & Omit<MapReduceOptions<I>, "format">,
  ): Promise<MapReduceJob<K, O>>;
  submitMapReduce<K extends Key, O>(
    definition: MapReduce<K, O> | LoadedTask,
    options: MapReduceOptions,
  ): Promise<MapReduceJob<K, O>>;
  async submitMapReduce(definition: object, options?: MapReduceOptions): Promise<Job> {
    return this.job(await submitMapReduce(this.#host, definition, options, this.#shuffleData));
  }

  /**
   * Works on the same shards round by round: a value goes to all of them, is mapped over each on a worker, and
   * `reduce` makes the next one here out of what they gave; until `until` holds or the rounds are used up. Large
   * shards are sent once, and a large value once a round. With `checkpoint` it goes on where an earlier call was.
   * @throws TaskError where `map` throws for good; what `reduce` and `until` throw; `BAD_ARGUMENT`; `TASK_UNKNOWN`
   * where `map` uses what is not there on a worker; the signal's reason
   */
  iterate<S, T, P>(options: IterateOptions<S, T, P>): Promise<Iterated<T>> {
    return iterate(this.#host, this.#data, options);
  }

  /** A job by its id. Whether there is one shows when it is used. */
  job<O = unknown>(id: string): Job<O> {
    return new Job<O>(this.#session, id, this.#shuffleData.putFolder);
  }

  /**
   * Stores content at the hub, as blocks of which only those are sent that it lacks; a put that was cut goes on
   * where it was when it is called again. One content gives a file; with a name, or of a path or a list of
   * files, a dataset.
   * @throws MusketeersError `BAD_ARGUMENT`, `NOT_FOUND` for a path, `DATASET_EXISTS`, `LIMIT_EXCEEDED` …; the
   * signal's reason.
   */
  put(content: Content, options?: PutOptions & { readonly name?: undefined }): Promise<BlobHandle>;
  put(content: Content, options: PutOptions & { readonly name: string }): Promise<Dataset>;
  put(files: PutFiles, options?: PutOptions): Promise<Dataset>;
  put(source: PutSource, options?: PutOptions): Promise<BlobHandle | Dataset> {
    return this.#data.put(source, options);
  }

  /** A dataset by its name, or a folder by its CID. Whether there is one shows when it is used. */
  dataset(nameOrCid: string): Dataset {
    return this.#data.dataset(nameOrCid);
  }

  /** The hub's catalogue, by name. */
  datasets(): Promise<readonly DatasetStatus[]> {
    return this.#data.datasets();
  }

  /** Gives a dataset's name back; says what it was. @throws MusketeersError `NOT_FOUND` */
  removeDataset(name: string): Promise<DatasetSummary> {
    return this.#data.remove(name);
  }

  /**
   * Stores what a CAR holds; gives its roots. With a name the one root, a folder, gets it.
   * @throws MusketeersError `CAR_MALFORMED`, else as `put`
   */
  importCar(parts: AsyncIterable<Uint8Array>, options: ImportOptions = {}): Promise<readonly Dataset[]> {
    return this.#data.importCar(parts, options);
  }

  /**
   * Reads a file, or a range of it, piece by piece, each verified.
   * The iteration throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT` for a folder …, or the signal's reason.
   * @throws MusketeersError `BAD_ARGUMENT` for what is no CID.
   */
  open(file: FileRef | BlobHandle | string, options: OpenOptions = {}): AsyncIterable<Uint8Array> {
    return this.#data.open(file, options);
  }

  /** Asks the hub something; `Calls` has the methods. */
  call<M extends CallMethod>(
    method: M,
    params: Calls[M]["params"],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Calls[M]["value"]> {
    return this.#session.call(method, params, options);
  }

  /**
   * Follows what pages show of a hub: calls back with all that there is to see, now and a few times a second while it
   * changes, over breaks of the connection too. Gives what ends it.
   */
  follow(topic: TopicName, of: string, options: FollowOptions): () => void {
    return this.#session.live.follow(topic, of, options);
  }

  status(): Promise<HubStatus> {
    return this.call("status", {});
  }

  workers(): Promise<readonly WorkerSummary[]> {
    return this.call("workers", {});
  }

  /** Everybody of whom the hub knows something, or who is connected: who is proven, who is suspect. */
  people(): Promise<readonly PersonSummary[]> {
    return this.call("people", {});
  }

  /** The leader board: who was credited with how much, of one project or of all; the most first. */
  credit(options: { readonly project?: string } = {}): Promise<readonly CreditSummary[]> {
    return this.call("credit", options);
  }

  jobs(options: { readonly limit?: number } = {}): Promise<readonly JobSummary[]> {
    return this.call("jobs", options);
  }

  /** Leaves. Maps and runs that are under way are cancelled; submitted jobs go on. */
  async close(): Promise<void> {
    const error = new MusketeersError("JOB_CANCELLED", "The cluster was closed", {
      hint: "Await what runs before closing, or use submit().",
    });
    for (const batches of [...this.#batches.values()]) {
      for (const batch of [...batches.values()]) batch.close(error);
    }
    this.#session.close();
    await this.#session.tracer?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #batch(task: Runnable, overrides: TaskOptions): RunBatch {
    const key = JSON.stringify(overrides);
    let batches = this.#batches.get(task);
    if (batches === undefined) {
      batches = new Map();
      this.#batches.set(task, batches);
    }
    const found = batches.get(key);
    if (found !== undefined) return found;
    const created = new RunBatch(this.#host, task, overrides, () => {
      if (batches.get(key) === created) batches.delete(key);
      if (batches.size === 0 && this.#batches.get(task) === batches) this.#batches.delete(task);
    });
    batches.set(key, created);
    return created;
  }
}
