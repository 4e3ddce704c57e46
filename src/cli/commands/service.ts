import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Command } from "commander";
import { MusketeersError } from "../../protocol/index.ts";
import { parseInvite } from "../../security/index.ts";
import { type Answers, obtainConsent } from "../consent/consent.ts";
import { type Context, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { releasesDirectory } from "../files/data-directory.ts";
import { type InviteSources, readInvites, withoutInvites } from "../joining/join-invites.ts";
import { printable } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { lastingProgram } from "../service/own-copy.ts";
import { inviteFile, planService, type ServicePlan } from "../service/plan.ts";
import { linger, removeUnit, systemctl, unitFile, unitName, writeUnit } from "../service/systemd.ts";
import type { ServiceKind } from "../service/unit.ts";
import { listenForStop } from "../stop.ts";
import { addJoin } from "./join.ts";
import { addUp } from "./up.ts";

const kinds: readonly ServiceKind[] = ["worker", "hub"];

/** What `join` or `up` make of a command line, without doing it. */
function parsed(add: typeof addJoin, args: readonly string[], context: Context): Command {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  add(program, context);
  const command = program.commands[0]!;
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.terminal.out(text), writeErr: () => {} });
  command.action(() => {});
  program.parse([command.name(), ...args], { from: "user" });
  return command;
}

interface InstallOptions {
  readonly print?: boolean;
  readonly start?: boolean;
}

/** Asks for consent once, and leaves the invite where only this user reads it. */
async function planWorker(
  args: readonly string[],
  { print }: InstallOptions,
  context: Context,
): Promise<ServicePlan> {
  const { env } = context.terminal;
  const command = parsed(addJoin, args, context);
  const options = command.opts<Answers & InviteSources & { readonly cache?: string }>();
  if (options.inviteEnv !== undefined) {
    throw new MusketeersError("BAD_ARGUMENT", "A service has no environment of yours", {
      hint: "Give the invite itself, - for standard input, or --invite-file.",
    });
  }
  using stopper = listenForStop();
  const invites =
    options.inviteFile === undefined ? await readInvites(command.args, {}, context, stopper.signal) : [];
  const names = invites
    .map((invite) => parseInvite(invite))
    .map(({ url, project }) => `${project} at ${url}`);
  if (invites.length > 0 && print !== true) {
    await obtainConsent(invites, options, context, { remember: true, signal: stopper.signal });
    await mkdir(dirname(inviteFile(env)), { recursive: true, mode: 0o700 });
    await writeFile(inviteFile(env), `${invites.join("\n")}\n`, { mode: 0o600 });
  }
  // What was agreed to is written down; what an invite says is in its file. A file of the user's own may not be there yet, or
  // change: consent to what it will say is given each time.
  return planService({
    kind: "worker",
    node: process.execPath,
    program: await lastingProgram(releasesDirectory(env)),
    args: withoutInvites(args, command.args, options.inviteFile === undefined ? ["--accept"] : []),
    ...(options.inviteFile === undefined ? {} : { invites: resolve(options.inviteFile) }),
    ...(options.cache === undefined ? {} : { data: options.cache }),
    description: `musketeers: lends this machine${names.length > 0 ? ` to ${names.map(printable).join(", ")}` : ""}`,
    env,
  });
}

async function planHub(args: readonly string[], context: Context): Promise<ServicePlan> {
  const { env } = context.terminal;
  const { data } = parsed(addUp, args, context).opts<{ readonly data?: string }>();
  return planService({
    kind: "hub",
    node: process.execPath,
    program: await lastingProgram(releasesDirectory(env)),
    args,
    ...(data === undefined ? {} : { data }),
    description: "musketeers: a hub",
    env,
  });
}

async function install(
  kind: ServiceKind,
  args: readonly string[],
  options: InstallOptions,
  context: Context,
): Promise<void> {
  const { terminal, outStyle } = context;
  if (process.platform !== "linux" && options.print !== true) {
    throw new MusketeersError("SERVICE_MANAGER", `There is no systemd on ${process.platform}`, {
      hint: "Print the unit with --print, or have the system's own service manager run `musketeers join`.",
    });
  }
  const plan = kind === "worker" ? await planWorker(args, options, context) : await planHub(args, context);
  if (options.print === true) return terminal.out(plan.unit);
  for (const folder of plan.folders) await mkdir(folder, { recursive: true });
  const file = await writeUnit(kind, plan.unit, terminal.env);
  terminal.out(`Written: ${file}\n`);
  if (options.start === false) return;
  await systemctl("daemon-reload");
  await systemctl("enable", unitName(kind));
  await systemctl("restart", unitName(kind));
  await linger().catch(({ message }: Error) =>
    terminal.err(`note: it runs only while you are logged in: ${message}\n`),
  );
  const name = unitName(kind);
  terminal.out(`${outStyle.good("Running")}, now and after every start of this machine.\n`);
  terminal.out(outStyle.dim(`See what it says:  journalctl --user -fu ${name}\n`));
  terminal.out(outStyle.dim(`Stop it for good:  musketeers service uninstall ${kind}\n`));
}

