import type { Command } from "commander";
import { type Calls, type JobSummary, PRIORITY_MAX } from "../../protocol/index.ts";
import {
  type Context,
  type HubOption,
  integerArgument,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { count, printable } from "../render/format.ts";
import { stateText } from "../render/job-text.ts";
import { jsonLine } from "../render/json.ts";

type Change = Omit<Calls["adjust"]["params"], "job">;

/** What the job is now, in one line. */
const renderAdjusted = (job: JobSummary): string =>
  `${printable(job.job)} is ${stateText(job)}: ${count(job.done)} of ${count(job.size)} inputs are done, priority ${job.priority}.\n`;

async function adjust(context: Context, job: string, change: Change, options: HubOption): Promise<void> {
  const summary = await withCluster(context, options, (cluster) =>
    cluster.call("adjust", { job, ...change }),
  );
  context.terminal.out(options.json ? jsonLine(summary) : renderAdjusted(summary));
}

const jobCommand = (program: Command, name: string): Command =>
  withHubOptions(program.command(name).argument("<job>", "the job's id"));

/** `pause`: nothing more of a job is begun. */
export function addPause(program: Command, context: Context): void {
  const command = jobCommand(program, "pause").action((job: string, options: HubOption) =>
    adjust(context, job, { paused: true }, options),
  );
  withExamples(
    command,
    ["musketeers pause 01jd…", "it keeps what it has, also when the hub restarts"],
    ["musketeers worker pause 2h", "this machine's workers instead, for two hours"],
  );
}

/** `resume`: a paused job goes on. */
export function addResume(program: Command, context: Context): void {
  const command = jobCommand(program, "resume").action((job: string, options: HubOption) =>
    adjust(context, job, { paused: false }, options),
  );
  withExamples(command, ["musketeers resume 01jd…", "with its share of the cluster from now on"]);
}

/** `prioritise`: a job gets a larger or a smaller share. */
export function addPrioritise(program: Command, context: Context): void {
  const command = jobCommand(program, "prioritise")
    .argument(
      "<n>",
      `${-PRIORITY_MAX} to ${PRIORITY_MAX}; each step doubles the job's share among those that want the same workers`,
      integerArgument(-PRIORITY_MAX, PRIORITY_MAX),
    )
    .action((job: string, priority: number, options: HubOption) =>
      adjust(context, job, { priority }, options),
    );
  withExamples(
    command,
    ["musketeers prioritise 01jd… 2", "four times the share of an ordinary job"],
    ["musketeers prioritise 01jd… -- -3", "an eighth of it"],
  );
}
