import { MusketeersError } from "../../protocol/index.ts";
import { checkOptionNames, resolveOptions, type TaskOptions } from "../options.ts";
import { callerScript } from "./callsite.ts";
import { containerTask } from "./container-task.ts";

/** Shared by all copies of the package in a process. */
const mark: unique symbol = Symbol.for("musketeers.task") as never;

/** Where a task was made: the n-th `task()` call (from 0) of a script. */
export interface TaskSite {
  /** As the engine names it: a `file:` URL or a path. */
  readonly script: string;
  readonly ordinal: number;
}

// `never` as the parameter admits every function of one parameter, and none that needs two.
type OneParameter = (input: never) => unknown;

/** What the package knows of a task. */
export interface TaskInfo {
  readonly options: TaskOptions;
  /** Undefined where the engine does not tell. */
  readonly site: TaskSite | undefined;
  /** The function itself, whose text is sent where it stands in no file. */
  readonly fn?: OneParameter;
}

/** A function that can also run elsewhere. */
export type Task<F extends OneParameter = OneParameter> = F & { readonly [mark]: TaskInfo };

/** What a task takes; `undefined` where it takes nothing. */
export type InputOf<T> = T extends (...args: infer A) => unknown
  ? A extends readonly []
    ? undefined
    : A[0]
  : unknown;

/** What a task gives, in the end. */
export type OutputOf<T> = T extends (...args: never[]) => infer R ? Awaited<R> : unknown;

/** Options of a task with this function. */
type OptionsOf<F> = Omit<TaskOptions, "same"> & {
  readonly same?: (a: OutputOf<F>, b: OutputOf<F>) => boolean;
};

const ordinals = new Map<string, number>();

/** Where `below` was called; each asking counts as one call of that script. */
export function nextSite(below: (...args: never[]) => unknown): TaskSite | undefined {
  const script = callerScript(below);
  if (script === undefined) return undefined;
  const ordinal = ordinals.get(script) ?? 0;
  ordinals.set(script, ordinal + 1);
  return { script, ordinal };
}

/**
 * Makes a function one that a cluster can run. It stays an ordinary function; called directly it runs
 * here. Tasks belong to the top level of a module, before anything that awaits a cluster.
 * @throws MusketeersError `BAD_ARGUMENT` for options that make no sense
 */
export function task<F extends OneParameter>(fn: F, options: OptionsOf<F> = {}): Task<F> {
  const site = nextSite(task);
  if (typeof fn !== "function") throw new MusketeersError("BAD_ARGUMENT", "task() takes a function");
  checkOptionNames(options);
  resolveOptions(options);
  const call = function (this: unknown, ...args: never[]): unknown {
    return Reflect.apply(fn, this, args);
  };
  Object.defineProperty(call, "length", { value: fn.length, configurable: true });
  return markTask(call, options.name ?? fn.name, { options, site, fn }) as unknown as Task<F>;
}

task.container = containerTask;

/** Notes of a function what the package has to know of it. */
export function markTask(call: OneParameter, name: string, info: TaskInfo): Task {
  Object.defineProperty(call, "name", { value: name, configurable: true });
  Object.defineProperty(call, mark, { value: info });
  return call as Task;
}

/** What `task()` noted of a function; undefined where it is no task. */
export const taskInfo = (fn: unknown): TaskInfo | undefined =>
  typeof fn === "function" ? (fn as Partial<Task>)[mark] : undefined;
