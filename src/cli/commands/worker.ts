import type { Command } from "commander";
import { type Context, durationArgument, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { pauseFile } from "../joining/lending.ts";
import { duration } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { addWorkerConsent } from "./worker-consent.ts";
import { addWorkerLog } from "./worker-log.ts";

interface PauseState {
  readonly paused: boolean;
  /** In milliseconds since 1970; null: until further notice. */
  readonly untilMs: number | null;
}

async function stateOf({ terminal }: Context): Promise<PauseState> {
  const { readPause } = await import("../../worker/node.ts");
  const pause = await readPause(pauseFile(terminal.env), terminal.now());
  const untilMs = pause === undefined || !Number.isFinite(pause.untilMs) ? null : pause.untilMs;
  return { paused: pause !== undefined, untilMs };
}

async function tell(context: Context, { json }: JsonOption): Promise<void> {
  const { terminal, outStyle } = context;
  const state = await stateOf(context);
  if (json) return terminal.out(jsonLine(state));
  if (!state.paused) {
    const { readNotes } = await import("../files/running-note.ts");
    const runs = (await readNotes(terminal.env)).some(({ kind }) => kind === "worker");
    return terminal.out(
      runs
        ? `${outStyle.good("Working")}, as far as their own options let them.\n`
        : "Not paused, but no worker of yours runs here: `musketeers join` starts one.\n",
    );
  }
  const long =
    state.untilMs === null
      ? "until `musketeers worker resume`"
      : `for ${duration(state.untilMs - terminal.now())}`;
  terminal.out(`${outStyle.accent("Paused")} ${long}.\n`);
}

/** What a volunteer tells all workers of this machine that the same user runs. */
export function addWorker(program: Command, context: Context): void {
  const { terminal } = context;
  const worker = program.command("worker").addOption(jsonOption());
  worker
    .command("pause")
    .argument(
      "[duration]",
      "how long, such as 30m; until `worker resume` where nothing is said",
      durationArgument,
    )
    .description("stop their tasks where they stand, within two seconds; long pauses hand them back")
    .addOption(jsonOption())
    .action(async (forMs: number | undefined, _options: JsonOption, command: Command) => {
      const { writePause } = await import("../../worker/node.ts");
      await writePause(pauseFile(terminal.env), forMs === undefined ? undefined : terminal.now() + forMs);
      await tell(context, command.optsWithGlobals());
    });
  worker
    .command("resume")
    .description("let them go on")
    .addOption(jsonOption())
    .action(async (_options: JsonOption, command: Command) => {
      const { removePause } = await import("../../worker/node.ts");
      await removePause(pauseFile(terminal.env));
      await tell(context, command.optsWithGlobals());
    });
  worker
    .command("status")
    .description("whether they are told to pause")
    .addOption(jsonOption())
    .action((_options: JsonOption, command: Command) => tell(context, command.optsWithGlobals()));
  addWorkerConsent(worker, context);
  addWorkerLog(worker, context);
  withExamples(
    worker,
    ["musketeers worker pause 2h", "for a film"],
    ["musketeers worker resume", "thank you"],
    ["musketeers worker log --follow", "what runs here"],
    ["musketeers worker grant", "what projects were granted, and what they ask for"],
  );
}
