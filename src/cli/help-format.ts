import { type Argument, type Command, Help, type HelpConfiguration, type Option } from "commander";

/** Where less room than this is left beside a term, its description goes below it. */
const BESIDE_MIN = 40;
const BELOW = "      ";

/** A default that a person reads as one: not an empty list, nor what the description has said in better words. */
function isWorthSaying({ defaultValue, description }: Option): boolean {
  if (description.includes("(default: ")) return false;
  return typeof defaultValue !== "object" || defaultValue === null || Object.keys(defaultValue).length > 0;
}

function termOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** How help looks: for people, at any width of a terminal. */
export const helpFormat: HelpConfiguration = {
  showGlobalOptions: false,
  minWidthToWrap: 20,
  // Nearly every command has options.
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(termOf)].join(" "),
  optionDescription(option) {
    const said = isWorthSaying(option) ? option : { ...option, defaultValue: undefined };
    return Help.prototype.optionDescription(said as Option);
  },
  formatItem(this: Help, term, termWidth, description, helper) {
    const width = helper.helpWidth ?? 80;
    if (description === "" || width - termWidth - 4 >= BESIDE_MIN)
      return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
    const text = helper.boxWrap(description, width - BELOW.length);
    return `  ${term}\n${BELOW}${text.replaceAll("\n", `\n${BELOW}`)}`;
  },
} as HelpConfiguration;

/** Command lines and what they do: side by side where that fits, else one above the other. */
export function formatExamples(
  command: Command,
  examples: readonly (readonly [line: string, text: string])[],
): string {
  const width = command.configureOutput().getOutHelpWidth?.() ?? Number.POSITIVE_INFINITY;
  const longest = Math.max(...examples.map(([line]) => line.length));
  const beside = examples.map(([line, text]) => `  $ ${line.padEnd(longest)}  # ${text}`);
  const isNarrow = beside.some((line) => line.length > width);
  const lines = isNarrow ? examples.map(([line, text]) => `  # ${text}\n  $ ${line}`) : beside;
  return `\nExamples:\n${lines.join(isNarrow ? "\n\n" : "\n")}`;
}
