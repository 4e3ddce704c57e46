import { Command, CommanderError } from "commander";
import { MusketeersError, PACKAGE_VERSION } from "../protocol/index.ts";
import { type CatalogueEntry, catalogue, catalogueEntries } from "./catalogue.ts";
import { type Context, contextOf } from "./context.ts";
import { helpFormat } from "./help-format.ts";
import type { Terminal } from "./terminal.ts";

const exitStatuses = `
\`musketeers help COMMAND\` says what a command takes, with examples.

Exit status:
  0 all went well            4 not allowed
  1 some inputs failed       5 no hub answers
  2 wrong use                6 a limit, or a full disk
  3 not found                7 the job was stopped
  70 a bug; 128 + n ended by signal n

Environment:
  MUSKETEERS_HUB    the hub to use: a name given at login, or an invite
  MUSKETEERS_HOME   where settings and data are
  NO_COLOR          no colours
  MUSKETEERS_DEBUG  stacks of unexpected errors, like --verbose`;

/** The name and what help says of a command whose module is not loaded. */
function addOutline(program: Command, { name, args, options }: CatalogueEntry): void {
  const command = program.command(name);
  for (const arg of args) command.argument(arg);
  if (options) command.option("--json");
}

/**
 * The program with all its commands.
 * @param wanted whether this command will be used: the others are known by their names only, and not loaded
 */
export async function createProgram(
  terminal: Terminal,
  wanted: (name: string) => boolean = () => true,
): Promise<Command> {
  const context: Context = contextOf(terminal);
  const program = new Command("musketeers")
    .description("One for all, all for one: any computers as one cluster.")
    .version(PACKAGE_VERSION, "-V, --version", "print the version")
    .option("--verbose", "print stacks of unexpected errors")
    .configureHelp(helpFormat)
    .helpOption("-h, --help", "show this help")
    .showSuggestionAfterError(true)
    .exitOverride()
    .helpCommand(false)
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: () => {},
      getOutHelpWidth: () => (terminal.outIsTTY ? terminal.columns : undefined) as number,
    })
    .addHelpText("after", exitStatuses);
  for (const [heading, entries] of Object.entries(catalogue)) {
    for (const entry of entries) {
      if (wanted(entry.name)) (await entry.load())(program, context);
      else addOutline(program, entry);
      program.commands.at(-1)!.description(entry.text).helpGroup(`${heading}:`);
    }
  }
  for (const command of program.commands) command.helpOption("-h, --help", "show this help");
  return program;
}

const isCommand = (word: string): boolean => catalogueEntries.some(({ name }) => name === word);

/** `help run` is `run --help`, and `help worker log` is `worker log --help`; without a command there is help. */
function withoutHelpCommand(args: readonly string[]): readonly string[] {
  if (args.length === 0) return ["--help"];
  if (args[0] !== "help") return args;
  const [topic, ...rest] = args.slice(1);
  // What does not exist is to be told as such.
  return topic === undefined || isCommand(topic) ? [...args.slice(1), "--help"] : [topic, ...rest];
}

/**
 * Runs one command line.
 * @param args without the programs' names
 * @returns the exit status
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const words = withoutHelpCommand(args);
  const called = words.find(isCommand);
  const program = await createProgram(terminal, (name) => name === called);
  try {
    await program.parseAsync(words, { from: "user" });
    return 0;
  } catch (thrown) {
    // A command that only has others below it, such as `worker`.
    if (thrown instanceof CommanderError && thrown.code === "commander.help") {
      program.commands.find((command) => command.name() === called)?.outputHelp();
      return 0;
    }
    return tellFailure(thrown, args, terminal, called);
  }
}

/** Says what went wrong, as `args` ask for it. Gives the exit status. */
async function tellFailure(
  thrown: unknown,
  args: readonly string[],
  terminal: Terminal,
  command?: string,
): Promise<number> {
  // Loaded here, like all that most starts do without.
  const { describeFailure } = await import("./failure.ts");
  const { text, status } = describeFailure(thrown, {
    json: args.includes("--json"),
    verbose: args.includes("--verbose") || Boolean(terminal.env.MUSKETEERS_DEBUG),
    style: contextOf(terminal).errStyle,
    command,
  });
  terminal.err(text);
  return status;
}

/**
 * Says that standard output takes nothing, such as a file on a full disk.
 * @returns the exit status
 */
export function tellUnwritten(cause: Error, args: readonly string[], terminal: Terminal): Promise<number> {
  const error = new MusketeersError("STORAGE", `The output cannot be written: ${cause.message}`, { cause });
  return tellFailure(error, args, terminal);
}
