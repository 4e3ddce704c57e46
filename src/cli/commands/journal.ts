import { join } from "node:path";
import { Argument, type Command } from "commander";
import type { DataReport, HubRepairReport } from "../../hub/index.ts";
import { errorKinds } from "../../protocol/index.ts";
import { type Context, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { ExitStatus } from "../failure.ts";
import { defaultDataDirectory } from "../files/data-directory.ts";
import { bytes, count, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { renderFields } from "../render/table.ts";

interface JournalOptions extends JsonOption {
  readonly blobs?: boolean;
}

const BLOBS_LISTED = 20;

/** A check's report for people: what is damaged, how much can be read, what to do. */
export function renderCheck(report: DataReport, style: Style): string {
  const { directory, state, inUse, journal, damage, blobs } = report;
  const fields = renderFields([
    ["directory", `${printable(directory)}${inUse ? " (a hub is running on it)" : ""}`],
    ["state", state === "sound" ? style.good("sound") : style.bad("damaged")],
    ["journal", `${plural(journal.files, "file")}, ${bytes(journal.bytes)}`],
    ["readable", plural(journal.records, "record")],
    [
      "torn end",
      journal.tornBytes === 0
        ? ""
        : `${bytes(journal.tornBytes)}; the next start cuts them off, as after any crash`,
    ],
    ["behind", damage.length === 0 ? "" : `${plural(journal.recordsBehind, "record")} behind the damage`],
    ["blobs", blobs === undefined ? "" : `${count(blobs.count)}, ${bytes(blobs.bytes)}`],
  ]);
  const places = damage.map(
    ({ file, offset, what }) =>
      `${style.bad("damaged")}  ${printable(join(directory, file))}, offset ${offset}: ${what}\n`,
  );
  const cids = (blobs?.damaged ?? [])
    .slice(0, BLOBS_LISTED)
    .map((cid) => `${style.bad("damaged")}  blob ${cid}\n`);
  const more = (blobs?.damaged.length ?? 0) - cids.length;
  return [
    fields,
    ...places,
    ...cids,
    more > 0 ? `… and ${plural(more, "blob")} more\n` : "",
    style.dim(advice(report)),
  ].join("");
}

function advice({ directory, damage, journal, blobs }: DataReport): string {
  const lines: string[] = [];
  if (damage.length > 0) {
    lines.push(
      "Restore the directory from a backup, or start from the readable part:",
      `  musketeers journal repair ${printable(directory)}`,
      `It keeps ${plural(journal.records, "record")}, and puts what is damaged aside. Results behind the damage are computed again.`,
    );
  }
  if ((blobs?.damaged.length ?? 0) > 0) {
    lines.push("A damaged blob is refused when it is asked for; submit again what needs it.");
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** A repair's report for people. */
export function renderRepair(report: HubRepairReport): string {
  const { aside, files, records, recordsBehind, checkpointLost, jobs } = report;
  if (aside === undefined) return "Nothing is damaged; nothing was changed.\n";
  return [
    `${plural(records, "record")} stand; a hub finds ${plural(jobs, "job")} there.\n`,
    `${plural(recordsBehind, "record")} behind the damage were cut off.\n`,
    checkpointLost ? "The latest checkpoint was among them: the next start takes longer.\n" : "",
    `What was damaged is kept in ${printable(aside)}: ${files.join(", ")}\n`,
  ].join("");
}

async function check(
  directory: string,
  options: JournalOptions,
  { terminal, outStyle }: Context,
): Promise<void> {
  const { checkData } = await import("../../hub/index.ts");
  const report = await checkData(directory, { blobs: options.blobs === true });
  terminal.out(options.json ? jsonLine(report) : renderCheck(report, outStyle));
  if (report.state === "damaged") throw new ExitStatus(errorKinds.JOURNAL_CORRUPT.exit);
}

async function repair(directory: string, options: JournalOptions, { terminal }: Context): Promise<void> {
  const { repairHubData } = await import("../../hub/index.ts");
  const stamp = new Date(terminal.now()).toISOString().replaceAll(":", "-");
  const report = await repairHubData(directory, join(directory, `damaged-${stamp}`));
  terminal.out(options.json ? jsonLine({ ...report, aside: report.aside ?? null }) : renderRepair(report));
}

export function addJournal(program: Command, context: Context): void {
  const command = program
    .command("journal")
    .addArgument(new Argument("<action>", "what to do").choices(["check", "repair"]))
    .argument("[directory]", "the hub's data directory (default: that of `musketeers up`)")
    .option("--blobs", "with check: read every stored blob, too")
    .addOption(jsonOption())
    .action(async (action: string, named: string | undefined, options: JournalOptions) => {
      const directory = named ?? defaultDataDirectory(context.terminal.env);
      await (action === "check" ? check : repair)(directory, options, context);
    });
  withExamples(
    command,
    ["musketeers journal check", "what is damaged, and how much can be read; changes nothing"],
    [
      "musketeers journal check /srv/hub --blobs --json",
      "everything, for a monitor; exit status 70 at damage",
    ],
    ["musketeers journal repair /srv/hub", "cut it off at the damage; what is damaged is kept aside"],
  );
}
