import type { Command } from "commander";
import type { JobDetails, StageProgress } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { count, duration, percent, printable } from "../render/format.ts";
import { renderShares, stateText } from "../render/job-text.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { renderFields } from "../render/table.ts";

const doneText = ({ done, size, sealed }: Pick<StageProgress, "done" | "size" | "sealed">): string =>
  `${count(done)} of ${count(size)}${sealed ? "" : " so far"} done (${percent(done, size)})`;

/** One stage of a shuffle. */
const stageField = (stage: StageProgress): readonly [name: string, text: string] => {
  const { kind, running, lost } = stage;
  const text = doneText(stage).replace(" done", kind === "map" ? " segments done" : " partitions done");
  const extras = [
    running > 0 && `${count(running)} running`,
    lost > 0 && `${count(lost)} lost and made again`,
  ];
  return [kind, [text, ...extras.filter((extra) => extra !== false)].join(", ")];
};

/** One job in full, for people. */
export function renderJob(job: JobDetails, nowMs: number, style: Style): string {
  const { done, size, sealed, failed, running, retrying, submittedAtMs, endedAtMs } = job;
  const fields = renderFields([
    ["job", printable(job.job)],
    ["task", printable(job.title)],
    ["state", stateText(job)],
    ["reason", printable(job.reason)],
    ...(job.stages?.map(stageField) ?? [["inputs", doneText({ done, size, sealed })] as const]),
    ["failed", failed === 0 ? "" : count(failed)],
    ["running", running === 0 ? "" : count(running)],
    ["retrying", retrying === 0 ? "" : count(retrying)],
    ["took", duration((endedAtMs ?? nowMs) - submittedAtMs)],
  ]);
  const shares = renderShares(job.perWorker);
  const errors = job.errors
    .map(({ fingerprint, count: number }) => `${count(number)} ×  ${printable(fingerprint)}\n`)
    .join("");
  return [
    fields,
    shares && `\n${style.bold("Done by")}\n${shares}`,
    errors && `\n${style.bold("Errors")}\n${errors}`,
  ].join("");
}

/** `logs`: what a job's tasks printed. */
export function addLogs(program: Command, context: Context): void {
  const command = withHubOptions(program.command("logs").argument("<job>", "the job's id")).action(
    async (job: string, options: HubOption) => {
      const lines = await withCluster(context, options, (cluster) => cluster.call("logs", { job }));
      const { terminal, outStyle, errStyle } = context;
      if (options.json) terminal.out(lines.map(jsonLine).join(""));
      else if (lines.length === 0) terminal.err(`${errStyle.dim("Its tasks have printed nothing.")}\n`);
      else
        terminal.out(
          lines
            .map(({ worker, line }) => `${outStyle.dim(printable(worker))}  ${printable(line)}\n`)
            .join(""),
        );
    },
  );
  withExamples(command, ["musketeers logs 01jd…", "console.log of its tasks, by worker"]);
}

/** `cancel`: a job ends as it is. */
export function addCancel(program: Command, context: Context): void {
  const command = withHubOptions(program.command("cancel").argument("<job>", "the job's id")).action(
    async (job: string, options: HubOption) => {
      const summary = await withCluster(context, options, (cluster) => cluster.call("cancel", { job }));
      const { terminal } = context;
      if (options.json) terminal.out(jsonLine(summary));
      else
        terminal.out(
          `${printable(summary.job)} is ${summary.state}: ${count(summary.done)} of ${count(summary.size)} inputs are done.\n`,
        );
    },
  );
  withExamples(command, ["musketeers cancel 01jd…", "its workers stop at once"]);
}

/** `job`: one job, by its id. */
export function addJob(program: Command, context: Context): void {
  const command = withHubOptions(program.command("job").argument("<job>", "the job's id")).action(
    async (job: string, options: HubOption) => {
      const details = await withCluster(context, options, (cluster) => cluster.call("job", { job }));
      const { terminal, outStyle } = context;
      terminal.out(options.json ? jsonLine(details) : renderJob(details, terminal.now(), outStyle));
    },
  );
  withExamples(command, ["musketeers job 01jd…", "how far it is, who did it, what failed"]);
}
