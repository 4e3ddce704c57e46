import { fetchWith, openNodeSocket } from "../link/node.ts";
import {
  defaultLimits,
  type Limits,
  MusketeersError,
  type Welcome,
  type WorkerDescription,
} from "../protocol/index.ts";
import { type Invite, parseInvite } from "../security/index.ts";
import { tracerFromEnvironment } from "../tracing/index.ts";
import { Agent } from "./agent/agent.ts";
import type { WorkerNotice } from "./agent/agent-options.ts";
import { type Asks, type ConsentFile, KeptConsent, noAsks, projectIdOf } from "./consent/index.ts";
import type { DiaryFile } from "./diary/index.ts";
import { govern } from "./governed.ts";
import { nodeMachine } from "./machine/node-machine.ts";
import type { Surroundings } from "./neighbours/blob-exchange.ts";
import { openSurroundings } from "./neighbours/surroundings.ts";
import { openCache } from "./replicas/cache-directory.ts";
import { SandboxPool } from "./slots/sandbox-pool.ts";
import { Seats } from "./slots/seats.ts";
import { describeWorker, openExecutor, type WorkerOptions } from "./worker-options.ts";

/** A hub to work for, or one of its projects. */
export interface HubChoice {
  readonly invite: string;
  /** Its part of the slots while others have work, too; only the ratios matter. 1 where nothing is said. */
  readonly share?: number;
  /** What its volunteer agreed to for this run, besides what all hubs may. */
  readonly allows?: Asks;
}

export interface SharedWorkerOptions extends Omit<WorkerOptions, "invite" | "onEvent"> {
  readonly hubs: readonly HubChoice[];
  /** Where the volunteer's consents are kept; nobody can be asked for more where there is none. */
  readonly consentFile?: ConsentFile;
  /** Where it is written down what runs; nowhere where nothing is said. */
  readonly diaryFile?: DiaryFile;
  /** @param hub which of `hubs` it is about */
  readonly onEvent?: (notice: WorkerNotice, hub: number) => void;
}

/** One hub of a worker that has several. */
export interface Membership {
  /** The hub's address. */
  readonly url: string;
  /** Resolves when this hub has welcomed the worker, however long that takes; rejects where it refuses. */
  readonly joined: Promise<Welcome>;
  /** Port on which its neighbours fetch this hub's data from it; undefined where it serves nobody. */
  readonly servePort: number | undefined;
  /** Fulfilled when the worker has left this hub; rejected where the hub refused it. */
  readonly closed: Promise<void>;
}

export interface SharedWorkerHandle {
  readonly description: WorkerDescription;
  readonly hubs: readonly Membership[];
  /** Leaves all hubs; finishes or hands back what it has, within this time, or `drainGraceMs`. */
  drain(graceMs?: number): Promise<void>;
  /** Leaves all hubs at once. */
  stop(): Promise<void>;
  /** Fulfilled when no hub is left; rejected with the first hub's refusal where every one refused. */
  readonly closed: Promise<void>;
}

interface Choice {
  readonly invite: Invite;
  readonly share: number;
  readonly allows: Asks;
}

/** @throws MusketeersError `BAD_ARGUMENT` where hubs or shares cannot be meant, `INVITE_MALFORMED` */
function parseChoices(hubs: readonly HubChoice[], limits: Limits): Choice[] {
  if (hubs.length === 0 || hubs.length > limits.hubsPerWorkerMax) {
    throw new MusketeersError("BAD_ARGUMENT", `A worker works for 1 to ${limits.hubsPerWorkerMax} hubs`);
  }
  const known = new Map<string, number>();
  return hubs.map(({ invite: text, share = 1, allows = noAsks }, index) => {
    if (!Number.isFinite(share) || share <= 0) {
      throw new MusketeersError("BAD_ARGUMENT", `A share is a number above 0, not ${share}`);
    }
    const invite = parseInvite(text);
    const before = known.get(invite.grantId);
    if (before !== undefined) {
      throw new MusketeersError("BAD_ARGUMENT", `Invites ${before + 1} and ${index + 1} are the same`, {
        hint: "Name each invite once; the slots come from --slots.",
      });
    }
    known.set(invite.grantId, index);
    return { invite, share, allows };
  });
}

/** With what was agreed to for this run. */
const withAllowed = (description: WorkerDescription, { net, images = [] }: Asks): WorkerDescription => ({
  ...description,
  allowNet: [...description.allowNet, ...net],
  ...(description.allowImages === undefined ? {} : { allowImages: [...description.allowImages, ...images] }),
});

/** What it runs on, and how it speaks with the hub of an invite. */
const connectionOf = (invite: Invite, { machineKey }: Pick<SharedWorkerOptions, "machineKey">) => ({
  invite,
  machine: nodeMachine,
  openSocket: openNodeSocket,
  fetch: fetchWith(invite),
  ...(machineKey === undefined ? {} : { machineKey }),
});

