import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { type Command, Option } from "commander";
import { withLeanHeap } from "../../heap/index.ts";
import type { Hub, HubOptions } from "../../hub/index.ts";
import { defaultLimits, type Limits, MusketeersError } from "../../protocol/index.ts";
import { type ProjectAsks, parseInvite } from "../../security/index.ts";
import {
  type Context,
  durationArgument,
  integerArgument,
  type JsonOption,
  jsonOption,
  limitArgument,
  listArgument,
  sharesArgument,
  withExamples,
} from "../context.ts";
import { defaultDataDirectory } from "../files/data-directory.ts";
import { type Endorse, openOwner } from "../files/endorse.ts";
import { lendProfile } from "../files/profile.ts";
import { RunningNotes } from "../files/running-note.ts";
import { writeInvite } from "../files/written-invite.ts";
import type { JoinEvent } from "../joining/join-event.ts";
import { renderEvent } from "../joining/join-reporter.ts";
import { type LocalWorker, slotsOfShare, startLocalWorker } from "../joining/local-workers.ts";
import { plural } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { pageLink } from "../render/page-link.ts";
import { LiveLine } from "../render/progress.ts";
import type { Style } from "../render/style.ts";
import { listenForStop, type Stopper } from "../stop.ts";
import { openBackup } from "./backup.ts";
import { INVITE_EXPIRES_MS } from "./invite.ts";

interface UpOptions extends JsonOption {
  readonly listen: string;
  readonly lan?: boolean;
  readonly advertise?: string;
  readonly tls?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureHttp?: boolean;
  readonly data?: string;
  readonly memory?: boolean;
  readonly recover?: string;
  readonly durability: "default" | "strict";
  readonly keep?: number;
  readonly limit: Partial<Limits>;
  readonly name: string;
  readonly workers: number;
  readonly slots?: number;
  readonly allowNet: readonly string[];
  readonly trust?: boolean;
  readonly quiet?: boolean;
  readonly join: readonly string[];
  readonly share?: readonly number[];
  readonly writeInvite?: string;
  readonly inviteUrl?: string;
}

/** The operator's own right, kept in the profile. */
const OWN_INVITE_EXPIRES_MS = 3650 * 24 * 3_600_000;

/** Whoever runs a hub trusts the workers of the same machine. */
const OWN_WORKERS = { person: "owner", trusted: true } as const;

/** What `up --json` prints once the hub is ready. */
export interface UpReport {
  readonly url: string;
  readonly joinInvite: string;
  readonly submitInvite: string;
  readonly viewInvite: string;
  readonly joinCommand: string;
}

function reportOf(hub: Hub, endorse: Endorse, asks: ProjectAsks): UpReport {
  const expiresInMs = INVITE_EXPIRES_MS;
  const joinInvite = endorse(hub.invite({ role: "worker", expiresInMs, label: "up" }), asks);
  return {
    url: hub.url,
    joinInvite,
    submitInvite: endorse(hub.invite({ role: "submitter", expiresInMs, label: "up" })),
    viewInvite: hub.invite({ role: "viewer", expiresInMs, label: "up" }),
    joinCommand: hub.joinCommand(joinInvite),
  };
}

/** The report for people: what to paste where. */
export function renderUp(report: UpReport, workers: string, reachable: boolean, style: Style): string {
  const block = (title: string, line: string) => `${style.bold(title)}\n  ${line}\n\n`;
  const where = reachable ? "another machine that has Node.js" : "another terminal of this machine";
  return [
    `${style.good("The hub is up")} at ${report.url} ${workers}.\n\n`,
    block(`Add a worker: paste this on ${where}`, report.joinCommand),
    block("Let someone submit work: send them this invite for `musketeers login`", report.submitInvite),
    block("Watch it in a browser", pageLink(report.viewInvite)),
    style.dim(
      [
        "In a second terminal: musketeers status",
        ...(report.url.startsWith("https:") && report.joinCommand.startsWith("curl")
          ? ["A browser warns of the page once: only the invite vouches for the hub's key."]
          : []),
        ...(reachable ? [] : ["Machines of your network can join a hub that was started with --lan."]),
        "The invites are good for 7 days. Ctrl-C stops the hub and its own workers.",
      ].join("\n"),
    ),
    "\n",
  ].join("");
}

