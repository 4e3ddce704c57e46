import type { Command } from "commander";
import { defaultLimits, extentOf, type JobSummary } from "../../protocol/index.ts";
import {
  type Context,
  type HubOption,
  integerArgument,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { clip, count, duration, percent, printable } from "../render/format.ts";
import { doneText, stateText } from "../render/job-text.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";

const columns = (nowMs: number): readonly Column<JobSummary>[] => [
  { title: "JOB", value: ({ job }) => printable(job) },
  { title: "TASK", value: ({ title }) => clip(printable(title), 32) },
  { title: "DONE", value: doneText, align: "right" },
  { title: "", value: (job) => percent(extentOf(job).done, extentOf(job).size), align: "right" },
  { title: "FAILED", value: ({ failed }) => count(failed), align: "right" },
  { title: "AGE", value: ({ submittedAtMs }) => duration(nowMs - submittedAtMs), align: "right" },
  { title: "STATE", value: stateText },
];

/** Jobs for people, the newest last. */
export const renderJobs = (jobs: readonly JobSummary[], nowMs: number, style: Style): string =>
  jobs.length === 0
    ? "No job yet. `musketeers run FILE.ts --inputs FILE` submits one.\n"
    : renderTable(
        columns(nowMs),
        [...jobs].sort((left, right) => left.submittedAtMs - right.submittedAtMs),
        style.bold,
      );

export function addJobs(program: Command, context: Context): void {
  const command = withHubOptions(program.command("jobs"))
    .option("--limit <n>", "at most so many, the newest", integerArgument(1, defaultLimits.listRowsMax))
    .action(async (options: HubOption & { limit?: number }) => {
      const params = options.limit === undefined ? {} : { limit: options.limit };
      const jobs = await withCluster(context, options, (cluster) => cluster.call("jobs", params));
      const { terminal, outStyle } = context;
      terminal.out(options.json ? jsonLine(jobs) : renderJobs(jobs, terminal.now(), outStyle));
    });
  withExamples(command, ["musketeers jobs --limit 10", "the ten newest"]);
}
