import type { Command } from "commander";
import type { Job } from "../../client/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { ResultWriter } from "../render/results.ts";
import { listenForStop, signalStatus } from "../stop.ts";
import { addPairsOptions, givePairs, type PairsOptions } from "./run-map-reduce.ts";

interface ResultsOptions extends HubOption, PairsOptions {
  readonly ordered?: boolean;
  readonly values?: boolean;
}

/** Whether a job is a map-reduce, and prints or saves its pairs where it is. */
async function isMapReduce(job: Job, options: ResultsOptions, context: Context, signal: AbortSignal) {
  const { stages, title } = await job.status();
  if (stages !== undefined) {
    await givePairs(await job.pairs({ signal }), options, context);
    return true;
  }
  if ((options.output ?? options.top) === undefined) return false;
  throw new MusketeersError("BAD_ARGUMENT", `${title} is a task, and no map-reduce`, {
    hint: "--output and --top are for pairs of keys and values.",
  });
}

async function results(id: string, options: ResultsOptions, context: Context): Promise<void> {
  const { terminal, errStyle } = context;
  using stopper = listenForStop();
  const { signal } = stopper;
  const writer = new ResultWriter(terminal, options.values === true);
  try {
    await withCluster(context, { ...options, signal }, async (cluster) => {
      const job = cluster.job(id);
      if (await isMapReduce(job, options, context, signal)) return;
      for await (const result of job.results({ ordered: options.ordered === true, signal })) {
        writer.write(result, { index: result.index });
        await terminal.drained();
      }
    });
  } catch (error) {
    // The job goes on without its reader.
    if (signal.aborted) throw new ExitStatus(signalStatus(signal.reason));
    throw error;
  }
  if (writer.failed > 0) {
    terminal.err(writer.failureSummary(errStyle));
    throw new ExitStatus(1);
  }
}

export function addResults(program: Command, context: Context): void {
  const command = withHubOptions(program.command("results").argument("<job>", "the job's id"))
    .option("--ordered", "in the order of the inputs")
    .option("--values", "print the bare values; what failed is summed up at the end")
    .action((job: string, options: ResultsOptions) => results(job, options, context));
  addPairsOptions(command);
  withExamples(
    command,
    ["musketeers results 01jd… --ordered > results.jsonl", "index and value or error, a line each"],
    ["musketeers results 01jd… --top 10", "of a map-reduce: the greatest values"],
  );
}
