import type { Command } from "commander";
import type { Cluster, LoadedTask, Pairs, Progress, TaskOptions } from "../../client/index.ts";
import { checkDatasetName, defaultLimits, MusketeersError } from "../../protocol/index.ts";
import { bytesArgument, parseDatasetPath } from "../arguments/dataset-argument.ts";
import { type Context, integerArgument } from "../context.ts";
import { duration, plural } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine, progressText } from "../render/progress.ts";

/** What becomes of the pairs that a map-reduce gives. */
export interface PairsOptions {
  readonly output?: string;
  readonly replace?: boolean;
  readonly top?: number;
  readonly json?: boolean;
}

/** Options of `run` that are about map-reduces. */
export interface MapReduceCommandOptions extends PairsOptions {
  readonly input: readonly string[];
  readonly partitions?: number;
  readonly segmentBytes?: number;
  readonly detach?: boolean;
}

interface Running {
  readonly cluster: Cluster;
  readonly task: LoadedTask;
  readonly overrides: TaskOptions;
  readonly options: MapReduceCommandOptions;
  readonly context: Context;
  readonly signal: AbortSignal;
}

/** Options for what becomes of pairs. */
export function addPairsOptions(command: Command): void {
  command
    .option("--output <dataset>", "of a map-reduce: saves the result under this name instead of printing it")
    .option("--replace", "with --output: take the name from the dataset that has it")
    .option("--top <n>", "of a map-reduce: prints the greatest values only", integerArgument(1, 1_000_000));
}

export function addMapReduceOptions(command: Command): void {
  command.option(
    "--input <dataset[/path]>",
    "of a map-reduce: what it reads; may be repeated",
    (text: string, before?: readonly string[]) => [...(before ?? []), text],
  );
  addPairsOptions(command);
  command
    .option(
      "--partitions <n>",
      "of a map-reduce: into how many parts keys are divided",
      integerArgument(1, defaultLimits.partitionsMax),
    )
    .option(
      "--segment-bytes <size>",
      "of a map-reduce: about how much each map gets, such as 8MB",
      bytesArgument,
    );
}

/** The files that are named, of all datasets. */
async function* filesOf(cluster: Cluster, names: readonly string[]) {
  for (const name of names) {
    const { dataset, path } = parseDatasetPath(name);
    const found = cluster.dataset(dataset);
    if (path === "") yield* found.files();
    else yield await found.file(path);
  }
}

/** How far both stages are together, in one line. */
function stagesText(progress: Progress, elapsedMs: number, columns: number): string {
  const stages = progress.stages ?? [];
  const [map] = stages;
  const isReducing = map?.sealed === true && map.done >= map.size;
  const stage = isReducing ? stages.at(-1) : map;
  if (stage === undefined) return progressText(progress, elapsedMs, columns);
  const { done, failed, size, sealed } = stage;
  const state = { done, failed, size, sealed, waiting: progress.waiting };
  const kind = `${stage.kind}  `;
  return kind + progressText(state, elapsedMs, columns - kind.length);
}

/** What the SDK is to be told. */
const submissionOf = ({ cluster, overrides, options, signal }: Running) => ({
  ...overrides,
  input: filesOf(cluster, options.input),
  ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
  ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
  signal,
});

/** Hands a map-reduce over and leaves. */
export async function detachMapReduce(running: Running): Promise<void> {
  const { cluster, task, options, context } = running;
  const { terminal, errStyle } = context;
  if ((options.output ?? options.top) !== undefined) {
    throw new MusketeersError("BAD_ARGUMENT", "--output and --top say what to do with results", {
      hint: "Leave them to `musketeers results JOB`, which takes both.",
    });
  }
  const job = await cluster.submitMapReduce(task, submissionOf(running));
  if (options.json === true) {
    terminal.out(jsonLine(await job.status()));
    return;
  }
  terminal.out(`${job.id}\n`);
  const next = `Look: musketeers job ${job.id}; collect: musketeers results ${job.id}`;
  terminal.err(`${errStyle.dim(`${task.title} was handed over. ${next}`)}\n`);
}

/** Refuses a name that cannot be given to the result before anything is computed for it. */
async function checkOutput(cluster: Cluster, { output, replace }: PairsOptions): Promise<void> {
  if (output === undefined) return;
  checkDatasetName(output);
  const taken = await cluster
    .dataset(output)
    .stat()
    .catch((error: unknown) => {
      if (error instanceof MusketeersError && error.code === "NOT_FOUND") return undefined;
      throw error;
    });
  if (taken === undefined || replace === true) return;
  throw new MusketeersError("DATASET_EXISTS", `There is a dataset ${output} already: ${taken.cid}`);
}

/** Runs a map-reduce, and prints or saves what it gives. */
export async function runMapReduce(running: Running): Promise<void> {
  const { cluster, task, options, context } = running;
  await checkOutput(cluster, options);
  const { terminal, errStyle } = context;
  const line = new LiveLine(terminal, terminal.errIsTTY && options.json !== true);
  const startedAtMs = terminal.now();
  const elapsedMs = () => terminal.now() - startedAtMs;
  let pairs: Pairs;
  try {
    pairs = await cluster.mapReduce(task, {
      ...submissionOf(running),
      onProgress: (progress) => line.set(stagesText(progress, elapsedMs(), terminal.columns)),
    });
  } finally {
    line.clear();
  }
  if (options.json !== true) {
    const text = `${task.title}: ${plural(pairs.size, "pair")} in ${duration(elapsedMs())}`;
    terminal.err(`${errStyle.dim(text)}\n`);
  }
  await givePairs(pairs, options, context);
}

/** Prints pairs or saves them. */
export async function givePairs(pairs: Pairs, options: PairsOptions, context: Context): Promise<void> {
  if (options.output !== undefined) await save(pairs, options.output, options, context);
  else await print(pairs, options.top, context);
}

async function print(pairs: Pairs, top: number | undefined, { terminal }: Context): Promise<void> {
  for await (const pair of top === undefined ? pairs.sorted() : pairs.top(top)) {
    terminal.out(jsonLine(pair));
    await terminal.drained();
  }
}

async function save(
  pairs: Pairs,
  name: string,
  { replace, json }: PairsOptions,
  { terminal }: Context,
): Promise<void> {
  const dataset = await pairs.save(name, replace === undefined ? {} : { replace });
  const cid = await dataset.cid();
  terminal.out(json === true ? jsonLine({ name, cid, pairs: pairs.size }) : `${cid}  ${name}\n`);
}