/** With --lan the same port on all addresses; the hub then names one that others reach. */
function listenAddress({ listen, lan }: UpOptions): string {
  return lan ? `0.0.0.0:${listen.slice(listen.lastIndexOf(":") + 1)}` : listen;
}

/**
 * How the hub is to be spoken with. What others of a network may read and change needs TLS, or to be asked for.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
async function securityOf(options: UpOptions): Promise<Pick<HubOptions, "tls" | "insecureHttp">> {
  const { lan, tls, tlsCert, tlsKey, insecureHttp } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new MusketeersError("BAD_ARGUMENT", "--tls-cert and --tls-key belong together");
  }
  if (insecureHttp && (tls || tlsCert !== undefined)) {
    throw new MusketeersError("BAD_ARGUMENT", "--insecure-http is for a hub without TLS");
  }
  if (tlsCert !== undefined && tlsKey !== undefined) {
    const read = (file: string) =>
      readFile(file, "utf8").catch((cause: Error) => {
        throw new MusketeersError("BAD_ARGUMENT", `${file} cannot be read: ${cause.message}`, { cause });
      });
    return { tls: { cert: await read(tlsCert), key: await read(tlsKey) } };
  }
  if (insecureHttp) return { insecureHttp };
  return tls || lan ? { tls: "own" } : {};
}

const isLoopback = (url: string): boolean => /^(localhost|127\.|\[::1\])/.test(new URL(url).host);

async function startOwnWorkers(
  hub: Hub,
  endorse: Endorse,
  options: UpOptions,
  onEvent: (event: JoinEvent) => void,
): Promise<LocalWorker[]> {
  const { workers, trust, allowNet, join: others, share: shares } = options;
  // Other hubs know this machine by its own name.
  const name = others.length === 0 ? "local" : hostname().slice(0, 48) || "local";
  // A single one finds out by itself what it may have.
  const isShared = workers > 1 && options.slots === undefined;
  const cores = isShared ? (await import("../../worker/node.ts")).machineCores() : 0;
  return Array.from({ length: workers }, (_, index) => {
    const slots = isShared ? slotsOfShare(cores, workers, index) : options.slots;
    return startLocalWorker({
      invite: endorse(
        hub.invite({
          role: "worker",
          expiresInMs: OWN_INVITE_EXPIRES_MS,
          label: "local",
          ephemeral: true,
          ...OWN_WORKERS,
        }),
      ),
      name: workers === 1 ? name : `${name}${index + 1}`,
      others,
      ...(shares === undefined ? {} : { shares }),
      onEvent,
      ...(slots === undefined ? {} : { slots }),
      allowNet,
      ...(trust === undefined ? {} : { trust }),
    });
  });
}

/** With --write-invite: what machines of the same owner join with. */
async function leaveInvite(
  hub: Hub,
  endorse: Endorse,
  { writeInvite: file, inviteUrl, allowNet }: UpOptions,
  hubKey: Uint8Array,
  now: number,
): Promise<void> {
  if (file === undefined) return;
  const asks = { net: allowNet, memoryBytes: 0 };
  const terms = {
    role: "worker",
    expiresInMs: OWN_INVITE_EXPIRES_MS,
    label: "written",
    ...OWN_WORKERS,
  } as const;
  await writeInvite({
    file,
    hubKey,
    url: inviteUrl ?? hub.url,
    now,
    make: () => endorse(hub.invite(terms), asks),
    fits: ({ endorsement }) => JSON.stringify(endorsement?.asks) === JSON.stringify(asks),
  });
}

/** A hub whose own workers cannot work is of no use to whoever asked for them. */
async function allJoined(workers: readonly LocalWorker[], stopper: Stopper): Promise<void> {
  await Promise.race([Promise.all(workers.map(({ joined }) => joined)), stopper.stopped]);
}

