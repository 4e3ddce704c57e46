import type { Command } from "commander";
import type { Cluster } from "../../client/index.ts";
import type { DatasetStatus, FileRef } from "../../protocol/index.ts";
import { parseDatasetPath } from "../arguments/dataset-argument.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { bytes, count, duration, printableLine } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";

const KEEPERS_NAMED = 3;

/** Which workers keep a dataset; dots behind a name say that it is still fetching. */
function keepersOf({ keptBy }: DatasetStatus): string {
  const names = keptBy.map(({ worker, whole }) => `${printableLine(worker)}${whole ? "" : "…"}`);
  const more = names.length - KEEPERS_NAMED;
  return [...names.slice(0, KEEPERS_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}

/** How many workers keep all of it, of how many that are to. */
function replicasOf({ replicas, keptBy }: DatasetStatus): string {
  const whole = keptBy.filter((keeper) => keeper.whole).length;
  return replicas === 0 && whole === 0 ? "0" : `${count(whole)} of ${count(replicas)}`;
}

const columns = (nowMs: number): readonly Column<DatasetStatus>[] => [
  { title: "DATASET", value: ({ name }) => printableLine(name) },
  { title: "FILES", value: ({ files }) => count(files), align: "right" },
  { title: "SIZE", value: (dataset) => bytes(dataset.bytes), align: "right" },
  { title: "REPLICAS", value: replicasOf, align: "right" },
  { title: "KEPT BY", value: keepersOf },
  { title: "AGE", value: ({ createdAtMs }) => duration(nowMs - createdAtMs), align: "right" },
  { title: "OWNER", value: ({ owner }) => printableLine(owner) },
  { title: "CID", value: ({ cid }) => cid },
];

/** What the hub itself has not got, and what can be done about it. */
function lackOf({ name, lacks }: DatasetStatus, nowMs: number): string {
  if (lacks === undefined) return "";
  const blocks = `${count(lacks.blocks)} ${lacks.blocks === 1 ? "block" : "blocks"}`;
  return (
    `${printableLine(name)} lacks ${blocks} for ${duration(nowMs - lacks.sinceMs)}, and no connected worker keeps them. ` +
    `Start the trusted workers that do, put it again (only what is missing is sent), or give it up: musketeers rm ${printableLine(name)}\n`
  );
}

/** Datasets for people. */
export const renderDatasets = (datasets: readonly DatasetStatus[], nowMs: number, style: Style): string =>
  datasets.length === 0
    ? "No dataset yet. `musketeers put FOLDER --name NAME` stores one.\n"
    : renderTable(columns(nowMs), datasets, style.bold) +
      datasets
        .map((dataset) => lackOf(dataset, nowMs))
        .filter((line) => line !== "")
        .map((line) => style.bad(line))
        .join("");

const fileColumns: readonly Column<FileRef>[] = [
  { title: "SIZE", value: (file) => bytes(file.bytes), align: "right" },
  { title: "CID", value: ({ cid }) => cid },
  { title: "FILE", value: ({ name, cid }) => printableLine(name ?? cid) },
];

/** The files of a dataset, or below a path of it. */
async function filesOf(cluster: Cluster, text: string): Promise<readonly FileRef[]> {
  const { dataset, path } = parseDatasetPath(text);
  const found = cluster.dataset(dataset);
  const root = path === "" ? found : cluster.dataset((await found.lookUp(path)).cid);
  const files: FileRef[] = [];
  for await (const { cid, size, name } of root.files()) {
    const full = [path, name ?? ""].filter((part) => part !== "").join("/");
    files.push({ cid, bytes: size, name: full });
  }
  return files;
}

export function addLs(program: Command, context: Context): void {
  const command = withHubOptions(program.command("ls"))
    .argument("[dataset]", "a name or CID, with a path behind it or none")
    .action(async (dataset: string | undefined, options: HubOption) => {
      const { terminal, outStyle } = context;
      if (dataset === undefined) {
        const datasets = await withCluster(context, options, (cluster) => cluster.datasets());
        terminal.out(options.json ? jsonLine(datasets) : renderDatasets(datasets, terminal.now(), outStyle));
        return;
      }
      const files = await withCluster(context, options, (cluster) => filesOf(cluster, dataset));
      terminal.out(options.json ? jsonLine(files) : renderTable(fileColumns, files, outStyle.bold));
    });
  withExamples(
    command,
    ["musketeers ls", "what there is"],
    ["musketeers ls books", "its files, with their CIDs"],
    ["musketeers ls books/more", "those of a folder in it"],
  );
}
