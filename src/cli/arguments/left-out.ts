import type { LeftOut } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { plural, printableLine } from "../render/format.ts";

/** Named one by one; of more only their number is said. */
const SHOWN_MAX = 10;

/** Says on standard error what a folder holds that is no file and so has no place in a dataset. */
export function tellLeftOut({ terminal, errStyle }: Context, entries: readonly LeftOut[]): void {
  if (entries.length === 0) return;
  const shown = entries.slice(0, SHOWN_MAX).map(({ path, why }) => `  ${printableLine(path)} (${why})`);
  const rest = entries.length - shown.length;
  const more = rest === 0 ? [] : [`  and ${plural(rest, "other")}`];
  const lines = ["Left out, because they are no files:", ...shown, ...more];
  terminal.err(`${errStyle.dim(lines.join("\n"))}\n`);
}