/** @throws MusketeersError `BAD_ARGUMENT` for options that contradict each other, or name no address */
function checkOptions(options: UpOptions): void {
  if (options.advertise !== undefined && !URL.canParse(options.advertise)) {
    throw new MusketeersError("BAD_ARGUMENT", `--advertise ${options.advertise} is no address`, {
      hint: "Write what others open, such as http://192.168.0.5:7077.",
    });
  }
  if (options.inviteUrl !== undefined && !/^https?:/.test(options.inviteUrl)) {
    throw new MusketeersError("BAD_ARGUMENT", `--invite-url ${options.inviteUrl} is no address`, {
      hint: "Write how workers reach the hub, such as http://hub:7077.",
    });
  }
  if (options.join.length > 0 && options.workers === 0) {
    throw new MusketeersError(
      "BAD_ARGUMENT",
      "--join is for workers of this machine, and --workers 0 says none",
    );
  }
}

async function up(options: UpOptions, { terminal, outStyle, errStyle }: Context): Promise<void> {
  checkOptions(options);
  let workers: LocalWorker[] = [];
  using stopper = listenForStop({
    atOnce: () => {
      for (const worker of workers) worker.kill();
    },
  });
  let fault: MusketeersError | undefined;
  const line = new LiveLine(terminal, terminal.errIsTTY && !options.json);
  line.set("Starting …");
  using _ = { [Symbol.dispose]: () => line.clear() };
  const data = options.data ?? defaultDataDirectory(terminal.env);
  // Loaded here, so that the other commands start without it.
  const { startHub } = await withLeanHeap(() => import("../../hub/index.ts"));
  const recover =
    options.recover === undefined ? {} : { recover: await openBackup(options.recover, terminal.env) };
  const hub = await startHub({
    listen: listenAddress(options),
    ...(await securityOf(options)),
    ...(options.memory ? {} : { data }),
    ...recover,
    ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
    durability: options.durability,
    limits: { ...(options.keep === undefined ? {} : { jobsKeptMs: options.keep }), ...options.limit },
    name: options.name,
    onFault: (error) => {
      fault = error;
    },
    onNotice: (notice) => line.above(() => terminal.err(`${errStyle.dim("note:")} ${notice}\n`)),
  });
  const notes = new RunningNotes(terminal.env);
  let restoreProfile = async () => {};
  let forgetOwner = async () => {};
  try {
    const own = hub.invite({
      role: "admin",
      expiresInMs: OWN_INVITE_EXPIRES_MS,
      label: "operator",
      ephemeral: true,
    });
    const { endorse, forget } = await openOwner(parseInvite(own), terminal.env);
    // Its hub key is gone with it.
    if (options.memory) forgetOwner = forget;
    workers = await startOwnWorkers(hub, endorse, options, (event) => {
      // How they fare at this hub its operator sees anyway.
      if (!("url" in event) || event.url === hub.url || stopper.signal.aborted) return;
      terminal.err(`${errStyle.dim("elsewhere:")} ${renderEvent(event, errStyle)}`);
    });
    notes.say({ kind: "hub", port: hub.port, tls: hub.tls });
    await leaveInvite(hub, endorse, options, parseInvite(own).hubKey, terminal.now());
    await allJoined(workers, stopper);
    restoreProfile = await lendProfile(options.name, endorse(own), hub.url, (trouble) =>
      terminal.err(`${errStyle.bad("warning:")} ${trouble}\n`),
    );
    line.clear();
    if (options.quiet) terminal.out(`The hub is up at ${hub.url}.\n`);
    else if (!stopper.signal.aborted) {
      const report = reportOf(hub, endorse, { net: options.allowNet, memoryBytes: 0 });
      const staff =
        workers.length === 0
          ? "without workers of its own"
          : `with ${plural(workers.length, "worker")} of its own`;
      terminal.out(options.json ? jsonLine(report) : renderUp(report, staff, !isLoopback(hub.url), outStyle));
    }
    for (const { name, ended } of workers) {
      void ended.then(() => {
        if (!stopper.signal.aborted)
          terminal.err(`${errStyle.bad("warning:")} the worker ${name} has ended\n`);
      });
    }
    await Promise.race([stopper.stopped, hub.closed]);
    if (!options.json && stopper.signal.aborted)
      terminal.err(errStyle.dim("Stopping; Ctrl-C again to stop at once.\n"));
  } finally {
    await notes.remove();
    await restoreProfile();
    await forgetOwner();
    await Promise.all(workers.map((worker) => worker.stop()));
    await hub.close();
  }
  if (fault !== undefined) throw fault;
}