/**
 * Starts one worker that works for several hubs. Its slots are divided by the hubs' shares while they all have
 * work; whoever has none leaves his to the others. What happens to one hub does not concern the others: the
 * worker tries to reach it again, or goes on without it where it is refused.
 * Resolves as soon as it is started; `hubs` tells how far each is.
 * @throws MusketeersError as `startWorker` does, but for what hubs refuse.
 */
export async function joinHubs(options: SharedWorkerOptions): Promise<SharedWorkerHandle> {
  const limits = options.limits ?? defaultLimits;
  const choices = parseChoices(options.hubs, limits);
  const executor = await openExecutor(options, limits);
  let description: WorkerDescription;
  let surroundings: readonly Surroundings[];
  try {
    description = describeWorker(options, executor, limits);
    surroundings = await openSurroundings(choices.length, options, limits);
  } catch (error) {
    await executor.close();
    throw error;
  }
  const bytesMax = Math.floor(limits.workerCacheBytesMax / choices.length);
  const directory = options.cacheDirectory === undefined ? {} : { directory: options.cacheDirectory };
  const caches = await Promise.all(
    choices.map(({ invite }) =>
      openCache({ ...directory, bytesMax, hubKey: invite.hubKey, replicas: options.trust === true }),
    ),
  );
  const alone = choices.length === 1;
  const seats = seatsFor(choices, description.slots, limits);
  const pool = new SandboxPool(executor, limits);
  const tracer = tracerFromEnvironment(process.env, { service: "musketeers-worker", limits });
  const consents = await openConsents(choices, options, limits);
  const agents = choices.map(({ invite, allows }, hub) => {
    const shared = alone ? {} : { shared: { seats, hub } };
    const { close: _close, ...kept } = caches[hub]!;
    return new Agent({
      ...connectionOf(invite, options),
      executor,
      pool,
      description: withAllowed(description, allows),
      limits,
      onNotice: (notice) => options.onEvent?.(notice, hub),
      ...(options.diaryFile === undefined ? {} : { diaryFile: options.diaryFile }),
      ...(consents[hub] === undefined ? {} : { consent: consents[hub] }),
      ...kept,
      surroundings: surroundings[hub]!,
      tracer,
      ...shared,
    });
  });
  const drain = async (graceMs?: number) => {
    await Promise.allSettled(agents.map((agent) => agent.drain(graceMs)));
  };
  const leave = () => void drain();
  options.signal?.addEventListener("abort", leave, { once: true });
  const release = async () => {
    options.signal?.removeEventListener("abort", leave);
    for (const consent of consents) consent?.stop();
    await Promise.all(caches.map((cache) => cache.close()));
    // A single agent has done it.
    if (!alone) await executor.close();
    // What the last processes were denied is told when they are gone.
    await Promise.all(agents.map((agent) => agent.diary?.close()));
    await tracer?.close();
  };
  const closed = endOf(agents, release);
  closed.catch(() => {});
  const ungovern = await govern(agents, pool, options.lending ?? {}, limits);
  closed.then(ungovern, ungovern);
  const hubs = agents.map((agent, hub) => {
    const joined = agent.start();
    joined.catch(() => {});
    const servePort = surroundings[hub]!.server?.port;
    return { url: choices[hub]!.invite.url, joined, servePort, closed: agent.closed };
  });
  if (options.signal?.aborted) leave();
  const stop = async () => {
    await Promise.allSettled(agents.map((agent) => agent.stop()));
  };
  const handle = { description, hubs, closed };
  return {
    ...handle,
    drain: (graceMs) => drain(graceMs).then(() => closed),
    stop: () => stop().then(() => closed),
  };
}

const seatsFor = (choices: readonly Choice[], slots: number, limits: Limits): Seats =>
  new Seats({
    slots,
    weights: choices.map(({ share }) => share),
    waitMs: limits.shareWaitMs,
    lagMs: limits.shareLagMs,
    now: () => performance.now(),
  });

/** What the volunteer said to each hub's project; without a file nobody is asked. */
async function openConsents(
  choices: readonly Choice[],
  { consentFile: file, onEvent }: SharedWorkerOptions,
  { consentPollMs: pollMs }: Limits,
): Promise<readonly (KeptConsent | undefined)[]> {
  if (file === undefined) return [];
  return Promise.all(
    choices.map(async ({ invite }, hub) => {
      const consent = new KeptConsent({
        file,
        of: projectIdOf(invite),
        project: invite.project,
        hub: invite.url,
        pollMs,
        nowMs: Date.now,
        onRequest: (request) => onEvent?.({ type: "asks", request }, hub),
      });
      await consent.start();
      return consent;
    }),
  );
}

async function endOf(agents: readonly Agent[], release: () => Promise<void>): Promise<void> {
  try {
    await allClosed(agents);
  } finally {
    await release();
  }
}

async function allClosed(agents: readonly Agent[]): Promise<void> {
  const ends = await Promise.allSettled(agents.map((agent) => agent.closed));
  if (ends.some(({ status }) => status === "fulfilled")) return;
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
