/** Starts a worker in a Node process. */
import process from "node:process";
import { openNodeSocket } from "../link/node.ts";
import {
  defaultLimits,
  type Limits,
  MusketeersError,
  PACKAGE_VERSION,
  type WorkerDescription,
} from "../protocol/index.ts";
import { parseInvite } from "../security/index.ts";
import { Agent, type WorkerNotice } from "./agent.ts";
import { createDenoExecutor, createNodeExecutor, type Executor } from "./executors/index.ts";
import { machine, measureSpeed } from "./machine.ts";

export type { WorkerNotice } from "./agent.ts";
export { makeScratch } from "./executors/index.ts";

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
  /** Runs tasks in plain Node processes: for one's own machines and one's own code only. */
  readonly trust?: boolean;
  /** Drains the worker. */
  readonly signal?: AbortSignal;
  readonly limits?: Limits;
  readonly onEvent?: (notice: WorkerNotice) => void;
}

export interface WorkerHandle {
  readonly description: WorkerDescription;
  /** Finishes or hands back what it has, within `drainGraceMs`, and leaves. */
  drain(): Promise<void>;
  /** Leaves at once. */
  stop(): Promise<void>;
  /** Fulfilled when it has left; rejected where the hub refused it. */
  readonly closed: Promise<void>;
}

async function openExecutor(trust: boolean, limits: Limits): Promise<Executor> {
  return trust ? createNodeExecutor({ limits }) : createDenoExecutor({ limits });
}

function describe(options: WorkerOptions, executor: Executor, limits: Limits): WorkerDescription {
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
    capabilities: executor.kind === "trusted" ? ["node"] : [],
    speed: measureSpeed(),
  };
}

/**
 * Starts a worker and connects it; resolves when the hub has welcomed it.
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` with the reason where strangers' code cannot be kept from
 * this machine, `INVITE_MALFORMED`, or what the hub refuses it with.
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerHandle> {
  const limits = options.limits ?? defaultLimits;
  const invite = parseInvite(options.invite);
  const executor = await openExecutor(options.trust === true, limits);
  let agent: Agent;
  let description: WorkerDescription;
  try {
    description = describe(options, executor, limits);
    const onNotice = options.onEvent ?? (() => {});
    agent = new Agent({ invite, openSocket: openNodeSocket, executor, description, limits, onNotice });
  } catch (error) {
    await executor.close();
    throw error;
  }
  const leave = () => void agent.drain();
  options.signal?.addEventListener("abort", leave, { once: true });
  agent.closed.then(forget, forget);
  function forget(): void {
    options.signal?.removeEventListener("abort", leave);
  }
  if (options.signal?.aborted) leave();
  try {
    await agent.start();
  } catch (error) {
    await agent.closed.catch(() => {});
    throw error;
  }
  return { description, drain: () => agent.drain(), stop: () => agent.stop(), closed: agent.closed };
}
