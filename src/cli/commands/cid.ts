import type { Command } from "commander";
import type { LeftOut } from "../../client/index.ts";
import { chunkBytesOption, chunkerOption } from "../arguments/dataset-argument.ts";
import { tellLeftOut } from "../arguments/left-out.ts";
import { type Context, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { printableLine } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

export function addCid(program: Command, context: Context): void {
  const command = program
    .command("cid")
    .argument("<paths...>", "files and folders; - for standard input")
    .addOption(chunkerOption())
    .addOption(jsonOption())
    .action(async (paths: string[], options: JsonOption & { readonly chunker?: number }) => {
      const { cidOfContent, cidOfPath } = await import("../../client/node.ts");
      const { terminal } = context;
      const leftOut: LeftOut[] = [];
      const chunk = chunkBytesOption(options.chunker);
      const reading = { ...chunk, onLeftOut: (entry: LeftOut) => void leftOut.push(entry) };
      const found: { path: string; cid: string }[] = [];
      for (const path of paths) {
        const input = terminal.input as AsyncIterable<Uint8Array>;
        const cid = path === "-" ? await cidOfContent(input, chunk) : await cidOfPath(path, reading);
        found.push({ path, cid });
        if (!options.json) terminal.out(paths.length === 1 ? `${cid}\n` : `${cid}  ${printableLine(path)}\n`);
      }
      if (options.json) terminal.out(jsonLine(found));
      tellLeftOut(context, leftOut);
    });
  withExamples(
    command,
    ["musketeers cid alice.txt", "the CID that `ipfs add --cid-version=1` gives, too"],
    ["musketeers cid *.txt", "of several"],
  );
}
