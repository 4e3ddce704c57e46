import { type Command, Option } from "commander";
import { withLeanHeap } from "../../heap/index.ts";
import type { Hub } from "../../hub/index.ts";
import { defaultLimits, type MusketeersError } from "../../protocol/index.ts";
import {
  type Context,
  durationArgument,
  integerArgument,
  jsonOption,
  limitArgument,
  listArgument,
  sharesArgument,
  withExamples,
} from "../context.ts";
import type { Endorse } from "../files/endorse.ts";
import { plural } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { LiveLine } from "../render/progress.ts";
import { listenForStop } from "../stop.ts";
import { Household } from "../up/household.ts";
import { checkUpOptions, hubOptionsOf, type UpOptions } from "../up/up-options.ts";
import { renderUp, reportOf } from "../up/up-report.ts";
import { openBackup } from "./backup.ts";
import { INVITE_EXPIRES_MS } from "./invite.ts";

const isLoopback = (url: string): boolean => /^(localhost|127\.|\[::1\])/.test(new URL(url).host);

/** Prints what to paste where. */
function announce(
  hub: Hub,
  endorse: Endorse,
  workers: number,
  { quiet, json, allowNet }: UpOptions,
  { terminal, outStyle }: Context,
): void {
  if (quiet) {
    terminal.out(`The hub is up at ${hub.url}.\n`);
    return;
  }
  const report = reportOf(hub, endorse, { net: allowNet, memoryBytes: 0 }, INVITE_EXPIRES_MS);
  const staff = workers === 0 ? "without workers of its own" : `with ${plural(workers, "worker")} of its own`;
  terminal.out(json ? jsonLine(report) : renderUp(report, staff, !isLoopback(hub.url), outStyle));
}

async function up(options: UpOptions, context: Context): Promise<void> {
  checkUpOptions(options);
  const { terminal, errStyle } = context;
  let household: Household | undefined;
  using stopper = listenForStop({ atOnce: () => household?.kill() });
  let fault: MusketeersError | undefined;
  const line = new LiveLine(terminal, terminal.errIsTTY && !options.json);
  line.set("Starting …");
  using _ = { [Symbol.dispose]: () => line.clear() };
  // Loaded here, so that the other commands start without it.
  const { startHub } = await withLeanHeap(() => import("../../hub/index.ts"));
  const recover =
    options.recover === undefined ? {} : { recover: await openBackup(options.recover, terminal.env) };
  const hub = await startHub({
    ...(await hubOptionsOf(options, terminal.env)),
    ...recover,
    onFault: (error) => {
      fault = error;
    },
    onNotice: (notice) => line.above(() => terminal.err(`${errStyle.dim("note:")} ${notice}\n`)),
  });
  household = new Household(hub, options, context, stopper);
  try {
    const endorse = await household.moveIn();
    line.clear();
    if (options.quiet || !stopper.signal.aborted) announce(hub, endorse, household.workers, options, context);
    household.watch();
    await Promise.race([stopper.stopped, hub.closed]);
    if (!options.json && stopper.signal.aborted)
      terminal.err(errStyle.dim("Stopping; Ctrl-C again to stop at once.\n"));
  } finally {
    await household.moveOut();
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
