import { type Command, Option } from "commander";
import type { Cluster, LoadedTask, TaskOptions } from "../../client/index.ts";
import { defaultLimits, MusketeersError, PRIORITY_MAX } from "../../protocol/index.ts";
import { type InputFormat, inputFormats, openInputs, parseInputs } from "../arguments/inputs.ts";
import {
  type Context,
  type HubOption,
  integerArgument,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { duration, plural } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine, progressText } from "../render/progress.ts";
import { ResultWriter } from "../render/results.ts";
import { listenForStop, signalStatus } from "../stop.ts";
import {
  addMapReduceOptions,
  detachMapReduce,
  type MapReduceCommandOptions,
  runMapReduce,
} from "./run-map-reduce.ts";

interface RunOptions extends HubOption, Partial<MapReduceCommandOptions> {
  readonly inputs?: string;
  readonly format: InputFormat;
  readonly detach?: boolean;
  readonly ordered?: boolean;
  readonly values?: boolean;
  readonly retries?: number;
  readonly timeout?: string;
  readonly memory?: string;
  readonly net?: readonly string[];
  readonly priority?: number;
}

/** `stock.ts#getTable` as the file and the export's name. */
export function splitTarget(target: string): {
  readonly file: string;
  readonly exportName: string | undefined;
} {
  const at = target.lastIndexOf("#");
  if (at <= 0) return { file: target, exportName: undefined };
  return { file: target.slice(0, at), exportName: target.slice(at + 1) || undefined };
}

const overridesOf = ({ retries, timeout, memory, net, priority }: RunOptions): TaskOptions => ({
  ...(retries === undefined ? {} : { retries }),
  ...(timeout === undefined ? {} : { timeout: timeout as `${number}s` }),
  ...(memory === undefined ? {} : { memory: memory as `${number}MB` }),
  ...(net === undefined ? {} : { net }),
  ...(priority === undefined ? {} : { priority }),
});

interface Running {
  readonly cluster: Cluster;
  readonly task: LoadedTask;
  readonly inputs: AsyncIterable<unknown>;
  readonly options: RunOptions;
  readonly context: Context;
  readonly signal: AbortSignal;
}

/** Hands the job over and leaves. */
async function detach({ cluster, task, inputs, options, context, signal }: Running): Promise<void> {
  const job = await cluster.submit(task, inputs, { ...overridesOf(options), signal });
  const { terminal, errStyle } = context;
  const summary = await job.status();
  terminal.out(options.json ? jsonLine(summary) : `${job.id}\n`);
  if (!options.json) {
    terminal.err(
      `${errStyle.dim(`${plural(summary.size, "input")} handed over. Look: musketeers job ${job.id}; collect: musketeers results ${job.id}`)}\n`,
    );
  }
}

/** Stays, prints results as they come, and shows how far it is. */
async function attach({ cluster, task, inputs, options, context, signal }: Running): Promise<void> {
  const { terminal, errStyle } = context;
  const writer = new ResultWriter(terminal, options.values === true);
  const line = new LiveLine(terminal, terminal.errIsTTY && !options.json);
  /** Those that have sent results so far. */
  const workers = new Set<string>();
  const startedAtMs = terminal.now();
  const elapsedMs = () => terminal.now() - startedAtMs;
  const results = cluster.map(task, inputs, {
    ...overridesOf(options),
    ordered: options.ordered === true,
    signal,
    onProgress: (progress) =>
      line.set(progressText({ ...progress, workers: workers.size }, elapsedMs(), terminal.columns)),
  });
  try {
    for await (const result of results) {
      workers.add(result.worker);
      const write = () => writer.write(result, { input: result.input });
      if (terminal.outIsTTY) line.above(write);
      else write();
      await terminal.drained();
    }
  } finally {
    line.clear();
  }
  if (writer.failed > 0) {
    terminal.err(writer.failureSummary(errStyle));
    throw new ExitStatus(1);
  }
  if (!options.json) {
    terminal.err(
      `${errStyle.dim(`${task.title}: ${plural(writer.done, "input")} in ${duration(elapsedMs())}`)}\n`,
    );
  }
}

