import type { Command } from "commander";
import type { Context } from "./context.ts";

/** Adds a command, with its options and what it does, to the program. */
export type AddCommand = (program: Command, context: Context) => void;

export interface CatalogueEntry {
  readonly name: string;
  /** Its arguments, as help shows them; the module describes each. */
  readonly args: readonly string[];
  /** Whether it has options besides `--help`. */
  readonly options: boolean;
  /** What it does, for help. */
  readonly text: string;
  /** Loads the module, so that a command costs the start of no other. */
  readonly load: () => Promise<AddCommand>;
}

/** A command line without what begins with its name: `get <dataset> [target]`. */
function entry(line: string, text: string, load: () => Promise<AddCommand>, options = true): CatalogueEntry {
  const [name = "", ...args] = line.split(" ");
  return { name, args, options, text, load };
}

/** All commands, in the order of help, under its headings. */
export const catalogue: Readonly<Record<string, readonly CatalogueEntry[]>> = {
  "Begin with": [
    entry(
      "demo",
      "the experiment of 2016 again: four musketeers fetch stock tables and count words; then they paint a picture",
      async () => (await import("./commands/demo.ts")).addDemo,
    ),
    entry(
      "up",
      "start a hub with workers of its own, and print how others join",
      async () => (await import("./commands/up.ts")).addUp,
    ),
    entry(
      "join [invites...]",
      "let this machine work for a hub, or for several at once, until Ctrl-C",
      async () => (await import("./commands/join.ts")).addJoin,
    ),
    entry(
      "run <file[#export]>",
      "run an exported task over inputs, one a line, or a map-reduce over datasets; results are JSON lines",
      async () => (await import("./commands/run.ts")).addRun,
    ),
  ],
  "Look at a cluster": [
    entry("status", "how the hub is", async () => (await import("./commands/status.ts")).addStatus),
    entry(
      "top",
      "the hub, its workers and jobs, live; q quits",
      async () => (await import("./commands/top.ts")).addTop,
    ),
    entry("workers", "the connected workers", async () => (await import("./commands/workers.ts")).addWorkers),
    entry(
      "people",
      "who lends machines, and what their answers are worth",
      async () => (await import("./commands/people.ts")).addPeople,
    ),
    entry(
      "credit",
      "who did how much of what was accepted: the leader board",
      async () => (await import("./commands/credit.ts")).addCredit,
    ),
  ],
  Jobs: [
    entry("jobs", "the jobs, running and ended", async () => (await import("./commands/jobs.ts")).addJobs),
    entry("job <job>", "one job in full", async () => (await import("./commands/job.ts")).addJob),
    entry(
      "results <job>",
      "a job's results as JSON lines: those that are there, then the others as they finish; a map-reduce's pairs when it is done",
      async () => (await import("./commands/results.ts")).addResults,
    ),
    entry(
      "logs <job>",
      "what a job's tasks printed",
      async () => (await import("./commands/job.ts")).addLogs,
    ),
    entry(
      "pause <job>",
      "begin nothing more of a job; what runs is finished",
      async () => (await import("./commands/job-adjust.ts")).addPause,
    ),
    entry(
      "resume <job>",
      "let a paused job go on",
      async () => (await import("./commands/job-adjust.ts")).addResume,
    ),
    entry(
      "prioritise <job> <n>",
      "change a job's priority while it runs",
      async () => (await import("./commands/job-adjust.ts")).addPrioritise,
    ),
    entry(
      "cancel <job>",
      "stop a job; its results so far stay",
      async () => (await import("./commands/job.ts")).addCancel,
    ),
  ],
  "Files, as datasets": [
    entry(
      "put <paths...>",
      "store files and folders at the hub, as a dataset",
      async () => (await import("./commands/put.ts")).addPut,
    ),
    entry(
      "ls [dataset]",
      "the datasets of the hub, or the files of one",
      async () => (await import("./commands/ls.ts")).addLs,
    ),
    entry(
      "get <dataset> [target]",
      "save a dataset, or a part of it, on this machine",
      async () => (await import("./commands/get.ts")).addGet,
    ),
    entry(
      "cat <files...>",
      "print a file of a dataset",
      async () => (await import("./commands/cat.ts")).addCat,
    ),
    entry(
      "rm <datasets...>",
      "forget datasets; what nothing else needs is deleted some time later",
      async () => (await import("./commands/rm.ts")).addRm,
    ),
    entry(
      "cid <paths...>",
      "the CIDs of files and folders of this machine; nothing is stored, no hub is asked",
      async () => (await import("./commands/cid.ts")).addCid,
    ),
    entry(
      "car",
      "datasets as CARs, the archives of IPFS",
      async () => (await import("./commands/car.ts")).addCar,
      false,
    ),
  ],
  "Who may do what": [
    entry(
      "login <invite>",
      "remember a hub and your right to it",
      async () => (await import("./commands/login.ts")).addLogin,
    ),
    entry(
      "invite",
      "make an invite: one URL, the only way in (for admins)",
      async () => (await import("./commands/invite.ts")).addInvite,
    ),
    entry(
      "invites",
      "the invites that have not expired (for admins)",
      async () => (await import("./commands/invites.ts")).addInvites,
    ),
    entry(
      "revoke <invite>",
      "take invites back, and end the connections made with them (for admins)",
      async () => (await import("./commands/invites.ts")).addRevoke,
    ),
    entry(
      "project",
      "projects of a hub: their keys, members and limits",
      async () => (await import("./commands/project.ts")).addProject,
      false,
    ),
  ],
  "This machine": [
    entry(
      "worker",
      "see to the workers that you run on this machine: pause, resume, grant, log",
      async () => (await import("./commands/worker.ts")).addWorker,
    ),
    entry(
      "health",
      "whether the hub and the workers that you run on this machine are well",
      async () => (await import("./commands/health.ts")).addHealth,
    ),
    entry(
      "service",
      "run a worker or a hub whenever this machine runs, with systemd",
      async () => (await import("./commands/service.ts")).addService,
    ),
    entry(
      "journal <action> [directory]",
      "check a hub's data directory for damage, or repair it",
      async () => (await import("./commands/journal.ts")).addJournal,
    ),
    entry(
      "backup <file>",
      "save what a hub needs to be started again when its disk is lost: its keys and its catalogue",
      async () => (await import("./commands/backup.ts")).addBackup,
    ),
    entry(
      "simulate <file>",
      "run a scenario of thousands of machines on a virtual clock, with the real scheduler",
      async () => (await import("./commands/simulate.ts")).addSimulate,
    ),
  ],
};

/** The same, without headings. */
export const catalogueEntries: readonly CatalogueEntry[] = Object.values(catalogue).flat();
