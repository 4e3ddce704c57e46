import type { Command } from "commander";
import type { WorkerSummary } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { bytes, clip, count, duration, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";

const columns = (nowMs: number): readonly Column<WorkerSummary>[] => [
  { title: "WORKER", value: ({ name }) => clip(printable(name), 32) },
  { title: "MACHINE", value: ({ platform, arch }) => printable(`${platform}/${arch}`) },
  { title: "MEMORY", value: ({ memoryBytes }) => bytes(memoryBytes), align: "right" },
  { title: "SANDBOX", value: ({ sandbox }) => sandbox },
  { title: "SLOTS", value: ({ busySlots, slots }) => `${count(busySlots)}/${count(slots)}`, align: "right" },
  { title: "DONE", value: ({ inputsDone }) => count(inputsDone), align: "right" },
  { title: "FAILED", value: ({ inputsFailed }) => count(inputsFailed), align: "right" },
  { title: "HERE FOR", value: ({ connectedAtMs }) => duration(nowMs - connectedAtMs), align: "right" },
  {
    title: "NOW",
    value: ({ draining, running }) =>
      draining ? "leaving" : clip(printable(running.join(", ")), 40) || "idle",
  },
];

/** The connected workers for people. */
export const renderWorkers = (workers: readonly WorkerSummary[], nowMs: number, style: Style): string =>
  workers.length === 0
    ? "No worker is connected. `musketeers invite --role worker` gives the line that adds one.\n"
    : renderTable(columns(nowMs), workers, style.bold);

export function addWorkers(program: Command, context: Context): void {
  const command = withHubOptions(program.command("workers")).action(async (options: HubOption) => {
    const workers = await withCluster(context, options, (cluster) => cluster.call("workers", {}));
    const { terminal, outStyle } = context;
    terminal.out(options.json ? jsonLine(workers) : renderWorkers(workers, terminal.now(), outStyle));
  });
  withExamples(command, ["musketeers workers", "who is here, and what they do"]);
}