/** A map-reduce reads datasets, a task lines. */
function checkInputOptions(task: LoadedTask, { input, inputs, output, top }: RunOptions): void {
  if (task.shuffle === true && (input === undefined || inputs !== undefined)) {
    throw new MusketeersError("BAD_ARGUMENT", `${task.title} is a map-reduce, which reads a dataset`, {
      hint: "Name one: --input books. `musketeers put` makes one, `musketeers ls` lists them.",
    });
  }
  if (task.shuffle !== true && (input ?? output ?? top) !== undefined) {
    throw new MusketeersError("BAD_ARGUMENT", `${task.title} is a task, and no map-reduce`, {
      hint: "Give its inputs a line each: --inputs FILE.",
    });
  }
}

/** Words behind the file look like inputs to whoever writes them there. */
function checkNoMore(target: string, more: readonly string[]): void {
  if (more.length === 0) return;
  throw new MusketeersError("BAD_ARGUMENT", `Inputs do not stand behind the file: ${more.join(" ")}`, {
    hint: `They come from a pipe or a file, one a line: printf '%s\\n' ${more.map(quoted).join(" ")} | musketeers run ${quoted(target)}. Datasets: --input NAME.`,
  });
}

/** As a shell reads it. */
const quoted = (word: string): string =>
  /^[\w./:@%+,=-]+(#\w+)?$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

async function run(target: string, options: RunOptions, context: Context): Promise<void> {
  using stopper = listenForStop();
  const { signal } = stopper;
  const { file, exportName } = splitTarget(target);
  const { loadTask } = await import("../../client/node.ts");
  try {
    const task = await loadTask(file, exportName, { signal });
    checkInputOptions(task, options);
    if (task.shuffle === true) {
      const overrides = overridesOf(options);
      const given = options as MapReduceCommandOptions;
      await withCluster(context, { ...options, signal }, (cluster) => {
        const running = { cluster, task, overrides, options: given, context, signal };
        return options.detach === true ? detachMapReduce(running) : runMapReduce(running);
      });
      return;
    }
    const inputs = parseInputs(openInputs(options.inputs, context.terminal), options.format);
    await withCluster(context, { ...options, signal }, (cluster) => {
      const running = { cluster, task, inputs, options, context, signal };
      return options.detach ? detach(running) : attach(running);
    });
  } catch (error) {
    if (signal.aborted) throw new ExitStatus(signalStatus(signal.reason));
    throw error;
  }
}

export function addRun(program: Command, context: Context): void {
  const command = withHubOptions(
    program
      .command("run")
      .argument(
        "<file[#export]>",
        "a TypeScript or JavaScript file, and which of its tasks where it has several",
      ),
  )
    .option("--inputs <file>", "the inputs, one a line; - for standard input (default: what is piped in)")
    .addOption(
      new Option("--format <format>", "how lines are read; auto: as JSON where the first one is")
        .choices(inputFormats)
        .default("auto"),
    )
    .option("--ordered", "results in the order of the inputs")
    .option("--values", "print the bare values; what failed is summed up at the end")
    .option("--detach", "print the job's id and leave; `results` collects later")
    .option(
      "--retries <n>",
      "tries again for an input that throws",
      integerArgument(0, defaultLimits.taskRetriesMax),
    )
    .option("--timeout <time>", "for one input, such as 30s or 5m")
    .option("--memory <size>", "that the task may use, such as 512MB")
    .option(
      "--net <host>",
      "a host that the task may reach; may be repeated",
      (host, before?: readonly string[]) => [...(before ?? []), host],
    )
    .option(
      "--priority <n>",
      "-8 to 8; each step doubles its share",
      integerArgument(-PRIORITY_MAX, PRIORITY_MAX),
    )
    .allowExcessArguments()
    .action((target: string, options: RunOptions, { args }: Command) => {
      checkNoMore(target, args.slice(1));
      return run(target, options, context);
    });
  addMapReduceOptions(command);
  withExamples(
    command,
    ["musketeers run stock.ts#getTable --inputs ids.txt", "a line an input, a line a result"],
    ["seq 1000 | musketeers run square.ts --ordered --values", "numbers, because they are JSON"],
    ["musketeers run stock.ts --inputs ids.txt --detach", "then: musketeers results JOB"],
    ["musketeers run wordcount.ts --input books --top 10", "a map-reduce over a dataset"],
  );
}
