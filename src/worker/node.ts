/** Starts a worker in a Node process. */
import type { Limits, WorkerDescription } from "../protocol/index.ts";
import { isLean } from "./machine/machine.ts";
import { nodeMachine } from "./machine/node-machine.ts";
import { joinHubs } from "./several-hubs.ts";
import type { WorkerOptions } from "./worker-options.ts";

export type { WorkerNotice } from "./agent/agent-options.ts";
export {
  type Asks,
  ConsentFile,
  type ConsentRequest,
  type Granted,
  imagesIn,
  missingOf,
  noAsks,
  projectIdOf,
  together,
} from "./consent/index.ts";
export { type DiaryEntry, DiaryFile } from "./diary/index.ts";
export { type KnownImages, knownImages, makeScratch, offerToEnd } from "./executors/index.ts";
export type { Lending } from "./governed.ts";
export { parseHours, readPause, removePause, writePause } from "./governor/index.ts";
export {
  type HubChoice,
  joinHubs,
  type Membership,
  type SharedWorkerHandle,
  type SharedWorkerOptions,
} from "./several-hubs.ts";
export type { ContainerChoice, WorkerOptions } from "./worker-options.ts";

/** Cores that this process may use: those of the machine, within what its control groups grant. */
export const machineCores = (): number => nodeMachine.cores();

/** Whether this machine has so little memory that a worker does with less of it. */
export const isLeanMachine = (limits: Pick<Limits, "leanMachineBytesMax">): boolean =>
  isLean(nodeMachine.memoryBytes(), limits);

export interface WorkerHandle {
  readonly description: WorkerDescription;
  /** Finishes or hands back what it has, within `drainGraceMs`, and leaves. */
  drain(): Promise<void>;
  /** Leaves at once. */
  stop(): Promise<void>;
  /** Fulfilled when it has left; rejected where the hub refused it. */
  readonly closed: Promise<void>;
}

/**
 * Starts a worker and connects it; resolves when the hub has welcomed it.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` with the reason where strangers' code cannot be kept from
 * this machine, `INVITE_MALFORMED`, or what the hub refuses it with.
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerHandle> {
  const { invite, onEvent, ...others } = options;
  const hubs = [{ invite }];
  const worker = await joinHubs({ ...others, hubs, ...(onEvent === undefined ? {} : { onEvent }) });
  try {
    await worker.hubs[0]?.joined;
  } catch (error) {
    await worker.closed.catch(() => {});
    throw error;
  }
  return worker;
}
