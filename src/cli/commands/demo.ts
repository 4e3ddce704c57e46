import type { Command } from "commander";
import { type Context, jsonOption, withExamples } from "../context.ts";
import type { DemoOptions } from "../demo/show.ts";

export function addDemo(program: Command, context: Context): void {
  const command = program
    .command("demo")
    .option("--once", "end when it is done")
    .option("--text <file>", "count the words of this text (default: the package's own texts)")
    .option("--lan", "let phones and other machines of the network help to paint; speaks TLS")
    .option("--insecure-http", "with --lan: plain HTTP, which browsers open without a warning")
    .addOption(jsonOption())
    .action(async (options: DemoOptions) => {
      const { demo } = await import("../demo/show.ts");
      await demo(options, context);
    });
  withExamples(
    command,
    ["musketeers demo", "stays up, with things to try"],
    ["musketeers demo --lan", "the picture's page shows a code for phones"],
    ["musketeers demo --once --json", "one JSON object"],
  );
}
