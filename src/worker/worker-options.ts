import process from "node:process";
import {
  CONTAINER_CAPABILITY,
  type Limits,
  MusketeersError,
  PACKAGE_VERSION,
  type WorkerDescription,
} from "../protocol/index.ts";
import type { WorkerNotice } from "./agent/agent-options.ts";
import {
  ContainerExecutor,
  type ContainerExecutorOptions,
  createDenoExecutor,
  createNodeExecutor,
  type Executor,
} from "./executors/index.ts";
import type { Lending } from "./governed.ts";
import { isLean, measureSpeed } from "./machine/machine.ts";
import { nodeMachine as machine } from "./machine/node-machine.ts";

export interface WorkerOptions {
  readonly invite: string;
  /** The machine's name where nothing is said. */
  readonly name?: string;
  /** Things that may run at once; one for each core where nothing is said. */
  readonly slots?: number;
  /** Memory that one task may have; the machine's where nothing is said. */
  readonly memoryBytes?: number;
  /** Hosts that tasks may reach: `host`, `host:port`, `*.host`, or `*` for every public one. */
  readonly allowNet?: readonly string[];
  readonly labels?: readonly string[];
  /** Secret key of this machine, which its hubs know it by; the invite's where nothing is said. */
  readonly machineKey?: Uint8Array;
  /** Runs tasks in plain Node processes: for one's own machines and one's own code only. */
  readonly trust?: boolean;
  /**
   * Serves the blobs that it keeps to other workers of its networks, who need a token of the hub's for each;
   * where nothing is said those do that are trusted with plain Node processes. A number is the port; where it
   * works for several hubs, the first of as many.
   */
  readonly serve?: boolean | number;
  /**
   * Where it keeps blobs that tasks read, up to `workerCacheBytesMax`, for later runs of it, too; in memory, and
   * fewer of them, where nothing is said or it cannot be used.
   */
  readonly cacheDirectory?: string;
  /** How much of the machine, and when; all of it at any time where nothing is said. */
  readonly lending?: Lending;
  /** Runs tasks that are containers. */
  readonly containers?: ContainerChoice;
  /** Drains the worker. */
  readonly signal?: AbortSignal;
  readonly limits?: Limits;
  readonly onEvent?: (notice: WorkerNotice) => void;
}

/** How a volunteer lets containers run. */
export interface ContainerChoice extends Pick<ContainerExecutorOptions, "network"> {
  /** Images that all hubs may have run, as `imageAllowed` reads them; others have to be consented to. */
  readonly images: readonly string[];
  /** Where no engine answers, the worker does without. */
  readonly optional?: boolean;
}

/** The executor that a worker is to have. */
export async function openExecutor(
  { trust, lending, containers }: Pick<WorkerOptions, "trust" | "lending" | "containers">,
  limits: Limits,
): Promise<Executor> {
  const options = {
    limits,
    isLean: isLean(machine.memoryBytes(), limits),
    ...(lending?.priority === undefined ? {} : { priority: lending.priority }),
  };
  const executor = await (trust ? createNodeExecutor(options) : createDenoExecutor(options));
  if (containers === undefined) return executor;
  try {
    const { network } = containers;
    return await ContainerExecutor.open(executor, { limits, ...(network === undefined ? {} : { network }) });
  } catch (error) {
    if (containers.optional) return executor;
    await executor.close();
    throw error;
  }
}

/**
 * What a worker says of itself.
 * @throws MusketeersError `BAD_ARGUMENT` for slots that no worker may have.
 */
export function describeWorker(
  options: Omit<WorkerOptions, "invite" | "onEvent">,
  executor: Executor,
  limits: Limits,
): WorkerDescription {
  const runsContainers = executor instanceof ContainerExecutor;
  const slots = options.slots ?? Math.min(machine.cores(), limits.slotsPerWorkerMax);
  if (!Number.isInteger(slots) || slots < 1 || slots > limits.slotsPerWorkerMax) {
    throw new MusketeersError(
      "BAD_ARGUMENT",
      `slots is no whole number from 1 to ${limits.slotsPerWorkerMax}`,
    );
  }
  return {
    name: (options.name ?? machine.name()).slice(0, 64),
    version: PACKAGE_VERSION,
    platform: process.platform,
    arch: process.arch,
    cores: machine.cores(),
    memoryBytes: options.memoryBytes ?? machine.memoryBytes(),
    slots,
    sandbox: executor.kind,
    engineClass: executor.engineClass,
    allowNet: options.allowNet ?? [],
    labels: options.labels ?? [],
    capabilities: [
      ...(executor.kind === "trusted" ? ["node"] : []),
      "wasm",
      ...(runsContainers ? [CONTAINER_CAPABILITY] : []),
    ],
    ...(runsContainers ? { allowImages: options.containers?.images ?? [] } : {}),
    speed: measureSpeed(),
  };
}
