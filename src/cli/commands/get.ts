import { join } from "node:path";
import type { Command } from "commander";
import type { Cluster, Dataset } from "../../client/index.ts";
import type { SavedFile, SaveOptions } from "../../client/node.ts";
import { keepHeapLean } from "../../heap/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { parseDatasetPath } from "../arguments/dataset-argument.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { withInterrupt } from "../interrupt.ts";
import { bytes, plural, printableLine } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { TransferLine } from "../render/transfer.ts";

interface GetOptions extends HubOption {
  readonly force?: boolean;
}

interface Saved {
  readonly to: string;
  readonly files: number;
  readonly bytes: number;
  readonly keptBytes: number;
}

const notHere = (text: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", "get saves files, and does not print them", {
    hint: `musketeers cat ${text} prints one; to save it under the name -, say ./-.`,
  });

/** How much is to come, where that is cheap to know. */
async function totalOf(dataset: Dataset, path: string, signal: AbortSignal): Promise<number> {
  if (path !== "") return 0;
  return dataset.stat({ signal }).then(
    (stat) => stat.bytes,
    () => 0,
  );
}

async function save(
  cluster: Cluster,
  text: string,
  to: string | undefined,
  options: SaveOptions,
): Promise<Saved> {
  const { isFolder, saveFile, saveFolder } = await import("../../client/node.ts");
  const { dataset: name, path } = parseDatasetPath(text);
  const dataset = cluster.dataset(name);
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const found = await dataset.lookUp(path, call);
  const base = path.split("/").at(-1) || name;
  if (found.kind === "file") {
    const isInside = to !== undefined && (to.endsWith("/") || (await isFolder(to).catch(() => false)));
    const target = to === undefined ? base : isInside ? join(to, base) : to;
    const ref = { cid: found.cid, bytes: found.bytes ?? 0, name: base };
    const keptBytes = await saveFile(ref, target, dataset.blocks, options);
    options.onFile?.({ path: base, ...ref, keptBytes });
    return { to: target, files: 1, bytes: ref.bytes, keptBytes };
  }
  const target = to ?? base;
  const totals = { files: 0, bytes: 0, keptBytes: 0 };
  const onFile = (file: SavedFile) => {
    totals.files++;
    totals.bytes += file.bytes;
    totals.keptBytes += file.keptBytes;
    options.onFile?.(file);
  };
  await saveFolder(found.cid, target, dataset.blocks, { ...options, onFile });
  return { to: target, ...totals };
}

export function addGet(program: Command, context: Context): void {
  const command = withHubOptions(program.command("get"))
    .argument("<dataset>", "a name or CID, with a path behind it or none")
    .argument("[target]", "where to (default: what it is called, here)")
    .option("--force", "replace files that are there and hold something else")
    .action(async (text: string, target: string | undefined, options: GetOptions) => {
      keepHeapLean();
      if (target === "-") throw notHere(text);
      const { terminal, outStyle } = context;
      using line = new TransferLine(terminal, terminal.errIsTTY && !options.json);
      const state = { bytes: 0, bytesTotal: 0, files: 0, path: "" };
      const saved = await withInterrupt((signal) =>
        withCluster(context, { ...options, signal }, async (cluster) => {
          const { dataset, path } = parseDatasetPath(text);
          state.bytesTotal = await totalOf(cluster.dataset(dataset), path, signal);
          return save(cluster, text, target, {
            signal,
            ...(options.force === undefined ? {} : { force: options.force }),
            onBytes: (more) => {
              state.bytes += more;
              state.bytesTotal = Math.max(state.bytes, state.bytesTotal);
              line.set(state);
            },
            onFile: (file) => {
              state.files++;
              state.path = file.path;
            },
          });
        }),
      ).finally(() => line.clear());
      if (options.json) return terminal.out(jsonLine(saved));
      const kept = saved.keptBytes === 0 ? "" : `, ${bytes(saved.keptBytes)} were there already`;
      const what = outStyle.dim(`${plural(saved.files, "file")}, ${bytes(saved.bytes)}${kept}`);
      terminal.out(`${printableLine(saved.to)}  ${what}\n`);
    });
  withExamples(
    command,
    ["musketeers get books", "into the folder books"],
    ["musketeers get books out/", "into another folder"],
    ["musketeers get books/alice.txt", "one file"],
    ["musketeers get books/alice.txt texts/", "one file, into a folder"],
  );
}