interface ServiceState {
  readonly service: ServiceKind;
  readonly installed: boolean;
  /** As systemd says: `active`, `inactive`, `failed`, … */
  readonly state: string;
  readonly restarts: number;
}

async function stateOf(kind: ServiceKind): Promise<ServiceState> {
  const properties = "LoadState,ActiveState,NRestarts";
  const text = await systemctl("show", unitName(kind), `--property=${properties}`);
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
  return {
    service: kind,
    installed: value("LoadState") === "loaded",
    state: value("ActiveState"),
    restarts: Number(value("NRestarts")) || 0,
  };
}

async function tellState(context: Context, { json }: JsonOption): Promise<void> {
  const { terminal, outStyle } = context;
  for (const state of await Promise.all(kinds.map(stateOf))) {
    if (json) terminal.out(jsonLine(state));
    else if (!state.installed) terminal.out(`${state.service.padEnd(8)}not installed\n`);
    else {
      const word = state.state === "active" ? outStyle.good("running") : outStyle.bad(state.state);
      terminal.out(`${state.service.padEnd(8)}${word}, started again ${state.restarts} times\n`);
    }
  }
}

async function uninstall(kind: ServiceKind, { terminal }: Context): Promise<void> {
  const known = (await stateOf(kind)).installed;
  if (known) await systemctl("disable", "--now", unitName(kind));
  await removeUnit(kind, terminal.env);
  if (kind === "worker") await rm(inviteFile(terminal.env), { force: true });
  await systemctl("daemon-reload");
  terminal.out(
    known ? `Stopped, and gone: ${unitFile(kind, terminal.env)}\n` : `There was no ${kind} service.\n`,
  );
}

function addInstall(parent: Command, kind: ServiceKind, context: Context): Command {
  const [word, what] = kind === "worker" ? ["join", "a worker"] : ["up", "a hub"];
  return parent
    .command(kind)
    .argument(`[${word}-arguments...]`, `what follows \`musketeers ${word}\``)
    .description(`run ${what} whenever this machine runs, as a service of yours`)
    .option("--print", "print the unit, and do nothing")
    .option("--no-start", "write the unit, and leave it to you to start it")
    .allowUnknownOption()
    .action((_args: readonly string[], options: InstallOptions, command: Command) => {
      const own = ["--print", "--no-start"];
      return install(
        kind,
        command.args.filter((arg) => !own.includes(arg)),
        options,
        context,
      );
    });
}

/** Has the user's systemd run a worker or a hub. */
export function addService(program: Command, context: Context): void {
  const service = program.command("service").addOption(jsonOption());
  const installs = service.command("install").description("write a systemd unit of yours, and start it");
  withExamples(
    addInstall(installs, "worker", context),
    ["musketeers service install worker 'http://…/join#…'", "asks for consent once"],
    ["musketeers service install worker 'http://…/join#…' --accept --follow-hub", "a room full of them"],
    ["musketeers service install worker 'http://…' --hours 22-07 --print", "shows the unit only"],
  );
  withExamples(addInstall(installs, "hub", context), [
    "musketeers service install hub --lan --workers 0",
    "a hub for the local network",
  ]);
  service
    .command("uninstall")
    .argument("<service>", "worker or hub")
    .description("stop it, and remove it; what it stored stays")
    .action((kind: string) => {
      const known = kinds.find((each) => each === kind);
      if (known === undefined)
        throw new MusketeersError("BAD_ARGUMENT", `There is no service ${JSON.stringify(kind)}`, {
          hint: "It is worker or hub.",
        });
      return uninstall(known, context);
    });
  service
    .command("status")
    .description("whether they run")
    .addOption(jsonOption())
    .action((_options: JsonOption, command: Command) => tellState(context, command.optsWithGlobals()));
  withExamples(
    service,
    ["musketeers service install worker 'http://…/join#…'", "lend this machine from now on"],
    ["musketeers service status", "do they run?"],
    ["musketeers service uninstall worker", "and no more"],
  );
}
