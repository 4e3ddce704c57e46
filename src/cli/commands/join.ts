import type { Command } from "commander";
import { loadMachineKey } from "../../client/node.ts";
import { keepHeapLean, withLeanHeap } from "../../heap/index.ts";
import { defaultLimits, MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import type { SharedWorkerHandle, WorkerNotice } from "../../worker/node.ts";
import { addContainerOptions, type ContainerOptions, containersOf } from "../arguments/container-options.ts";
import { type Agreed, obtainConsent, openConsentFile } from "../consent/consent.ts";
import {
  type Context,
  durationArgument,
  integerArgument,
  type JsonOption,
  jsonOption,
  listArgument,
  sharesArgument,
  sizeArgument,
  withExamples,
} from "../context.ts";
import { defaultCacheDirectory } from "../files/data-directory.ts";
import { openDiary } from "../files/diary.ts";
import { RunningNotes } from "../files/running-note.ts";
import { KEPT_VARIABLE, type LeaveMessage } from "../following/messages.ts";
import { checkRoles, type InviteSources, readInvites } from "../joining/join-invites.ts";
import { Reporter } from "../joining/join-reporter.ts";
import { addLendingOptions, type LendingOptions, lendingOf } from "../joining/lending.ts";
import { LiveConsent } from "../joining/live-consent.ts";
import { plural } from "../render/format.ts";
import { listenForStop } from "../stop.ts";

interface JoinOptions extends JsonOption, LendingOptions, ContainerOptions, InviteSources {
  readonly share?: readonly number[];
  readonly name?: string;
  readonly slots?: number;
  readonly memory?: number;
  readonly allowNet: readonly string[];
  readonly label: readonly string[];
  readonly trust?: boolean;
  readonly accept?: boolean;
  readonly serve?: boolean;
  readonly servePort?: number;
  readonly grace?: number;
  readonly cache?: string;
  readonly cacheSize?: number;
  readonly followHub?: boolean;
}

/** One share for each hub; equal ones where nothing is said. */
function sharesOf(shares: readonly number[] | undefined, hubs: number): readonly number[] {
  if (shares === undefined) return Array.from({ length: hubs }, () => 1);
  if (shares.length === hubs) return shares;
  throw new MusketeersError(
    "BAD_ARGUMENT",
    `--share names ${shares.length} shares for ${plural(hubs, "hub")}`,
    {
      hint: "Give one for each invite, in their order: --share 70/30 with two of them.",
    },
  );
}

/** Turns what the worker says into what is told. */
function listenTo(
  reporter: Reporter,
  live: LiveConsent | undefined,
): (notice: WorkerNotice, hub: number) => void {
  return (notice, hub) => {
    switch (notice.type) {
      case "connected":
        reporter.connected(hub, notice.hub);
        break;
      case "disconnected":
        reporter.disconnected(hub, notice.error, notice.retryInMs);
        break;
      case "ran":
        reporter.ran(notice.done, notice.failed);
        break;
      case "refused":
        reporter.refused(hub, notice.task, notice.code, notice.message);
        break;
      case "paused":
        reporter.paused(notice.reason);
        break;
      case "resumed":
        reporter.resumed();
        break;
      case "asks":
        reporter.asks(hub, notice.request);
        // What cannot be kept can be granted by another command all the same.
        live?.ask(notice.request).catch(() => {});
        break;
      case "draining":
        break;
    }
  };
}

/** What is said of one hub: that it was joined, and that it was left before the others. */
async function follow(
  reporter: Reporter,
  hub: number,
  worker: SharedWorkerHandle,
  signal: AbortSignal,
): Promise<void> {
  const { joined, closed, servePort } = worker.hubs[hub]!;
  try {
    await joined;
    reporter.joined(hub, worker.description, servePort);
    await closed;
    if (!signal.aborted) reporter.ended(hub);
  } catch (error) {
    if (!signal.aborted) reporter.ended(hub, toMusketeersError(error));
  }
}

/** What holds for this run only; the worker reads the rest, and hears when it changes. */
const allowsOf = ({ asks, isKept }: Agreed) => (isKept ? {} : { allows: asks });

/** Leaves when its keeper says so, with more time than whoever stops it gives. */
function leaveForKeeper(worker: SharedWorkerHandle): void {
  process.on("message", (message: LeaveMessage) => {
    if (message.type === "leave") worker.drain(message.graceMs).catch(() => {});
  });
}

/** What a worker consists of, loaded when it is wanted, so that the other commands start without it. */
async function loadWorker() {
  const worker = await withLeanHeap(() => import("../../worker/node.ts"));
  if (worker.isLeanMachine(defaultLimits)) keepHeapLean();
  return worker;
}

async function join(texts: readonly string[], options: JoinOptions, context: Context): Promise<void> {
  const led = process.send !== undefined;
  // A keeper acts for the volunteer; any other process that leads this one answers for itself.
  const kept = context.terminal.env[KEPT_VARIABLE] === "1";
  if (options.followHub === true) {
    const { joinAndFollow } = await import("../following/follow.ts");
    return joinAndFollow(texts, options, context);
  }
  using stopper = listenForStop({ led });
  const { name, slots, memory, allowNet, label, trust, servePort, grace, cacheSize } = options;
  const serve = options.serve === false ? false : (servePort ?? options.serve);
  const notes = new RunningNotes(context.terminal.env);
  notes.say({ kind: "worker", trouble: "it waits for an invite, or for its owner's word" });
  await using _ = { [Symbol.asyncDispose]: () => notes.remove() };
  const invites = await readInvites(texts, options, context, stopper.signal).then(checkRoles, (error) => {
    // Stopped while it waited for one.
    if (stopper.signal.aborted) return undefined;
    throw error;
  });
  if (invites === undefined) return;
  const shares = sharesOf(options.share, invites.length);
  // A process that leads this one has its own way to ask, and is not remembered.
  const { signal } = stopper;
  const agreed = await obtainConsent(invites, options, context, { remember: !led || kept, signal });
  const { joinHubs, offerToEnd } = await loadWorker();
  offerToEnd();
  const reporter = new Reporter(
    context,
    invites.map((invite) => invite.replace(/\/join#.*$/s, "")),
    options.json === true,
  );
  const { inputIsTTY, errIsTTY } = context.terminal;
  const isAtTerminal = inputIsTTY && errIsTTY && !led && options.json !== true;
  const live = isAtTerminal ? new LiveConsent(context, reporter, signal) : undefined;
  reporter.onTrouble = (trouble) =>
    notes.say({ kind: "worker", ...(trouble === undefined ? {} : { trouble }) });
  try {
    const worker = await joinHubs({
      machineKey: await loadMachineKey(context.terminal.env, ({ message }) =>
        context.terminal.err(`note: hubs will not know this machine again: ${message}\n`),
      ),
      hubs: invites.map((invite, hub) => ({ invite, share: shares[hub]!, ...allowsOf(agreed[hub]!) })),
      diaryFile: await openDiary(context.terminal.env),
      ...(led && !kept ? {} : { consentFile: await openConsentFile(context.terminal.env) }),
      ...(name === undefined ? {} : { name }),
      ...(slots === undefined ? {} : { slots }),
      ...(memory === undefined ? {} : { memoryBytes: memory }),
      ...(trust === undefined ? {} : { trust }),
      ...(serve === undefined ? {} : { serve }),
      ...containersOf(options, agreed),
      limits: {
        ...defaultLimits,
        ...(grace === undefined ? {} : { drainGraceMs: grace }),
        ...(options.pauseHold === undefined ? {} : { pauseHoldMs: options.pauseHold }),
        ...(cacheSize === undefined ? {} : { workerCacheBytesMax: cacheSize }),
      },
      cacheDirectory: options.cache ?? defaultCacheDirectory(context.terminal.env),
      lending: await lendingOf(options, context.terminal.env),
      allowNet,
      labels: label,
      signal: stopper.signal,
      onEvent: listenTo(reporter, live),
    });
    if (kept) leaveForKeeper(worker);
    const followed = Promise.all(worker.hubs.map((_, hub) => follow(reporter, hub, worker, stopper.signal)));
    await worker.closed;
    await followed;
    if (reporter.hasJoined) reporter.left();
  } catch (error) {
    // Stopped before it had joined: there is nothing to hand back.
    if (!stopper.signal.aborted || reporter.hasJoined) throw error;
  } finally {
    live?.close();
    reporter.clear();
    // The channel to a leading process would keep this one alive.
    if (led) process.disconnect?.();
  }
}

export function addJoin(program: Command, context: Context): void {
  const command = program
    .command("join")
    .argument("[invites...]", "a worker's invite, in quotes, or several; - reads them from standard input")
    .option("--invite-env <name>", "take the invites from this environment variable")
    .option(
      "--invite-file <file>",
      "take them from this file, and wait until it is there (see up --write-invite)",
    )
    .option(
      "--share <a/b>",
      "how several hubs share the slots while they all have work, such as 70/30 (default: equally)",
      sharesArgument,
    )
    .option("--name <name>", "what to call this worker (default: the machine's name)")
    .option(
      "--slots <n>",
      "tasks at once (default: one for each core)",
      integerArgument(1, defaultLimits.slotsPerWorkerMax),
    )
    .option("--memory <size>", "that one task may use, such as 2GB (default: the machine's)", sizeArgument)
    .option(
      "--allow-net <host>",
      "a host that tasks may reach, as host, host:port, *.host, or * for every public one; may be repeated",
      listArgument,
      [],
    )
    .option("--label <label>", "something that tasks may ask for; may be repeated", listArgument, [])
    .option(
      "--grace <duration>",
      "what may still be finished when it is asked to leave, such as 30s (default: 3s)",
      durationArgument,
    )
    .option("--accept", "agree to what the projects ask for, as it is needed without a terminal")
    .option("--trust", "run tasks without a sandbox: only for your own cluster and code; means all hubs")
    .option("--serve", "give other workers of this network what it has fetched (default: with --trust only)")
    .option("--no-serve", "open no port for them, even with --trust")
    .option(
      "--serve-port <port>",
      "the port for that; one for each hub, from here on (default: any)",
      integerArgument(1_024, 65_535),
    )
    .option("--follow-hub", "run the version of the program that the hub hands out, and change with it")
    .option("--cache <dir>", "where to keep data that tasks read, for later runs, too")
    .option("--cache-size <size>", "how much of it, such as 10GB (default: 4GB)", sizeArgument)
    .addOption(jsonOption("print events as JSON lines"));
  addContainerOptions(addLendingOptions(command)).action((invites: readonly string[], options: JoinOptions) =>
    join(invites, options, context),
  );
  withExamples(
    command,
    ["musketeers join 'http://…/join#…'", "all cores, sandboxed, no network"],
    ["musketeers join 'http://…/join#…' --slots 2 --allow-net api.example.org", "with bounds"],
    ["musketeers join 'http://…/join#…' --serve", "and let its neighbours fetch data from it"],
    [
      "musketeers join 'http://…/join#…' --when-idle --on-battery pause",
      "only while nobody uses this machine",
    ],
    ["musketeers join 'http://…/join#…' --hours 22-07 --cpu 50%", "at night, half of each core"],
    ["musketeers join 'http://a…' 'http://b…' --share 70/30", "for two hubs at once"],
    ["echo 'http://…/join#…' | musketeers join -", "keeps the invite out of the shell's history"],
  );
}
