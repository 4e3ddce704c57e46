/*
 * What `musketeers` is inside a bundle: tasks register themselves, and everything that needs a cluster
 * stays away. It imports nothing, because it travels with every bundle.
 */

type AnyFunction = (...args: never[]) => unknown;

/** An entry of the registry under `Symbol.for("musketeers.tasks")`, by `site:FILE#ORDINAL`. */
export interface RegisteredTask {
  readonly fn: AnyFunction;
  readonly options: object;
}

interface Registry {
  [key: symbol]: unknown;
}

const tasksKey = Symbol.for("musketeers.tasks");
const connectKey = Symbol.for("musketeers.connect");
const markKey = Symbol.for("musketeers.task");
const registry = globalThis as unknown as Registry;

/** The tasks that this realm knows. */
export function registeredTasks(): Map<string, RegisteredTask> {
  registry[tasksKey] ??= new Map<string, RegisteredTask>();
  return registry[tasksKey] as Map<string, RegisteredTask>;
}

/** `task()` for one source file of the bundle. */
export function taskOf(file: string): (fn: AnyFunction, options?: object) => AnyFunction {
  let ordinal = 0;
  return (fn, options = {}) => {
    const entry = `site:${file}#${ordinal++}`;
    const call = function (this: unknown, ...args: never[]): unknown {
      return Reflect.apply(fn, this, args);
    };
    Object.defineProperty(call, "name", { value: (options as { name?: string }).name ?? fn.name });
    Object.defineProperty(call, "length", { value: fn.length });
    Object.defineProperty(call, markKey, { value: { options, entry } });
    registeredTasks().set(entry, { fn, options });
    return call;
  };
}

/** The part of a script that uses a cluster does not run inside one: this never resolves. */
export function connect(): Promise<never> {
  (registry[connectKey] as (() => void) | undefined)?.();
  return new Promise(() => {});
}

interface StateOffer {
  save(state: unknown): void;
  restored(): unknown;
}

/** Only a sandbox offers to keep states; elsewhere a task is an ordinary function. */
const stateOffer = (): StateOffer | undefined =>
  registry[Symbol.for("musketeers.state")] as StateOffer | undefined;

/**
 * Keeps how far a task is with its input, so that its next attempt can go on from there when its machine
 * is gone: call it as often as you like within the task, before or between `await`s that the task itself
 * waits for. A state is kept at most once a second; a call that comes sooner returns at once. Does nothing
 * outside a cluster.
 * @param state data, as for results
 * @throws MusketeersError `UNSERIALIZABLE` for what is no data
 */
export function checkpoint(state: unknown): void {
  stateOffer()?.save(state);
}

/** What the task last gave to `checkpoint` for this input; undefined where it begins anew. */
export function restored<State>(): State | undefined {
  return stateOffer()?.restored() as State | undefined;
}

const absent = (name: string) => (): never => {
  throw new Error(`${name} of musketeers is not there inside a task; use it where you submit`);
};

export class MusketeersError extends Error {
  override readonly name = "MusketeersError";
}
export class TaskError extends Error {
  override readonly name: string = "TaskError";
}
export const Cluster = absent("Cluster");
export const Job = absent("Job");
export const MapValues = absent("MapValues");
export const parseDuration = absent("parseDuration");
export const parseSize = absent("parseSize");
export const MapResults = absent("MapResults");
