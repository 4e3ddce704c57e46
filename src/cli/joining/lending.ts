import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { configDirectory } from "../../client/node.ts";
import type { Lending } from "../../worker/node.ts";
import { durationArgument } from "../context.ts";
import type { Environment } from "../terminal.ts";

/** How much of a machine its volunteer lends, and when, as the command line says it. */
export interface LendingOptions {
  readonly cpu?: number;
  readonly pauseHold?: number;
  readonly hours?: string;
  readonly whenIdle?: true | number;
  readonly onBattery?: "run" | "pause";
  readonly priority?: "lowest" | "normal";
}

/** The defaults of BOINC's volunteers, too. */
const IDLE_FOR_MS = 3 * 60_000;
const OTHERS_MAX = 0.25;

/** A volunteer's word to all workers of this user. */
export const pauseFile = (env: Environment): string => join(configDirectory(env), "worker-pause.json");

function shareArgument(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text)?.[1];
  const share = Number(percent) / 100;
  if (percent !== undefined && share > 0 && share <= 1) return share;
  throw new InvalidArgumentError("It must be a part of a processor from above 0% to 100%, such as 50%.");
}

/** Adds what `join` takes to keep a worker within bounds. */
export const addLendingOptions = (command: Command): Command =>
  command
    .option("--cpu <percent>", "of each processor that tasks use, such as 50% (default: all)", shareArgument)
    .option(
      "--pause-hold <duration>",
      "how long a pause keeps what has begun before it goes back (default: 30s)",
      durationArgument,
    )
    .option("--hours <span>", "only at these times of the day, such as 22-07 or 12:30-13,22-7")
    .option(
      "--when-idle [duration]",
      "only while nobody uses this machine, and has not for so long (default: 3m)",
      durationArgument,
    )
    .addOption(
      new Option("--on-battery <what>", "what to do on a battery (default: run)").choices(["run", "pause"]),
    )
    .addOption(
      new Option(
        "--priority <which>",
        "how tasks compete for the processor with what else runs here (default: lowest)",
      ).choices(["lowest", "normal"]),
    );

/** @throws MusketeersError `BAD_ARGUMENT` for hours that are none */
export async function lendingOf(
  { cpu, hours, whenIdle, onBattery, priority = "lowest" }: LendingOptions,
  env: Environment,
): Promise<Lending> {
  const { parseHours } = await import("../../worker/node.ts");
  const idleForMs = whenIdle === true ? IDLE_FOR_MS : whenIdle;
  return {
    pauseFile: pauseFile(env),
    priority,
    ...(cpu === undefined ? {} : { cpuShare: cpu }),
    ...(hours === undefined ? {} : { hours: parseHours(hours) }),
    ...(idleForMs === undefined ? {} : { whenIdle: { idleForMs, othersMax: OTHERS_MAX } }),
    ...(onBattery === undefined ? {} : { onBattery }),
  };
}
