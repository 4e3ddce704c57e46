import type { Command } from "commander";
import type { CreditSummary } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { clip, count, duration, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";

interface Place extends CreditSummary {
  readonly place: number;
}

const columns = (nowMs: number): readonly Column<Place>[] => [
  { title: "#", value: ({ place }) => count(place), align: "right" },
  { title: "PERSON", value: ({ person, label }) => clip(printable(label || person), 32) },
  { title: "PROJECT", value: ({ project }) => clip(printable(project), 32) },
  { title: "CPU TIME", value: ({ seconds }) => duration(seconds * 1000), align: "right" },
  { title: "RESULTS", value: ({ inputs }) => count(inputs), align: "right" },
  { title: "LAST", value: ({ lastAtMs }) => `${duration(nowMs - lastAtMs)} ago`, align: "right" },
];

/** The leader board for people. */
export const renderCredit = (credit: readonly CreditSummary[], nowMs: number, style: Style): string =>
  credit.length === 0
    ? "Nobody has been credited with anything yet.\n"
    : renderTable(
        columns(nowMs),
        credit.map((row, at) => ({ ...row, place: at + 1 })),
        style.bold,
      );

export function addCredit(program: Command, context: Context): void {
  const command = withHubOptions(program.command("credit"))
    .option("--project <name>", "of one project only")
    .action(async ({ project, ...options }: HubOption & { readonly project?: string }) => {
      const params = project === undefined ? {} : { project };
      const credit = await withCluster(context, options, (cluster) => cluster.credit(params));
      const { terminal, outStyle } = context;
      terminal.out(options.json ? jsonLine(credit) : renderCredit(credit, terminal.now(), outStyle));
    });
  withExamples(
    command,
    ["musketeers credit", "who did most"],
    ["musketeers credit --project stars --json", "of one project, for other programs"],
  );
}
