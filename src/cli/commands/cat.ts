import type { Command } from "commander";
import type { Cluster } from "../../client/index.ts";
import { keepHeapLean } from "../../heap/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { bytesArgument, parseDatasetPath } from "../arguments/dataset-argument.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { withInterrupt } from "../interrupt.ts";
import type { Terminal } from "../terminal.ts";

interface CatOptions extends HubOption {
  readonly offset?: number;
  readonly length?: number;
}

/** Writes bytes to standard output as fast as it takes them. */
export async function writeAll(parts: AsyncIterable<Uint8Array>, terminal: Terminal): Promise<void> {
  for await (const part of parts) {
    terminal.outBytes(part);
    await terminal.drained();
  }
}

/** The files that are meant: one, or all of a dataset that is one file. */
async function fileOf(cluster: Cluster, text: string, signal: AbortSignal): Promise<string> {
  const { dataset, path } = parseDatasetPath(text);
  const found = await cluster.dataset(dataset).lookUp(path, { signal });
  if (found.kind === "file") return found.cid;
  const files: string[] = [];
  for await (const { cid } of cluster.dataset(found.cid).files({ signal })) {
    files.push(cid);
    if (files.length > 1) break;
  }
  if (files.length === 1) return files[0]!;
  throw new MusketeersError("BAD_ARGUMENT", `${text} is a folder of several files, or of none`, {
    hint: `Name one: musketeers ls ${text} lists them.`,
  });
}

export function addCat(program: Command, context: Context): void {
  const command = withHubOptions(program.command("cat"))
    .argument("<files...>", "a dataset and a path, such as books/alice.txt, or a CID")
    .option("--offset <size>", "skip so much of it", bytesArgument)
    .option("--length <size>", "print at most so much of it", bytesArgument)
    .action(async (texts: string[], { offset = 0, length, ...options }: CatOptions) => {
      keepHeapLean();
      const { movingBuffers } = await import("../../client/node.ts");
      await withInterrupt((signal) =>
        withCluster(context, { ...options, signal }, async (cluster) => {
          for (const text of texts) {
            const cid = await fileOf(cluster, text, signal);
            const end = length === undefined ? {} : { end: offset + length };
            const parts = cluster.open(cid, { start: offset, ...end, signal });
            await writeAll(movingBuffers(parts), context.terminal);
          }
        }),
      );
    });
  withExamples(
    command,
    ["musketeers cat books/alice.txt | head", "how it begins"],
    ["musketeers cat books/alice.txt --offset 1MB --length 1KB", "a part of it"],
  );
}
