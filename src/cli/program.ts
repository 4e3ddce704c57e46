import { Command } from "commander";
import { PACKAGE_VERSION } from "../protocol/index.ts";
import { addBackup } from "./commands/backup.ts";
import { addCar } from "./commands/car.ts";
import { addCat } from "./commands/cat.ts";
import { addCid } from "./commands/cid.ts";
import { addCredit } from "./commands/credit.ts";
import { addDemo } from "./commands/demo.ts";
import { addGet } from "./commands/get.ts";
import { addHealth } from "./commands/health.ts";
import { addInvite } from "./commands/invite.ts";
import { addInvites, addRevoke } from "./commands/invites.ts";
import { addJob } from "./commands/job.ts";
import { addPause, addPrioritise, addResume } from "./commands/job-adjust.ts";
import { addJobs } from "./commands/jobs.ts";
import { addJoin } from "./commands/join.ts";
import { addJournal } from "./commands/journal.ts";
import { addLogin } from "./commands/login.ts";
import { addLs } from "./commands/ls.ts";
import { addPeople } from "./commands/people.ts";
import { addProject } from "./commands/project.ts";
import { addPut } from "./commands/put.ts";
import { addResults } from "./commands/results.ts";
import { addRm } from "./commands/rm.ts";
import { addRun } from "./commands/run.ts";
import { addService } from "./commands/service.ts";
import { addSimulate } from "./commands/simulate.ts";
import { addStatus } from "./commands/status.ts";
import { addTop } from "./commands/top.ts";
import { addUp } from "./commands/up.ts";
import { addWorker } from "./commands/worker.ts";
import { addWorkers } from "./commands/workers.ts";
import { contextOf } from "./context.ts";
import { describeFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

const exitStatuses = `
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

/** The program with all its commands. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("musketeers")
    .description("One for all, all for one: any computers as one cluster.")
    .version(PACKAGE_VERSION, "-V, --version", "print the version")
    .option("--verbose", "print stacks of unexpected errors")
    .configureHelp({ showGlobalOptions: false })
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: () => {} })
    .addHelpText("after", exitStatuses);
  const context = contextOf(terminal);
  for (const add of [addUp, addJoin, addWorker, addRun, addDemo]) add(program, context);
  for (const add of [addStatus, addTop, addWorkers, addJobs, addCredit, addPeople]) add(program, context);
  for (const add of [addPause, addResume, addPrioritise]) add(program, context);
  for (const add of [addJob, addResults, addInvite, addInvites, addRevoke, addProject]) add(program, context);
  for (const add of [addPut, addLs, addGet, addCat, addRm, addCid, addCar]) add(program, context);
  for (const add of [addService, addHealth, addLogin, addJournal, addBackup, addSimulate])
    add(program, context);
  for (const command of program.commands) command.helpOption("-h, --help", "show this help");
  return program;
}

/**
 * Runs one command line.
 * @param args without the programs' names
 * @returns the exit status
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    if (args.length === 0) {
      terminal.out(program.helpInformation());
      return 0;
    }
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (thrown) {
    const { text, status } = describeFailure(thrown, {
      json: args.includes("--json"),
      verbose:
        program.opts().verbose === true ||
        args.includes("--verbose") ||
        Boolean(terminal.env.MUSKETEERS_DEBUG),
      style: contextOf(terminal).errStyle,
    });
    terminal.err(text);
    return status;
  }
}
