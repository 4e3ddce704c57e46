import type { Command } from "commander";
import type { DiaryEntry } from "../../worker/node.ts";
import { type Context, integerArgument, type JsonOption, jsonOption } from "../context.ts";
import { openDiary } from "../files/diary.ts";
import { bytes, count, duration, plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { listenForStop } from "../stop.ts";

interface LogOptions extends JsonOption {
  readonly follow?: boolean;
  readonly last: number;
}

const LAST = 100;

/** An entry as a volunteer reads it. */
export function renderEntry(entry: DiaryEntry, style: Style): string {
  const { fromMs, task, submitter, project, hub, units, inputs, failed, cpuMs, bytesIn, bytesOut } = entry;
  const when = new Date(fromMs).toISOString().slice(0, 19).replace("T", " ");
  const whose = submitter === "" ? "" : ` by ${printable(submitter)}`;
  const failures = failed > 0 ? ` (${count(failed)} failed)` : "";
  const lines = [
    `${style.dim(when)}  ${style.bold(printable(task))}${whose}, ${printable(project)} at ${printable(hub)}: ` +
      `${plural(units, "unit")}, ${plural(inputs, "input")}${failures}, ${duration(cpuMs)} of processor, ` +
      `${bytes(bytesIn)} in, ${bytes(bytesOut)} out`,
  ];
  for (const [how, times] of Object.entries(entry.endings)) {
    lines.push(`    ${style.bad(printable(how))}${times > 1 ? ` ×${count(times)}` : ""}`);
  }
  for (const { permission, target, by, count: times } of entry.denied) {
    const word = by === "task" ? "denied, as the task says:" : "denied:";
    lines.push(
      `    ${style.accent(word)} ${permission} ${printable(target)}${times > 1 ? ` ×${count(times)}` : ""}`,
    );
  }
  if (entry.deniedMore > 0) lines.push(`    … and ${count(entry.deniedMore)} more`);
  return `${lines.join("\n")}\n`;
}

async function log({ follow, last, json }: LogOptions, { terminal, outStyle }: Context): Promise<void> {
  using stopper = listenForStop();
  const diary = await openDiary(terminal.env);
  const tell = (entry: DiaryEntry) => terminal.out(json ? jsonLine(entry) : renderEntry(entry, outStyle));
  const kept: DiaryEntry[] = [];
  for await (const entry of diary.read()) {
    kept.push(entry);
    if (kept.length > last) kept.shift();
  }
  for (const entry of kept) tell(entry);
  if (!follow) {
    if (kept.length === 0 && !json) terminal.err("Nothing has run here yet.\n");
    return;
  }
  for await (const entry of diary.follow(stopper.signal)) tell(entry);
}

/** What ran on this machine, for whom, at what cost, and what it was denied. */
export function addWorkerLog(worker: Command, context: Context): void {
  worker
    .command("log")
    .description("what ran here: when, for whom, what it cost, how it ended, what it was denied")
    .option("--follow", "go on with what comes, until Ctrl-C")
    .option("--last <n>", `so many entries (default: ${LAST})`, integerArgument(1, 1_000_000), LAST)
    .addOption(jsonOption("print entries as JSON lines"))
    .action((_options: LogOptions, command: Command) => log(command.optsWithGlobals(), context));
}
