import { type Command, InvalidArgumentError } from "commander";
import type { ProjectLimits } from "../../protocol/index.ts";
import { sizeArgument } from "../context.ts";

/** Limits of a project, as the command line says them. */
export interface ProjectLimitOptions {
  readonly inputs?: number | null;
  readonly size?: number | null;
  readonly units?: number | null;
  readonly rate?: number | null;
}

/** Takes a limit away. */
const NONE = "none";

function countArgument(text: string): number | null {
  if (text === NONE) return null;
  const value = Number(text.replaceAll(/[,_]/g, ""));
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be a whole number, or none.");
}

const bytesArgument = (text: string): number | null => (text === NONE ? null : sizeArgument(text));

export const addProjectLimitOptions = (command: Command): Command =>
  command
    .option("--inputs <n>", "inputs of its jobs that have no result yet; none: any number", countArgument)
    .option(
      "--size <size>",
      "what of it may be stored, such as 10GB; none: as much as there is",
      bytesArgument,
    )
    .option("--units <n>", "units that run at once; none: any number", countArgument)
    .option("--rate <n>", "submissions a minute; none: any number", countArgument);

/** The limits that were said. */
export function limitsOf({ inputs, size, units, rate }: ProjectLimitOptions): Partial<ProjectLimits> {
  return {
    ...(inputs === undefined ? {} : { inputsMax: inputs }),
    ...(size === undefined ? {} : { bytesMax: size }),
    ...(units === undefined ? {} : { leasesMax: units }),
    ...(rate === undefined ? {} : { jobsPerMinuteMax: rate }),
  };
}
