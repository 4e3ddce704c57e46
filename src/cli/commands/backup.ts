import { open, readFile, rename, rm } from "node:fs/promises";
import type { Command } from "commander";
import { installProjectKeys, ownedProjectKeys } from "../../client/node.ts";
import type { Backup, BackupSummary } from "../../hub/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { publicKeyOf } from "../../security/index.ts";
import { type Context, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { defaultDataDirectory } from "../files/data-directory.ts";
import { plural, printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";

type Environment = Context["terminal"]["env"];

interface BackupOptions extends JsonOption {
  readonly data?: string;
}

/** Only its owner may read it: it holds the hub's key. */
const BACKUP_MODE = 0o600;

/**
 * A backup from its file, with its root keys back in the settings: workers that were invited before run only what
 * these let in.
 * @throws MusketeersError `BAD_ARGUMENT` where it cannot be read, or there are other root keys, `STORAGE`
 */
export async function openBackup(path: string, env: Environment): Promise<Backup> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new MusketeersError("BAD_ARGUMENT", `${path} cannot be read: ${(cause as Error).message}`, {
      cause,
      hint: "Give the file that `musketeers backup FILE` wrote.",
    });
  }
  const { parseBackup } = await import("../../hub/index.ts");
  const backup = parseBackup(text);
  await installProjectKeys(publicKeyOf(backup.secretKey), backup.rootKeys, env);
  return backup;
}

async function writeBackup(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(draft, "wx", BACKUP_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {});
    throw new MusketeersError("STORAGE", `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Nothing but an older backup of the same hub may be written over. */
async function refuseOthers(path: string, hub: string): Promise<void> {
  const { parseBackup, summaryOf } = await import("../../hub/index.ts");
  let before: string;
  try {
    before = await readFile(path, "utf8");
  } catch {
    return;
  }
  try {
    if (summaryOf(parseBackup(before)).hub === hub) return;
  } catch {
    // Something else, then.
  }
  throw new MusketeersError("BAD_ARGUMENT", `${path} is there, and is no backup of this hub`, {
    hint: "Choose another name, or remove the file.",
  });
}

async function backup(path: string, options: BackupOptions, { terminal, outStyle }: Context): Promise<void> {
  const directory = options.data ?? defaultDataDirectory(terminal.env);
  const { renderBackup, summaryOf, takeBackup } = await import("../../hub/index.ts");
  const taken = await takeBackup(directory, terminal.now(), (hub) => ownedProjectKeys(hub, terminal.env));
  const summary: BackupSummary = summaryOf(taken);
  const text = renderBackup(taken);
  if (path === "-") {
    terminal.out(text);
    return;
  }
  await refuseOthers(path, summary.hub);
  await writeBackup(path, text);
  if (options.json) terminal.out(jsonLine({ file: path, ...summary }));
  else {
    const { invites, datasets, people, projects } = summary;
    const roots = projects.length === 0 ? "" : `root keys of ${plural(projects.length, "project")}, `;
    const owns = projects.length === 0 ? "" : ", and owns what its workers run";
    terminal.out(
      `${outStyle.good("Backed up")} the hub's key, ${roots}${plural(invites, "invite")}, the names of ` +
        `${plural(datasets, "dataset")} and the credit of ${plural(people, "volunteer")} to ${printable(path)}.\n` +
        `Whoever has this file is the hub${owns}: keep it like a password, on another machine.\n`,
    );
  }
}

export function addBackup(program: Command, context: Context): void {
  const command = program
    .command("backup")
    .argument("<file>", "where to; an older backup of the same hub is replaced; - is standard output")
    .option("--data <directory>", "the hub's data directory (default: that of `musketeers up`)")
    .addOption(jsonOption())
    .action((path: string, options: BackupOptions) => backup(path, options, context));
  withExamples(
    command,
    ["musketeers backup hub.backup", "of the hub of this machine, also while it runs"],
    ["musketeers up --recover hub.backup --data NEW", "after its disk was lost"],
  );
}
