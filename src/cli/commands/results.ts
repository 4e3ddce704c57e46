import type { Command } from "commander";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { ResultWriter } from "../results.ts";
import { listenForStop, signalStatus } from "../stop.ts";

interface ResultsOptions extends HubOption {
  readonly ordered?: boolean;
  readonly values?: boolean;
}

async function results(id: string, options: ResultsOptions, context: Context): Promise<void> {
  const { terminal, errStyle } = context;
  using stopper = listenForStop();
  const { signal } = stopper;
  const writer = new ResultWriter(terminal, options.values === true);
  try {
    await withCluster(context, { ...options, signal }, async (cluster) => {
      const job = cluster.job(id);
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
  const command = withHubOptions(
    program
      .command("results")
      .argument("<job>", "the job's id")
      .description("a job's results as JSON lines: those that are there, then the others as they finish"),
  )
    .option("--ordered", "in the order of the inputs")
    .option("--values", "print the bare values; what failed is summed up at the end")
    .action((job: string, options: ResultsOptions) => results(job, options, context));
  withExamples(command, [
    "musketeers results 01jd… --ordered > results.jsonl",
    "index and value or error, a line each",
  ]);
}
