import type { Command } from "commander";
import type { PersonSummary } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { clip, count, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { type Column, renderTable } from "../render/table.ts";

/** What a person's word is worth, in one word. */
const standingOf = ({ trusted, suspect, proven }: PersonSummary): string =>
  trusted ? "trusted" : suspect ? "suspect" : proven ? "proven" : "newcomer";

const columns: readonly Column<PersonSummary>[] = [
  { title: "PERSON", value: ({ person }) => clip(printable(person), 32) || "(unknown)" },
  { title: "STANDING", value: standingOf },
  { title: "WORKERS", value: ({ workers }) => count(workers), align: "right" },
  { title: "STREAK", value: ({ streak }) => count(streak), align: "right" },
  { title: "VALID", value: ({ valid }) => count(valid), align: "right" },
  { title: "INVALID", value: ({ invalid }) => count(invalid), align: "right" },
];

/** Everybody of whom something is known, for people. */
export const renderPeople = (people: readonly PersonSummary[], style: Style): string =>
  people.length === 0
    ? "Nobody is known yet: people are, by the workers that they lend.\n"
    : renderTable(columns, people, style.bold);

export function addPeople(program: Command, context: Context): void {
  const { terminal, outStyle } = context;
  const command = withHubOptions(program.command("people")).action(async (options: HubOption) => {
    const people = await withCluster(context, options, (cluster) => cluster.people());
    terminal.out(options.json ? jsonLine(people) : renderPeople(people, outStyle));
  });
  const forgive = withHubOptions(
    command
      .command("forgive")
      .argument("<person>", "by the name that `musketeers people` shows")
      .description("take somebody for a newcomer, whose answers were refuted"),
  ).action(async (person: string, options: HubOption) => {
    const summary = await withCluster(context, options, (cluster) => cluster.call("forgive", { person }));
    terminal.out(options.json ? jsonLine(summary) : `${printable(person)} begins anew, as a newcomer.\n`);
  });
  withExamples(forgive, [
    "musketeers people forgive ana",
    "somebody whose memory was mended, or who was wronged",
  ]);
  withExamples(
    command,
    ["musketeers people", "who is proven, who is suspect"],
    ["musketeers people --json", "for other programs"],
  );
}