/** Whom invites are printed or left for. */
const addInviteOptions = (command: Command): Command =>
  command
    .option(
      "--quiet",
      "print no invites, as where what is printed goes into a log; `musketeers invite` makes them",
    )
    .option(
      "--write-invite <file>",
      "leave an invite for workers of your own in this file (see join --invite-file); one that is still good stays",
    )
    .option("--invite-url <url>", "the address that it names, where they reach the hub by another one");

export function addUp(program: Command, context: Context): void {
  const command = program
    .command("up")
    .option("--listen <host:port>", "where to listen; port 0 picks one", "127.0.0.1:7077")
    .option("--lan", "let other machines of the network in; listens on all addresses, with --tls")
    .option("--tls", "speak TLS with a key of its own, made once, which invites pin")
    .option("--tls-cert <file>", "speak TLS with this certificate (PEM) of an authority")
    .option("--tls-key <file>", "the private key of that certificate (PEM)")
    .option("--insecure-http", "speak plain HTTP over the network, such as behind a proxy that speaks TLS")
    .option("--advertise <url>", "the address that invites name, where the hub cannot know it")
    .option(
      "--data <directory>",
      "where jobs and results are kept (default: below $MUSKETEERS_HOME or the user's data directory)",
    )
    .option("--recover <file>", "go on as the hub of this backup, whose data directory is lost (see backup)")
    .option("--memory", "keep nothing on disk; everything is lost at the end")
    .addOption(
      new Option("--durability <level>", "default survives a crash of the program, strict also a power cut")
        .choices(["default", "strict"])
        .default("default"),
    )
    .option(
      "--keep <duration>",
      "how long ended jobs and their results are kept, such as 12h or 30d (default: 7d)",
      durationArgument,
    )
    .option(
      "--limit <name=value>",
      "change one of the limits of docs/limits.md, such as leaseTtlMs=30s; may be repeated",
      limitArgument,
      {},
    )
    .option("--name <name>", "what to call the hub", "local")
    .option("--workers <n>", "workers on this machine", integerArgument(0, 64), 1)
    .option(
      "--slots <n>",
      "slots of each of them (default: a core each)",
      integerArgument(1, defaultLimits.slotsPerWorkerMax),
    )
    .option(
      "--allow-net <host>",
      "a host that tasks on them may reach; may be repeated (see join)",
      listArgument,
      [],
    )
    .option(
      "--join <invite>",
      "another hub that they are to work for as well; may be repeated (see join)",
      listArgument,
      [],
    )
    .option(
      "--share <a/b>",
      "how this hub and those share them while all have work, such as 70/30 (default: equally)",
      sharesArgument,
    )
    .option("--trust", "run tasks on them without a sandbox: only for your own code")
    .addOption(jsonOption("print one line of JSON once it is ready"));
  addInviteOptions(command).action((options: UpOptions) => up(options, context));
  withExamples(
    command,
    ["musketeers up", "a hub for this machine"],
    ["musketeers up --lan", "a hub for the network"],
    ["musketeers up --join 'http://…/join#…' --share 70/30", "a hub whose worker also works for another"],
    [
      "musketeers up --insecure-http --listen 0.0.0.0:7077 --advertise https://hub.example.org",
      "behind a proxy",
    ],
  );
}
