import type { Command } from "commander";
import type { HubStatus } from "../../protocol/index.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { bytes, count, duration, plural, printable, rate } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import type { Style } from "../render/style.ts";
import { renderFields } from "../render/table.ts";

/** A hub's state for people. */
export function renderStatus(status: HubStatus, nowMs: number, style: Style): string {
  const { hub, version, upSinceMs, workers, slots, busySlots, jobsRunning, jobsEnded } = status;
  const fields = renderFields([
    ["hub", `${printable(hub)} (musketeers ${version}), up ${duration(nowMs - upSinceMs)}`],
    ["workers", `${plural(workers, "worker")}, ${count(busySlots)} of ${plural(slots, "slot")} busy`],
    ["jobs", `${count(jobsRunning)} running, ${count(jobsEnded)} ended`],
    ["inputs", `${count(status.inputsDone)} done, ${rate(status.inputsPerSecond)} now`],
    ["memory", bytes(status.memoryBytes)],
  ]);
  const warnings = status.warnings.map((text) => `${style.bad("warning")}  ${printable(text)}\n`).join("");
  const next =
    workers === 0 ? "No worker yet: `musketeers invite --role worker` gives the line that adds one.\n" : "";
  return fields + warnings + style.dim(next);
}

export function addStatus(program: Command, context: Context): void {
  const command = withHubOptions(program.command("status")).action(async (options: HubOption) => {
    const status = await withCluster(context, options, (cluster) => cluster.call("status", {}));
    const { terminal, outStyle } = context;
    terminal.out(options.json ? jsonLine(status) : renderStatus(status, terminal.now(), outStyle));
  });
  withExamples(
    command,
    ["musketeers status", "the hub of this machine, or the last login"],
    ["musketeers status --hub lab --json", "another one, as JSON"],
  );
}
