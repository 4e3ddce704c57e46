import type { Command } from "commander";
import type {
  Cluster,
  LeftOut,
  PutFile,
  PutFiles,
  PutOptions,
  PutProgress,
  SourceFile,
} from "../../client/index.ts";
import { keepHeapLean } from "../../heap/index.ts";
import { chunkBytesOption, chunkerOption } from "../arguments/dataset-argument.ts";
import { tellLeftOut } from "../arguments/left-out.ts";
import {
  type Context,
  type HubOption,
  integerArgument,
  withCluster,
  withExamples,
  withHubOptions,
} from "../context.ts";
import { withInterrupt } from "../interrupt.ts";
import { bytes, plural, printableLine } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { TransferLine } from "../render/transfer.ts";
import type { Terminal } from "../terminal.ts";

interface PutCommandOptions extends HubOption {
  readonly name?: string;
  readonly replace?: boolean;
  readonly replicas?: number;
  readonly chunker?: number;
}

/** Files that are listed one by one for people; of more only their folder is. */
const FILES_SHOWN = 20;
const REPLICAS_MAX = 100;
const STDIN_NAME = "stdin";

/** What is to be put: one path as it is; of several each under its own name; standard input for `-`. */
async function sourceOf(
  paths: readonly string[],
  name: string | undefined,
  { input }: Terminal,
  onLeftOut: (entry: LeftOut) => void,
): Promise<PutFiles> {
  const { isFolder, listPath, movingBuffers } = await import("../../client/node.ts");
  const [only, ...others] = paths;
  if (only !== undefined && only !== "-" && others.length === 0) return only;
  async function* files(): AsyncGenerator<SourceFile> {
    for (const path of paths) {
      if (path === "-") {
        yield { path: name ?? STDIN_NAME, content: () => movingBuffers(input as AsyncIterable<Uint8Array>) };
        continue;
      }
      const folder = (await isFolder(path)) ? path.split("/").filter(Boolean).at(-1) : undefined;
      const isNamed = folder !== undefined && folder !== "." && folder !== "..";
      for await (const file of listPath(path, onLeftOut)) {
        yield isNamed ? { ...file, path: `${folder}/${file.path}` } : file;
      }
    }
  }
  return { files: files() };
}

interface Put {
  readonly name: string | null;
  readonly cid: string;
  readonly files: readonly PutFile[];
  readonly progress: PutProgress;
}

async function put(cluster: Cluster, source: PutFiles, options: PutOptions): Promise<Put> {
  let progress: PutProgress = {
    files: 0,
    bytes: 0,
    bytesTotal: 0,
    storedBytes: 0,
    sentBytes: 0,
    path: "",
  };
  const files: PutFile[] = [];
  const dataset = await cluster.put(source, {
    ...options,
    onProgress: (state) => {
      progress = state;
      options.onProgress?.(state);
    },
    onFile: (file) => files.push(file),
  });
  return { name: options.name ?? null, cid: await dataset.cid(), files, progress };
}

function report({ terminal, outStyle, errStyle }: Context, { name, cid, files, progress }: Put): void {
  if (files.length <= FILES_SHOWN) {
    for (const file of files) terminal.out(`${file.cid}  ${printableLine(file.path)}\n`);
  }
  const what = `${plural(files.length, "file")}, ${bytes(progress.bytes)}; ${bytes(progress.sentBytes)} sent`;
  terminal.out(`${cid}  ${outStyle.bold(name ?? "")}${name === null ? "" : "  "}${outStyle.dim(what)}\n`);
  if (name !== null) return;
  const note = "It has no name: it is forgotten after a day unless a job uses it. --name NAME keeps it.";
  terminal.err(`${errStyle.dim(note)}\n`);
}

function tellWaiting({ terminal, errStyle }: Context, why: string): void {
  const what = `The hub stores no more for now, and is asked again until it does: ${printableLine(why)}`;
  terminal.err(`${errStyle.dim(what)}\n`);
}

export function addPut(program: Command, context: Context): void {
  const command = withHubOptions(program.command("put"))
    .argument("<paths...>", "files and folders; - for standard input")
    .option("--name <name>", "keep it under this name")
    .option("--replace", "take the name from the dataset that has it")
    .option(
      "--replicas <k>",
      "workers that are to keep it, besides the hub",
      integerArgument(0, REPLICAS_MAX),
    )
    .addOption(chunkerOption())
    .action(async (paths: string[], options: PutCommandOptions) => {
      keepHeapLean();
      const { terminal } = context;
      const { name, replace, replicas, chunker } = options;
      using line = new TransferLine(terminal, terminal.errIsTTY && !options.json);
      const leftOut: LeftOut[] = [];
      let waiting = "";
      let progress: PutProgress | undefined;
      const show = (): void => {
        if (progress !== undefined) line.set({ ...progress, bytes: progress.storedBytes, waiting });
      };
      const onLeftOut = (entry: LeftOut) => void leftOut.push(entry);
      const stored = await withInterrupt((signal) =>
        withCluster(context, { ...options, signal }, async (cluster) =>
          put(cluster, await sourceOf(paths, name, terminal, onLeftOut), {
            onLeftOut,
            ...chunkBytesOption(chunker),
            ...(name === undefined ? {} : { name }),
            ...(replace === undefined ? {} : { replace }),
            ...(replicas === undefined ? {} : { replicas }),
            signal,
            onProgress: (state) => {
              progress = state;
              show();
            },
            onWaiting: (why) => {
              waiting = why === undefined ? "" : "the hub's disk refuses";
              show();
              if (why !== undefined) line.above(() => tellWaiting(context, why.message));
            },
          }),
        ),
      ).finally(() => line.clear());
      if (!options.json) {
        report(context, stored);
        return tellLeftOut(context, leftOut);
      }
      const { cid, files } = stored;
      const { bytes, sentBytes } = stored.progress;
      terminal.out(jsonLine({ name: stored.name, cid, bytes, sentBytes, files, leftOut }));
    });
  withExamples(
    command,
    ["musketeers put books/ --name books", "a folder with all that is in it"],
    ["musketeers put a.csv b.csv --name tables", "several files"],
    ["pg_dump db | musketeers put - --name dump.sql", "what another program writes"],
    ["musketeers put books/ --name books --replace", "again: only what changed is sent"],
  );
}
