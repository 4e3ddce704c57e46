import type { Command } from "commander";
import type { DatasetSummary } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

export function addRm(program: Command, context: Context): void {
  const command = withHubOptions(program.command("rm"))
    .argument("<datasets...>", "their names")
    .action(async (names: string[], options: HubOption) => {
      const removed = await withCluster(context, options, async (cluster) => {
        const done: DatasetSummary[] = [];
        for (const name of names) done.push(await cluster.removeDataset(name));
        return done;
      });
      const { terminal, outStyle } = context;
      if (options.json) return terminal.out(jsonLine(removed));
      for (const { name, files } of removed) {
        terminal.out(`${outStyle.good("Removed")} ${printable(name)} (${plural(files, "file")}).\n`);
      }
    });
  withExamples(command, ["musketeers rm books", "the name is free again"]);
}
